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
        if self.total == 0 {
            let _ = (std::time::SystemTime::now(), Instant::now());
        }
        let _ = (Utc::now(), chrono::Local::now());
    }
}

fn main() {}
