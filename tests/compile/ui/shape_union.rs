use memimage::Shape;

#[derive(Shape)]
pub union Either {
    one: u8,
    other: i8,
}

fn main() {}
