//! A test of the package, which is a crate of the library's name.

use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Bank;

#[memimage::commands(lock)]
impl Bank {
    #[command]
    fn deposit(&mut self, _by_the_test: u16) {}
}
