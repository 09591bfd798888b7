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
    pub struct GuestBook {
        pub names: Vec<String>,
    }

    #[memimage::commands]
    impl GuestBook {
        #[command]
        pub fn sign(&mut self, name: String) {
            self.names.push(name);
        }
    }
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct GuestBook {
    names: Vec<(String, u32)>,
}

#[memimage::commands]
impl GuestBook {
    #[command(version = 3, history(SignV1, SignV2))]
    fn sign(&mut self, name: String, page: u32) {
        self.names.push((name, page));
    }

    /// Two variants of one command, of which each build has one.
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

/// Upcasts the other crate's last version to this crate's payload.
#[memimage::upcast]
fn sign_2_to_3(old: SignV2) -> GuestBookSign {
    GuestBookSign { name: old.name, page: old.page.unwrap_or(1) }
}

use first::GuestBookCommands as _;

#[test]
fn past_versions_in_another_crate_are_upcast() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("book");
    let book = open::<first::GuestBook>(&path);
    book.sign("Ada".to_owned()).unwrap();
    Image::close(book).unwrap();
    let book = open::<GuestBook>(&path);
    book.sign("Charles".to_owned(), 2).unwrap();
    book.turn(1).unwrap();
    assert_eq!(book.read_uncommitted().unwrap().names, [("Ada".to_owned(), 1), ("Charles".to_owned(), 2)]);
}
