trait Adds {
    fn add_one(&mut self);
}

#[memimage::commands]
impl dyn Adds {
    #[command]
    fn add(&mut self) {
        self.add_one();
    }
}

fn main() {}
