//! Events whose shape has grown or whose old type no longer exists: values are converted, and unchanged bytes are copied with
//! the newer shape.

use std::sync::Arc;

use memimage::Image;
use memimage::disk::SimDisk;

use super::{NEW, OLD, open, options, rewrite};

/// The first program.
mod before {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize, Shape)]
    pub enum Form {
        Paper,
        Audio(u16),
    }

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Shelf {
        pub count: u32,
    }

    #[memimage::commands]
    impl Shelf {
        #[command]
        pub fn add(&mut self, form: Form) {
            self.count += if matches!(form, Form::Paper) { 1 } else { 2 };
        }

        #[command]
        pub fn price(&mut self, title: String, cents: u32) {
            self.count += title.len() as u32 ^ cents;
        }
    }
}

/// A later program with another variant and larger prices.
mod after {
    use memimage::{Model, Shape, Value};
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape)]
    pub enum Form {
        Paper,
        Audio(u16),
        Film,
    }

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(version = 2)]
    pub struct Shelf {
        pub forms: Vec<Form>,
        pub prices: Vec<(String, u64)>,
    }

    fn unchanged(value: Value) -> Value {
        value
    }

    #[memimage::commands]
    impl Shelf {
        #[command]
        pub fn add(&mut self, form: Form) {
            self.forms.push(form);
        }

        #[command(version = 2, history(value = unchanged))]
        pub fn price(&mut self, title: String, cents: u64) {
            self.prices.push((title, cents));
        }
    }
}

/// The later program without its old versions.
mod last {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    use super::after::Form;

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(version = 2)]
    pub struct Shelf {
        pub forms: Vec<Form>,
        pub prices: Vec<(String, u64)>,
    }

    #[memimage::commands]
    impl Shelf {
        #[command]
        pub fn add(&mut self, form: Form) {
            self.forms.push(form);
        }

        #[command(version = 2, oldest = 2)]
        pub fn price(&mut self, title: String, cents: u64) {
            self.prices.push((title, cents));
        }
    }
}

#[test]
fn values_and_shapes_are_written_in_their_current_version() {
    use before::ShelfCommands as _;
    use last::ShelfCommands as _;
    let disk = SimDisk::new();
    let shelf: Image<before::Shelf> = options().open_with(Arc::new(disk.clone()), OLD).unwrap();
    shelf.add(before::Form::Audio(300)).unwrap();
    shelf.price("Emma".to_owned(), u32::MAX).unwrap();
    shelf.add(before::Form::Paper).unwrap();
    Image::close(shelf).unwrap();

    let rewritten = rewrite::<after::Shelf>(&disk, OLD, NEW).unwrap();
    assert_eq!(rewritten.upcasts, [(("price".to_owned(), 1), 1)].into());

    let shelf = open::<last::Shelf>(&disk, NEW);
    shelf.add(after::Form::Film).unwrap();
    assert_eq!(shelf.admin().stats().batches, 1, "the shape with the new variant should already be recorded");
    let state = shelf.read_uncommitted().unwrap();
    assert_eq!(state.forms, [after::Form::Audio(300), after::Form::Paper, after::Form::Film]);
    assert_eq!(state.prices, [("Emma".to_owned(), u64::from(u32::MAX))]);
}
