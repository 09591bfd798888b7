use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command(version = 0)]
    pub fn add(&mut self, by: u64) -> u64 {
        self.total += by;
        self.total
    }

    #[command(check = may_sub)]
    pub fn sub(&mut self, by: u64) -> u64 {
        self.total -= by;
        self.total
    }

    fn may_sub(&self, by: u64) -> Result<(), String> {
        (by <= self.total).then_some(()).ok_or_else(|| "too much".to_owned())
    }
}

fn uses<I: BankCommands>(bank: &I) -> u64 {
    let _ = BankEvent::from(BankAdd { by: 1 });
    let _: Result<u64, memimage::CommandError<String>> = memimage::Execute::execute(bank, BankSub { by: 1 });
    bank.add(1).unwrap() + bank.sub(2).unwrap()
}

fn main() {
    let _ = uses::<memimage::Image<Bank>>;
}
