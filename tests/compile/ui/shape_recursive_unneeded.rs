use memimage::Shape;

#[derive(Shape)]
#[shape(recursive)]
pub struct Holder<T> {
    value: T,
}

fn main() {}
