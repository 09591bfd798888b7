use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[derive(Deserialize, Shape)]
struct RemoveV1 {
    by: u8,
}

#[memimage::upcast]
fn remove_1(old: RemoveV1) -> RemoveV2 {
    RemoveV2 { by: old.by.into() }
}

#[derive(Deserialize, Shape)]
struct RemoveV2 {
    by: u64,
}

#[memimage::upcast]
fn remove_2(old: RemoveV2) -> RemoveV1 {
    RemoveV1 { by: old.by as u8 }
}

#[memimage::commands(retired(name = "remove", history(RemoveV1, RemoveV2)))]
impl Bank {
    #[command]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {}
