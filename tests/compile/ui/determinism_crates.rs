use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command]
    fn add(&mut self) {
        self.total = rand::random_range(1..6);
        let _ = (jiff::Timestamp::now(), jiff::Zoned::now(), time::OffsetDateTime::now_utc());
        getrandom::fill(&mut [0; 8]);
        let _ = std::time::SystemTime::elapsed(&std::time::UNIX_EPOCH);
    }
}

fn main() {}
