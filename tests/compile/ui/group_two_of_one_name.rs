use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(groups(Adding, subtracting::Adding))]
pub struct Bank {
    total: u64,
}

#[memimage::commands(group = Adding)]
impl Bank {
    #[command]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

mod subtracting {
    use super::Bank;

    #[memimage::commands(group = Adding)]
    impl Bank {
        #[command]
        fn subtract(&mut self, by: u64) {
            self.total -= by;
        }
    }
}

fn main() {}
