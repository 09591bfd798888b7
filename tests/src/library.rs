//! Models as a library exports them, where lints look at what others can reach.
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, private_bounds, private_interfaces)]

use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

/// A public model, whose commands are seen by some and by none.
#[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
pub struct Open {
    count: u64,
}

#[derive(Serialize, Deserialize, Shape)]
struct By(u64);

#[memimage::commands]
impl Open {
    /// Adds.
    #[command]
    pub fn add(&mut self, by: u64) -> u64 {
        self.count += by;
        self.count
    }

    #[command]
    fn add_privately(&mut self, by: By) -> u64 {
        self.count += by.0;
        self.count
    }
}

/// A public model without a public command.
#[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
pub struct Shut {
    count: u64,
}

#[memimage::commands]
impl Shut {
    #[command]
    fn add(&mut self, by: By) -> By {
        self.count += by.0;
        By(self.count)
    }
}
