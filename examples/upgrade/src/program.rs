//! The common interface of the stages.

use std::error::Error;
use std::path::Path;

use memimage::{Image, Model, Options};

/// Why a program failed.
pub type Failure = Box<dyn Error>;

/// The program of one stage.
pub trait Stage: Model {
    /// Runs the commands of an ordinary day.
    ///
    /// # Errors
    ///
    /// If a command fails.
    fn day(cafe: &Image<Self>) -> Result<(), Failure>;

    /// The whole state as text.
    fn show(&self) -> String;
}

/// The program of a stage, without its types.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    write: fn(&Path) -> Result<String, Failure>,
    show: fn(&Path) -> Result<String, Failure>,
}

/// The programs of all stages, in order.
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

    /// Opens or creates the image and runs the commands of a day. Returns a line with the recorded events.
    ///
    /// # Errors
    ///
    /// If the image cannot be opened, or a command fails.
    pub fn write(self, image: &Path) -> Result<String, Failure> {
        (self.write)(image)
    }

    /// Opens the image. Returns how it was recovered, and its state.
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
    let recovered = match recovery.snapshot {
        Some(snapshot) => format!("{seq} events: a snapshot of {snapshot}, and {replayed} replayed\n"),
        None => format!("{seq} events: {replayed} replayed\n"),
    };
    let state = cafe.query(M::show)?;
    Image::close(cafe)?;
    Ok(recovered + &state)
}

/// Options with the smallest segments, because some images of this example are committed.
fn options<M: Model>() -> Options<M> {
    Image::options().segment_bytes(16 << 10)
}
