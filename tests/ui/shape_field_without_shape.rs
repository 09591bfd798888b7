use memimage::Shape;

pub struct Foreign;

#[derive(Shape)]
pub struct Holder {
    foreign: Vec<Foreign>,
}

fn main() {}

// Mend: Derive `Shape` for the type; for one of another crate, `#[shape(opaque = "name")]` on the field.
