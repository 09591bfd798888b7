//! The outcome of opening a damaged image.

use std::panic::{AssertUnwindSafe, catch_unwind};

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image, Seq};
use memimage_tests::{Book, BookCommands, changed, files};

use crate::sample_images::SampleImage;

/// The allowed outcomes of opening a damaged image. Everything else fails the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OpenOutcome {
    /// No data is missing: the damaged bytes are not used.
    Unnoticed,
    /// No data is missing. Recovery reports that a snapshot or a copy of the base could not be used. A copy was repaired.
    FellBack,
    /// No data is missing. Recovery moved bytes that contain no acknowledged event to the quarantine, and reports it.
    Quarantined,
    /// The image was refused, with a position, and not modified.
    Refused,
    /// As `Refused`, but nothing proves that the damaged event was acknowledged.
    Suspect,
    /// The image was refused, with the unusable snapshots and bases of a pruned journal, and not modified.
    NoStart,
    /// The image opened with an earlier state. Only allowed where a test explains why the loss is undetectable.
    Earlier,
}

/// What is tried with an image that opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Its state is compared.
    State,
    /// It is also used, closed, and opened again.
    Use,
}

/// Opens a damaged image and classifies the result. `Err` if the result is not allowed.
pub(crate) fn open_and_check(sample: &SampleImage, damaged: &SimDisk, depth: Depth) -> Result<OpenOutcome, String> {
    let before = damaged.fork();
    let opened = catch_unwind(AssertUnwindSafe(|| sample.open(damaged)));
    match opened {
        Err(_) => Err("opening the image panicked".to_owned()),
        Ok(Err(error)) => {
            let position = error.position().is_some_and(|position| position.segment.is_some());
            let no_start = error.to_string().contains("no snapshot or base has a usable state");
            let changed = changed(&files(&before), &files(damaged));
            if error.kind() != ErrorKind::Corrupt || !position && !no_start {
                return Err(format!("the image was refused for another reason, or without a position: {error}"));
            }
            if !changed.is_empty() {
                return Err(format!("the image was refused ({error}), but {changed:?} were modified"));
            }
            let suspect = error.to_string().contains("the repairs that clear these bytes");
            Ok(match () {
                () if no_start => OpenOutcome::NoStart,
                () if suspect => OpenOutcome::Suspect,
                () => OpenOutcome::Refused,
            })
        }
        Ok(Ok(image)) => {
            let outcome = check_state(sample, &image)?;
            if depth == Depth::Use {
                use_image(sample, image, damaged)?;
            }
            Ok(outcome)
        }
    }
}

fn check_state(sample: &SampleImage, image: &Image<Book>) -> Result<OpenOutcome, String> {
    let seq = image.journal().seq();
    let state = image.read_uncommitted().map_err(|error| error.to_string())?;
    if sample.states.get(seq.get() as usize) != Some(&*state) {
        return Err(format!("the image opened with a state that never existed, after event {seq} of {}", sample.seq));
    }
    let recovery = image.admin().stats().recovery;
    Ok(match (recovery.quarantined, recovery.unusable_snapshots.is_empty()) {
        _ if seq < sample.seq => OpenOutcome::Earlier,
        (Some(_), _) => OpenOutcome::Quarantined,
        (None, false) => OpenOutcome::FellBack,
        (None, true) => OpenOutcome::Unnoticed,
    })
}

/// Verifies that an image can be used and opened again.
fn use_image(sample: &SampleImage, image: Image<Book>, disk: &SimDisk) -> Result<(), String> {
    let after_opening = |error: memimage::Error| format!("after the image was opened: {error}");
    image
        .write(1_000_000, "after the damage".to_owned())
        .map_err(|error| format!("after the image was opened: {error}"))?;
    let (seq, state) = (image.journal().seq(), image.read_uncommitted().map_err(after_opening)?.clone());
    Image::close(image).map_err(after_opening)?;
    let again = sample.open(disk).map_err(after_opening)?;
    let recovery = again.admin().stats().recovery;
    let found: (Seq, Book) = (again.journal().seq(), again.read_uncommitted().map_err(after_opening)?.clone());
    if found != (seq, state) || recovery.quarantined.is_some() {
        return Err(format!("the second open had another result: {recovery:?}"));
    }
    Ok(())
}
