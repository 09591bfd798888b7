#[derive(memimage::Model)]
pub union Bank {
    total: u64,
}

fn main() {}
