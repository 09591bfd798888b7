//! One model in three programs: the second cannot replay all events of the first, and the third replays them to a different
//! state.

/// The original program.
pub mod first {
    use memimage::{Context, Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
    pub struct Till {
        pub cents: u64,
        pub entries: Vec<(u64, u64)>,
    }

    #[memimage::commands]
    impl Till {
        #[command]
        pub fn put(&mut self, ctx: &Context, cents: u64) -> u64 {
            self.cents += cents;
            self.entries.push((ctx.seq().get(), ctx.random().u64()));
            self.cents
        }

        #[command]
        pub fn file(&mut self, bytes: Vec<u8>) {
            self.cents += bytes.len() as u64;
        }
    }
}

/// The program after an incompatible change: replay of a recorded event panics.
pub mod second {
    use std::panic::resume_unwind;

    use memimage::{Context, Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
    pub struct Till {
        pub cents: u64,
        pub entries: Vec<(u64, u64)>,
    }

    #[memimage::commands]
    impl Till {
        #[command]
        pub fn put(&mut self, ctx: &Context, cents: u64) -> u64 {
            if cents == 13 {
                resume_unwind(Box::new("thirteen".to_owned()));
            }
            self.cents += cents;
            self.entries.push((ctx.seq().get(), ctx.random().u64()));
            self.cents
        }

        #[command]
        pub fn file(&mut self, bytes: Vec<u8>) {
            self.cents += bytes.len() as u64;
        }
    }
}

/// The program after another incompatible change: `put` adds one cent more.
pub mod generous {
    use memimage::{Context, Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
    pub struct Till {
        pub cents: u64,
        pub entries: Vec<(u64, u64)>,
    }

    #[memimage::commands]
    impl Till {
        #[command]
        pub fn put(&mut self, ctx: &Context, cents: u64) -> u64 {
            self.cents += cents + 1;
            self.entries.push((ctx.seq().get(), ctx.random().u64()));
            self.cents
        }

        #[command]
        pub fn file(&mut self, bytes: Vec<u8>) {
            self.cents += bytes.len() as u64;
        }
    }
}
