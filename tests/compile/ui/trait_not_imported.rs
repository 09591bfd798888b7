use bank::Bank;
use memimage::Image;

mod bank {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Bank {
        total: u64,
    }

    #[memimage::commands]
    impl Bank {
        #[command]
        pub fn add(&mut self, by: u64) {
            self.total += by;
        }
    }
}

fn main() {
    let bank = Image::<Bank>::in_memory().unwrap();
    bank.add(1).unwrap();
}

// Help: Import the trait of the commands: `use crate::bank::BankCommands;`.
