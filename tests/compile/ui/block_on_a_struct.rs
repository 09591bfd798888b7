#[memimage::commands]
pub struct Bank {
    pub total: u64,
}

fn main() {
    let _ = Bank { total: 0 };
}
