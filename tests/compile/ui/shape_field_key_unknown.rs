use memimage::Shape;

#[derive(Shape)]
pub struct Name {
    #[shape(recursive)]
    name: String,
}

fn main() {}
