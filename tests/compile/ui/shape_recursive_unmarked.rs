use memimage::Shape;

#[derive(Shape)]
pub struct List<T> {
    value: T,
    next: Option<Box<List<T>>>,
}

fn main() {}
