use memimage::Shape;

#[derive(Shape)]
#[shape(unordered)]
pub struct Tags {
    tags: Vec<String>,
}

fn main() {}
