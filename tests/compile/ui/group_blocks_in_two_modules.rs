use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

mod other {
    use super::Bank;

    #[memimage::commands]
    impl Bank {
        #[command]
        fn subtract(&mut self, by: u64) {
            self.total -= by;
        }
    }
}

fn main() {}

// Help: Give each block a `group = Name`, and list them: `#[model(groups(…))]`.
