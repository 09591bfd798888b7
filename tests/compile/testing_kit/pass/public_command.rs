//! A public command is visible everywhere.

mod bank {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Bank {
        cents: u64,
    }

    #[memimage::commands]
    impl Bank {
        #[command]
        pub fn deposit(&mut self, cents: u64) {
            self.cents += cents;
        }
    }
}

fn main() {
    let _ = bank::BankDeposit { cents: 1 };
}
