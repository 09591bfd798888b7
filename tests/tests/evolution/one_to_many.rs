//! One event upcast to several, to another, or to none; rejected events; and the random values that each draws.

use memimage::{CommandError, Image};
use tempfile::tempdir;

use super::{open, options};

/// The first program: one command for what will be several.
mod first {
    use memimage::{Context, Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Desk {
        pub drawn: Vec<u64>,
    }

    #[memimage::commands]
    impl Desk {
        #[command]
        pub fn transfer(&mut self, ctx: &Context, from: u32, to: u32) {
            self.drawn.extend([u64::from(from), u64::from(to), ctx.random().u64()]);
        }

        #[command]
        pub fn ping(&mut self) {}

        #[command]
        pub fn try_it(&mut self, works: bool) -> Result<(), String> {
            self.drawn.push(1);
            if works { Ok(()) } else { Err("it does not".to_owned()) }
        }
    }
}

/// A later one: a transfer is two entries, a ping is nothing, and only what works is tried.
mod later {
    use memimage::{Context, Model, Recorded, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Desk {
        pub entries: Vec<(i64, u64, u64)>,
        pub tried: Vec<bool>,
    }

    #[derive(Deserialize, Shape)]
    struct TransferV1 {
        from: u32,
        to: u32,
    }

    #[memimage::upcast]
    fn transfer(old: TransferV1) -> Vec<DeskEvent> {
        let [out, into] = [-i64::from(old.from), i64::from(old.to)].map(|account| DeskEnter { account });
        vec![out.into(), DeskTick {}.into(), into.into()]
    }

    #[derive(Deserialize, Shape)]
    struct PingV1;

    #[memimage::upcast]
    fn ping(_: PingV1) {}

    #[derive(Deserialize, Shape)]
    struct TryItV1 {
        works: bool,
    }

    #[memimage::upcast]
    fn try_it(old: TryItV1, recorded: &Recorded<'_>) -> Option<DeskTryIt> {
        assert_eq!(old.works, !recorded.is_rejected());
        (recorded.seq().get() != 5).then_some(DeskTryIt { works: old.works, hard: true })
    }

    #[memimage::commands]
    impl Desk {
        #[command]
        pub fn enter(&mut self, ctx: &Context, account: i64) {
            self.entries.push((account, ctx.seq().get(), ctx.random().u64()));
        }

        #[command(replay_only)]
        pub fn tick(&mut self) {}

        #[command(name = "transfer", version = 2, history(TransferV1), replay_only)]
        pub fn transfer_never_recorded(&mut self) {}

        #[command(version = 2, history(PingV1))]
        pub fn ping(&mut self, host: String) {
            _ = host;
        }

        #[command(version = 2, history(TryItV1))]
        pub fn try_it(&mut self, works: bool, hard: bool) -> Result<(), String> {
            self.tried.push(hard);
            if works { Ok(()) } else { Err("it does not".to_owned()) }
        }
    }
}

/// One that no longer knows that a rejected event must stay rejected.
mod careless {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Desk {
        tried: u32,
    }

    #[derive(Deserialize, Shape)]
    struct TryItV1 {
        works: bool,
    }

    #[memimage::upcast]
    fn try_it(old: TryItV1) -> DeskTryIt {
        DeskTryIt { works: u8::from(old.works) }
    }

    #[memimage::commands]
    impl Desk {
        #[command(version = 2, history(TryItV1))]
        pub fn try_it(&mut self, works: u8) {
            self.tried += u32::from(works);
        }
    }
}

/// One whose upcasters lead from one command's past to the other's, and back.
mod circular {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Desk;

    #[derive(Deserialize, Shape)]
    struct PingV1;

    #[derive(Deserialize, Shape)]
    struct PongV1;

    #[memimage::upcast]
    fn ping(_: PingV1) -> PongV1 {
        PongV1
    }

    #[memimage::upcast]
    fn pong(_: PongV1) -> PingV1 {
        PingV1
    }

    #[memimage::commands]
    impl Desk {
        #[command(version = 2, history(PingV1))]
        pub fn ping(&mut self, host: String) {
            _ = host;
        }

        #[command(version = 2, history(PongV1))]
        pub fn pong(&mut self, host: String) {
            _ = host;
        }
    }
}

use first::DeskCommands as _;
use later::DeskCommands as _;

#[test]
fn parts_share_the_seq_and_draw_each_for_itself() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("desk");
    let desk = open::<first::Desk>(&path);
    desk.transfer(1, 2).unwrap();
    desk.ping().unwrap();
    desk.try_it(true).unwrap();
    assert!(matches!(desk.try_it(false), Err(CommandError::Refused(_))));
    desk.try_it(true).unwrap();
    desk.transfer(3, 4).unwrap();
    let whole = desk.read_uncommitted().unwrap().drawn.clone();
    Image::close(desk).unwrap();

    let desk = open::<later::Desk>(&path);
    desk.enter(5).unwrap();
    let entries = desk.read_uncommitted().unwrap().entries.clone();
    let seqs: Vec<(i64, u64)> = entries.iter().map(|&(account, seq, _)| (account, seq)).collect();
    assert_eq!(seqs, [(-1, 1), (2, 1), (-3, 6), (4, 6), (5, 7)]);
    let mut draws: Vec<u64> = entries.iter().map(|entry| entry.2).chain([whole[2]]).collect();
    draws.sort_unstable();
    draws.dedup();
    assert_eq!(draws.len(), 6, "no two draw the same");
    // the rejected one was tried again, the fifth was dropped
    assert_eq!(desk.read_uncommitted().unwrap().tried, [true, true]);
    Image::close(desk).unwrap();
    let desk = open::<later::Desk>(&path);
    assert_eq!(desk.read_uncommitted().unwrap().entries, entries);
}

#[test]
fn what_was_rejected_must_stay_so() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("desk");
    let desk = open::<first::Desk>(&path);
    desk.try_it(true).unwrap();
    assert!(desk.try_it(false).is_err());
    Image::close(desk).unwrap();
    let error = options::<careless::Desk>().open(&path).unwrap_err().to_string();
    assert!(error.contains("was rejected when it was recorded and is applied now"), "{error}");
}

#[test]
fn a_circle_of_upcasters_is_an_error() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("desk");
    let desk = open::<first::Desk>(&path);
    desk.ping().unwrap();
    Image::close(desk).unwrap();
    let error = options::<circular::Desk>().open(&path).unwrap_err().to_string();
    assert!(error.contains("the upcasters of `ping` version 1 form a cycle"), "{error}");
}
