//! Models that a library exports: lints apply to its public items.
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, private_bounds, private_interfaces)]

use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

/// A public model with a public and a private command.
#[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
pub struct PublicCounter {
    count: u64,
}

#[derive(Serialize, Deserialize, Shape)]
struct Increment(u64);

#[memimage::commands]
impl PublicCounter {
    /// Adds to the count.
    #[command]
    pub fn add(&mut self, by: u64) -> u64 {
        self.count += by;
        self.count
    }

    #[command]
    fn add_privately(&mut self, by: Increment) -> u64 {
        self.count += by.0;
        self.count
    }
}

/// A public model without a public command.
#[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
pub struct PrivateCounter {
    count: u64,
}

#[memimage::commands]
impl PrivateCounter {
    #[command]
    fn add(&mut self, by: Increment) -> Increment {
        self.count += by.0;
        Increment(self.count)
    }
}
