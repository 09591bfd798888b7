use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command(check = can_add)]
    fn add(&mut self, by: u64, note: Option<String>) {
        self.total += by + note.map_or(0, |note| note.len() as u64);
    }

    fn can_add(&self, note: Option<&str>) -> Result<(), String> {
        let _ = note;
        Ok(())
    }
}

fn main() {}
