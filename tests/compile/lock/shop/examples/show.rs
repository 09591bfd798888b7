//! An example of the package, whose lock is blessed by hand.

use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Bank;

#[memimage::commands(lock)]
impl Bank {
    #[command]
    fn deposit(&mut self, _by_the_example: bool) {}
}

fn main() -> Result<(), memimage::Error> {
    let blessed = memimage::shape_lock::bless::<Bank>()?;
    assert!(blessed.path().ends_with("memimage.lock"));
    println!("{}", blessed.added().join(", "));
    memimage::shape_lock::verify::<Bank>()
}
