use memimage::Shape;

#[derive(Shape)]
pub struct Tags {
    #[shape(opaque = "hashbrown::HashSet<String>", unordered, unordered)]
    tags: Vec<String>,
}

fn main() {}
