use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command(replay_only)]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {
    let bank = memimage::Image::<Bank>::in_memory().unwrap();
    bank.add(1).unwrap();
}

// Help: Call the command that replaced it: a `replay_only` command is not a method of the image.
