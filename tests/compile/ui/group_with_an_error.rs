//! An error in the only group of a model, and no other.

mod bank {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(groups(Accounts))]
    pub struct Bank {
        count: u32,
    }

    #[memimage::commands(group = Accounts)]
    impl Bank {
        #[command]
        pub fn deposit(&mut self, cents: &u32) {
            self.count += cents;
        }
    }
}

fn main() {
    let _ = memimage::Image::<bank::Bank>::in_memory();
}
