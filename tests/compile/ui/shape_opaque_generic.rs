use memimage::Shape;

#[derive(Shape)]
#[shape(opaque = "name")]
pub struct Name<T> {
    name: T,
}

fn main() {}
