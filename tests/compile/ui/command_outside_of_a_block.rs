pub struct Bank {
    pub total: u64,
}

impl Bank {
    #[memimage::command]
    pub fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {
    Bank { total: 0 }.add(1);
}
