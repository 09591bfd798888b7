//! Requests that an earlier program executed: an answer of another shape is not read.

use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image, Model};

use super::{assert_error, remove_snapshots};

/// The first program.
mod first {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "Desk")]
    pub struct Desk {
        pub count: u64,
    }

    #[derive(Debug, Serialize, Deserialize, Shape)]
    pub struct Ticket {
        pub number: u64,
    }

    #[memimage::commands]
    impl Desk {
        #[command]
        pub fn call(&mut self) -> Ticket {
            self.count += 1;
            Ticket { number: self.count }
        }

        #[command]
        pub fn add(&mut self, number: u32) -> u64 {
            self.count += u64::from(number);
            self.count
        }

        #[command]
        pub fn pair(&mut self, number: u32) -> u64 {
            self.count += 2 * u64::from(number);
            self.count
        }

        #[command]
        pub fn note(&mut self, number: u32) -> u64 {
            u64::from(number)
        }

        #[command]
        pub fn old(&mut self) -> u64 {
            self.count
        }

        #[command]
        pub fn same(&mut self, number: u32) -> u64 {
            u64::from(number)
        }
    }
}

/// A later program: the answer of `call` has another shape; `add` has a new version; a `pair` is two additions; a `note` has no
/// effect any more; `old` is only replayed.
mod later {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "Desk")]
    pub struct Desk {
        pub count: u64,
    }

    #[derive(Debug, Serialize, Deserialize, Shape)]
    pub struct Ticket {
        pub number: i64,
    }

    #[derive(Deserialize, Shape)]
    struct NumberV1 {
        number: u32,
    }

    #[memimage::upcast]
    fn add(old: NumberV1) -> DeskAdd {
        DeskAdd { number: u64::from(old.number), times: 1 }
    }

    #[derive(Deserialize, Shape)]
    struct PairV1 {
        number: u32,
    }

    #[memimage::upcast]
    fn pair(old: PairV1) -> (DeskAdd, DeskAdd) {
        let add = || DeskAdd { number: u64::from(old.number), times: 1 };
        (add(), add())
    }

    #[derive(Deserialize, Shape)]
    struct NoteV1 {
        #[allow(dead_code)]
        number: u32,
    }

    #[memimage::upcast]
    fn note(_: NoteV1) {}

    #[memimage::commands]
    impl Desk {
        #[command]
        pub fn call(&mut self) -> Ticket {
            self.count += 1;
            Ticket { number: self.count as i64 }
        }

        #[command(version = 2, history(NumberV1))]
        pub fn add(&mut self, number: u64, times: u64) -> u64 {
            self.count += number * times;
            self.count
        }

        #[command(version = 2, history(PairV1))]
        pub fn pair(&mut self, number: u64) -> u64 {
            self.count += 2 * number;
            self.count
        }

        #[command(version = 2, history(NoteV1))]
        pub fn note(&mut self, text: String) -> usize {
            text.len()
        }

        #[command(replay_only)]
        pub fn old(&mut self) -> u64 {
            self.count
        }

        #[command]
        pub fn same(&mut self, number: u32) -> u64 {
            u64::from(number)
        }
    }
}

fn open<M: Model>(disk: &SimDisk) -> Image<M> {
    Image::<M>::options().segment_bytes(16 << 10).open_with(Arc::new(disk.clone()), "/desk").unwrap()
}

/// An image of the first program, with a request of each kind.
fn first_image(snapshot: bool) -> SimDisk {
    use first::DeskCommands as _;
    let disk = SimDisk::new();
    let image = open::<first::Desk>(&disk);
    assert_eq!(image.once("call").call().unwrap().number, 1);
    assert_eq!(image.once("add").add(5).unwrap(), 6);
    assert_eq!(image.once("pair").pair(2).unwrap(), 10);
    assert_eq!(image.once("note").note(2).unwrap(), 2);
    assert_eq!(image.once("old").old().unwrap(), 10);
    assert_eq!(image.once("same").same(3).unwrap(), 3);
    if snapshot {
        image.admin().snapshot().unwrap();
    }
    Image::close(image).unwrap();
    disk
}

#[test]
fn a_replay_gives_the_answers_of_the_present_program() {
    use later::DeskCommands as _;
    let image = open::<later::Desk>(&first_image(false));
    assert_eq!(image.once("call").call().unwrap().number, 1, "with its present type");
    assert_eq!(image.once("add").add(5, 1).unwrap(), 6, "the upcast command is compared");
    assert_error(&image.once("add").add(6, 1).unwrap_err(), ErrorKind::RequestKeyReused, 2, "other arguments");
    assert_error(&image.once("pair").pair(2).unwrap_err(), ErrorKind::AlreadyExecuted, 3, "several events");
    assert_error(&image.once("pair").add(2, 1).unwrap_err(), ErrorKind::AlreadyExecuted, 3, "several events");
    assert_error(&image.once("note").note("x".to_owned()).unwrap_err(), ErrorKind::AlreadyExecuted, 4, "to none");
    assert_error(&image.once("old").add(1, 1).unwrap_err(), ErrorKind::RequestKeyReused, 5, "it was the command `old`");
    assert_eq!(image.once("same").same(3).unwrap(), 3);
    assert_eq!(image.query(|desk| desk.count).unwrap(), 10);
}

#[test]
fn an_answer_of_another_shape_is_not_read() {
    use later::DeskCommands as _;
    let disk = first_image(true);
    let image = open::<later::Desk>(&disk);
    assert_eq!(image.admin().stats().recovery.replayed, 0);
    assert_error(
        &image.once("call").call().unwrap_err(),
        ErrorKind::AlreadyExecuted,
        1,
        "type of the answer has changed",
    );
    assert_error(&image.once("add").add(5, 1).unwrap_err(), ErrorKind::AlreadyExecuted, 2, "another version");
    assert_eq!(image.once("pair").pair(2).unwrap_err().kind(), ErrorKind::AlreadyExecuted);
    assert_eq!(image.once("same").same(3).unwrap(), 3, "an answer of the same shape is known");
    assert_error(&image.once("same").same(4).unwrap_err(), ErrorKind::RequestKeyReused, 6, "other arguments");
    assert_eq!(image.once("new").call().unwrap().number, 11);
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    // a snapshot of entries of both programs
    let image = open::<later::Desk>(&disk);
    assert_eq!(image.admin().stats().recovery.replayed, 0);
    assert_eq!(image.once("new").call().unwrap().number, 11);
    assert_error(
        &image.once("call").call().unwrap_err(),
        ErrorKind::AlreadyExecuted,
        1,
        "type of the answer has changed",
    );
    Image::close(image).unwrap();
    remove_snapshots(&disk);
    let image = open::<later::Desk>(&disk);
    assert_eq!(image.once("call").call().unwrap().number, 1);
    assert_eq!(image.once("new").call().unwrap().number, 11);
}

/// A rewrite writes the parts of an event as events, each with the key.
#[test]
fn the_parts_of_a_rewritten_request_are_not_executed_again() {
    use later::DeskCommands as _;
    let disk = first_image(false);
    let rewrite = memimage::admin::Rewrite::<later::Desk>::new().segment_bytes(16 << 10);
    rewrite.run_with(Arc::new(disk.clone()), "/desk", "/rewritten").unwrap();
    let image = Image::<later::Desk>::options().open_with(Arc::new(disk), "/rewritten").unwrap();
    assert_eq!(image.once("add").add(5, 1).unwrap(), 6);
    assert_eq!(image.once("pair").pair(2).unwrap_err().kind(), ErrorKind::AlreadyExecuted);
    assert_eq!(image.once("note").note("x".to_owned()).unwrap_err().kind(), ErrorKind::AlreadyExecuted);
    assert_eq!(image.query(|desk| desk.count).unwrap(), 10);
}

/// A program with another version of the model, which upcasts the state in the snapshot.
mod of_another_state {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "Desk", version = 2, history(DeskV1))]
    pub struct Desk {
        pub total: i64,
    }

    #[derive(Serialize, Deserialize, Shape)]
    struct DeskV1 {
        count: u64,
    }

    #[memimage::upcast]
    fn desk(old: DeskV1) -> Desk {
        Desk { total: old.count as i64 }
    }

    #[memimage::commands]
    impl Desk {
        #[command]
        pub fn add(&mut self, number: u32) -> u64 {
            self.total += i64::from(number);
            self.total as u64
        }
    }
}

/// A first program with the command `add` only.
mod with_one_command {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "Desk")]
    pub struct Desk {
        pub count: u64,
    }

    #[memimage::commands]
    impl Desk {
        #[command]
        pub fn add(&mut self, number: u32) -> u64 {
            self.count += u64::from(number);
            self.count
        }
    }
}

#[test]
fn requests_are_remembered_beside_a_state_that_is_upcast() {
    let disk = SimDisk::new();
    {
        use with_one_command::DeskCommands as _;
        let image = open::<with_one_command::Desk>(&disk);
        assert_eq!(image.once("a").add(5).unwrap(), 5);
        image.admin().snapshot().unwrap();
        Image::close(image).unwrap();
    }
    use of_another_state::DeskCommands as _;
    let image = open::<of_another_state::Desk>(&disk);
    assert_eq!(image.admin().stats().recovery.replayed, 0);
    assert_eq!(image.once("a").add(5).unwrap(), 5);
    assert_eq!(image.once("a").add(6).unwrap_err().kind(), ErrorKind::RequestKeyReused);
    assert_eq!(image.query(|desk| desk.total).unwrap(), 5);
}
