use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[derive(Deserialize, Shape)]
struct AddV1 {
    by: u8,
}

mod other {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Shop {
        total: u64,
    }

    #[memimage::commands]
    impl Shop {
        #[command]
        pub fn sell(&mut self, by: u64) {
            self.total += by;
        }
    }
}

#[memimage::upcast]
fn add_1(old: AddV1) -> other::ShopSell {
    other::ShopSell { by: old.by.into() }
}

#[memimage::commands]
impl Bank {
    #[command(version = 2, history(AddV1))]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {}

// Help: Return a payload of this model.
