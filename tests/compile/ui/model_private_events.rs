mod bank {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    struct Bank {
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
    let _ = bank::BankEvent::Add(bank::BankAdd { by: 1 });
}

// Help: Make the model visible, `pub(crate) struct Bank`: its event enum has the same visibility.
