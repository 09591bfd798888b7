use memimage::Shape;

#[derive(Shape)]
#[shape(opak = "name")]
pub struct Name {
    name: String,
}

fn main() {}
