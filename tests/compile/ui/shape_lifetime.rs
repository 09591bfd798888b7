use memimage::Shape;

#[derive(Shape)]
pub struct Name<'a> {
    name: &'a str,
}

fn main() {}
