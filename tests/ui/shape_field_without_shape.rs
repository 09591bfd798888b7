use memimage::Shape;

pub struct Foreign;

#[derive(Shape)]
pub struct Holder {
    foreign: Vec<Foreign>,
}

fn main() {}
