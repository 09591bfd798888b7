//! A model that is locked. Models of its name are all around it, each with lines of its own:
//!
//! ```
//! use memimage::{Model, Shape};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! struct Bank;
//!
//! #[memimage::commands(lock)]
//! impl Bank {
//!     #[command]
//!     fn documented(&mut self) {}
//! }
//! ```

use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Shape)]
pub struct Money {
    pub cents: u32,
}

#[derive(Serialize, Deserialize, Shape)]
pub enum Side {
    Bid,
    Ask,
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    orders: u64,
}

#[memimage::commands(lock)]
impl Bank {
    #[command]
    pub fn deposit(&mut self, _account: u32, _money: Vec<Money>) {
        self.orders += 1;
    }

    #[command(name = "to close")]
    pub fn shut(&mut self, _account: u32) {
        self.orders += 1;
    }

    #[command]
    pub fn order(&mut self, _side: Side) {
        self.orders += 1;
    }
}
