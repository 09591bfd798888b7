use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[derive(Deserialize, Shape)]
struct RemoveV1;

#[memimage::upcast]
fn remove_1(_: RemoveV1) {}

#[derive(Deserialize, Shape)]
struct RemoveV2;

#[memimage::upcast]
fn remove_2(_: RemoveV2) {}

#[memimage::commands(retired(name = "remove", history(RemoveV1)), retired(name = "remove", history(RemoveV2)))]
impl Bank {
    #[command]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {}
