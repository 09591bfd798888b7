use memimage::Shape;

#[derive(Shape)]
pub struct Tags {
    #[shape(unordered)]
    tags: Vec<String>,
}

fn main() {}
