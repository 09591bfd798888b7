//! The outcome of opening a damaged image.

use std::panic::{AssertUnwindSafe, catch_unwind};

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image, Seq};
use memimage_tests::{Book, BookCommands, changed, files};

use crate::sample_images::{Sample, open, options};

/// What came of opening a damaged image. Everything else fails the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// All is there: the damage is in bytes that say nothing.
    Unnoticed,
    /// All is there. A snapshot or a copy of the base could not be used, and recovery says so; what there are two copies of was mended.
    FellBack,
    /// All is there. Bytes that no acknowledged event was in were put into quarantine, and recovery says so.
    Quarantined,
    /// Refused, with a position, and nothing was changed.
    Refused,
    /// As `Refused`; nothing proves that what is damaged was acknowledged.
    Suspect,
    /// Refused, with the files that a pruned journal could have begun with, and nothing was changed.
    NoStart,
    /// An earlier state of the image, exactly. Allowed only where a test says why nobody can know better.
    Earlier,
}

/// How much is tried with an image that opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Its state is looked at.
    Look,
    /// It is also written to, closed, and opened again.
    Live,
}

/// Opens a damaged image and says what came of it; `Err` if that may not be.
pub(crate) fn judge(sample: &Sample, damaged: &SimDisk, depth: Depth) -> Result<Outcome, String> {
    let before = damaged.fork();
    let opened = catch_unwind(AssertUnwindSafe(|| open(damaged, options(512).create(false))));
    match opened {
        Err(_) => Err("opening it panicked".to_owned()),
        Ok(Err(error)) => {
            let position = error.position().is_some_and(|position| position.segment.is_some());
            let no_start = error.to_string().contains("no usable snapshot or base precedes it");
            let changed = changed(&files(&before), &files(damaged));
            if error.kind() != ErrorKind::Corrupt || !position && !no_start {
                return Err(format!("refused for another reason, or without a position: {error}"));
            }
            if !changed.is_empty() {
                return Err(format!("refused ({error}), but {changed:?} were changed"));
            }
            let suspect = error.to_string().contains("never acknowledged as far as is known");
            Ok(match () {
                () if no_start => Outcome::NoStart,
                () if suspect => Outcome::Suspect,
                () => Outcome::Refused,
            })
        }
        Ok(Ok(image)) => {
            let outcome = opened_as(sample, &image)?;
            if depth == Depth::Live {
                live(image, damaged)?;
            }
            Ok(outcome)
        }
    }
}

fn opened_as(sample: &Sample, image: &Image<Book>) -> Result<Outcome, String> {
    let seq = image.journal().seq();
    let state = image.read_uncommitted().map_err(|error| error.to_string())?;
    if sample.states.get(seq.get() as usize) != Some(&*state) {
        return Err(format!("opened with a state that never was, after event {seq} of {}", sample.seq));
    }
    let recovery = image.admin().stats().recovery;
    Ok(match (recovery.quarantined, recovery.unusable_snapshots.is_empty()) {
        _ if seq < sample.seq => Outcome::Earlier,
        (Some(_), _) => Outcome::Quarantined,
        (None, false) => Outcome::FellBack,
        (None, true) => Outcome::Unnoticed,
    })
}

/// An image that opens goes on as any other.
fn live(image: Image<Book>, disk: &SimDisk) -> Result<(), String> {
    let told = |error: memimage::Error| format!("it opened, and then: {error}");
    image.write(1_000_000, "after the damage".to_owned()).map_err(|error| format!("it opened, and then: {error}"))?;
    let (seq, state) = (image.journal().seq(), image.read_uncommitted().map_err(told)?.clone());
    Image::close(image).map_err(told)?;
    let again = open(disk, options(512).create(false)).map_err(told)?;
    let recovery = again.admin().stats().recovery;
    let found: (Seq, Book) = (again.journal().seq(), again.read_uncommitted().map_err(told)?.clone());
    if found != (seq, state) || recovery.quarantined.is_some() {
        return Err(format!("it opened, and then as another: {recovery:?}"));
    }
    Ok(())
}
