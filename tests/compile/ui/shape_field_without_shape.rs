use memimage::Shape;

pub struct Foreign;

#[derive(Shape)]
pub struct Holder {
    foreign: Vec<Foreign>,
}

fn main() {}

// Help: Derive `Shape` for the type; for a type of another crate, write `#[shape(opaque = "name")]` on the field.
