//! Past versions and their upcasters in another crate.

use memimage::{Image, Model, Shape};
use memimage_tests::past_versions::{SignV1, SignV2};
use serde::{Deserialize, Serialize};
use tempfile::tempdir;

use super::open;

/// The first program.
mod first {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Book {
        pub names: Vec<String>,
    }

    #[memimage::commands]
    impl Book {
        #[command]
        pub fn sign(&mut self, name: String) {
            self.names.push(name);
        }
    }
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Book {
    names: Vec<(String, u32)>,
}

#[memimage::commands]
impl Book {
    #[command(version = 3, history(SignV1, SignV2))]
    fn sign(&mut self, name: String, page: u32) {
        self.names.push((name, page));
    }

    /// In one build it is the one, in another the other.
    #[cfg(test)]
    #[command(version = 2, oldest = 2)]
    fn turn(&mut self, pages: u32) {
        _ = pages;
    }

    #[cfg(not(test))]
    #[command(version = 2, oldest = 2)]
    fn turn(&mut self, pages: u32) {
        _ = pages;
    }
}

/// The step from the other crate's last version to this crate's own.
#[memimage::upcast]
fn sign_2_to_3(old: SignV2) -> BookSign {
    BookSign { name: old.name, page: old.page.unwrap_or(1) }
}

use first::BookCommands as _;

#[test]
fn the_last_step_leads_from_another_crate_to_this_one() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("book");
    let book = open::<first::Book>(&path);
    book.sign("Ada".to_owned()).unwrap();
    Image::close(book).unwrap();
    let book = open::<Book>(&path);
    book.sign("Charles".to_owned(), 2).unwrap();
    book.turn(1).unwrap();
    assert_eq!(book.read_uncommitted().unwrap().names, [("Ada".to_owned(), 1), ("Charles".to_owned(), 2)]);
}
