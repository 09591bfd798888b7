//! The common interface of the stages, to select a stage by its number.

use std::error::Error;
use std::path::Path;

use memimage::{Image, Model, Options};

/// The error of a stage's program.
pub type Failure = Box<dyn Error>;

/// The program in one stage of its life.
pub trait Stage: Model {
    /// Runs the commands of an ordinary day.
    ///
    /// # Errors
    ///
    /// If one of them fails.
    fn day(cafe: &Image<Self>) -> Result<(), Failure>;

    /// The whole state as text.
    fn show(&self) -> String;
}

/// A stage, with its types erased.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    write: fn(&Path) -> Result<String, Failure>,
    show: fn(&Path) -> Result<String, Failure>,
}

/// The stages, in their order.
pub const PROGRAMS: [Program; 5] = [
    Program::of::<crate::stage1::Cafe>(),
    Program::of::<crate::stage2::Cafe>(),
    Program::of::<crate::stage3::Cafe>(),
    Program::of::<crate::stage4::Cafe>(),
    Program::of::<crate::stage5::Cafe>(),
];

impl Program {
    const fn of<M: Stage>() -> Program {
        Program { write: write::<M>, show: show::<M> }
    }

    /// Opens the image, or creates it, and runs a day's commands. Returns the numbers of their events as text.
    ///
    /// # Errors
    ///
    /// If the image cannot be opened, or a command fails.
    pub fn write(self, image: &Path) -> Result<String, Failure> {
        (self.write)(image)
    }

    /// Opens the image, and returns its content and its recovery report as text.
    ///
    /// # Errors
    ///
    /// If there is no image, or it cannot be opened.
    pub fn show(self, image: &Path) -> Result<String, Failure> {
        (self.show)(image)
    }
}

fn write<M: Stage>(path: &Path) -> Result<String, Failure> {
    let cafe = options::<M>().open(path)?;
    let before = cafe.journal().seq().get();
    M::day(&cafe)?;
    let after = cafe.journal().seq().get();
    Image::close(cafe)?;
    Ok(format!("wrote events {} to {after}\n", before + 1))
}

fn show<M: Stage>(path: &Path) -> Result<String, Failure> {
    let cafe = options::<M>().create(false).open(path)?;
    let recovery = cafe.admin().stats().recovery;
    let (seq, replayed) = (recovery.seq, recovery.replayed);
    let begun = match recovery.snapshot {
        Some(snapshot) => format!("{seq} events: a snapshot of {snapshot}, and {replayed} replayed\n"),
        None => format!("{seq} events: {replayed} replayed\n"),
    };
    let state = cafe.query(M::show)?;
    Image::close(cafe)?;
    Ok(begun + &state)
}

/// The smallest length, because the images of this example are small and some of them are committed.
fn options<M: Model>() -> Options<M> {
    Image::options().segment_bytes(16 << 10)
}
