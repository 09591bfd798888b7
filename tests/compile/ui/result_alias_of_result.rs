use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

type Answer = std::result::Result<u64, &'static str>;

#[memimage::commands]
impl Bank {
    #[command]
    fn add(&mut self, by: u64) -> Answer {
        self.total = self.total.checked_add(by).ok_or("overflow")?;
        Ok(self.total)
    }
}

fn main() {}
