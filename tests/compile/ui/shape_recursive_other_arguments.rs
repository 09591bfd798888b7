use memimage::Shape;

#[derive(Shape)]
#[shape(recursive)]
pub struct List<T> {
    value: T,
    next: Option<Box<List<u8>>>,
}

fn main() {}
