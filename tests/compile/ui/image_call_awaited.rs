use memimage::{Image, Model, Shape};
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

async fn add(image: &Image<Bank>) -> Result<(), memimage::Error> {
    image.add(5).await
}

fn main() {}

// Help: Await `image.execute_async(BankAdd { by: 5 })`: a command method of an image blocks and returns no future.
