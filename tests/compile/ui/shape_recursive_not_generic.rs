use memimage::Shape;

#[derive(Shape)]
#[shape(recursive)]
pub struct Tree {
    children: Vec<Tree>,
}

fn main() {}
