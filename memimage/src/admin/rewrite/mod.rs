//! Rewrites a journal into a new image with the whole history, each event at its newest version.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

mod report;
mod messages;
mod rewriter;

use super::keys::GivenKeys;
use super::seq_range::SeqRange;
use crate::disk::{Disk, RealDisk, absolute};
use crate::error::{Error, ErrorDetail};
use crate::event::Model;
use crate::journal::Layout;
#[cfg(any(feature = "chain", feature = "encryption"))]
use crate::keys::Keys;
use crate::log;
use crate::new_image::{
    CompleteJournal, FrameDecoder, Rebuilt, RecordWriter, StagingDir, StagingTask, first_divergence, refuse_inside,
    vacant,
};
use crate::options::Options;
use crate::recovery::ReplayProgress;
use crate::seq::SegmentId;
#[cfg(feature = "admin")]
pub(super) use messages::PRUNED;
pub use report::{RewriteProgress, RewriteReport, RewriteStep};
use rewriter::{RewriteCounts, Rewriter};

/// The staging directory of a rewrite.
pub(super) const STAGING: StagingTask = StagingTask {
    name: "rewrite",
    ending: ".rewriting",
    marker: "REWRITING",
    text: "A rewrite is creating an image in this directory. If no such process is running, the rewrite was interrupted: run it \
           again, or remove the directory.\n",
    extra: None,
};

/// Creates a new image at `target` with the events of the image at `source`, each event at its newest version. Verifies that
/// both journals replay to the same state. The source is not changed.
///
/// A program that opens the new image no longer needs the types and the upcasters of past versions of events and of the model's
/// state. In a command's attribute, `oldest = N` declares that no journal contains versions before `N`.
///
/// - Every event keeps its time, metadata, outcome and random values. If an event is upcast to several events, the new journal
///   contains all of them, so later events get higher numbers. The [`seq`](crate::Context::seq) that a body reads does not
///   change. If an event is upcast to nothing, the new journal contains a `memimage.dropped` record in its place.
/// - Events of `replay_only` versions are copied unchanged, because they have no newer version.
/// - The new image has the random seed of the source, a new UUID, and no snapshots. The headers of the new image record the
///   source as the parent of the new image.
/// - The rewrite creates the new image in a directory beside `target`, named `.NAME.rewriting`, or inside of `target`, if this is an
///   empty directory. Once the image is synced and verified, a rename moves it to `target`. After a crash, `target` has either no
///   image or a complete one. If it has none, run the rewrite again from the beginning. If the rewrite fails, it removes the
///   directory.
/// - The rewrite only reads the source, and locks it so that no other process can open it meanwhile. If the source ends in a
///   torn write, the rewrite neither copies nor clears the torn write.
/// - The rewrite does not use snapshots of the source, but replays from the first event. If an upcaster changed the meaning of
///   an old event, a snapshot that was made before the change of meaning contains another state.
///
/// ```
/// # use memimage::{Image, Model, Shape};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
/// # struct Counter { count: u64 }
/// # #[memimage::commands]
/// # impl Counter {
/// #     /// Adds.
/// #     #[command]
/// #     fn add(&mut self, number: u32) { self.count += u64::from(number); }
/// # }
/// # let directory = tempfile::tempdir().unwrap();
/// # let (old, new) = (directory.path().join("old"), directory.path().join("new"));
/// # Image::<Counter>::open(&old)?.add(1)?;
/// let rewritten = memimage::admin::rewrite::<Counter>(&old, &new)?;
/// println!("{} events written, {} of them upcast", rewritten.written, rewritten.upcasts.values().sum::<u64>());
/// # Ok::<(), memimage::Error>(())
/// ```
///
/// # Errors
///
/// - The source is not an image of this model, is damaged, or cannot be replayed.
/// - Another process has the source open ([`ErrorKind::Locked`](crate::ErrorKind::Locked)).
/// - The source was pruned ([`ErrorKind::Pruned`](crate::ErrorKind::Pruned)).
/// - Events of the source are lost in a recorded gap ([`ErrorKind::LostEvents`](crate::ErrorKind::LostEvents)). See
///   [`Rewrite::carry_gaps`].
/// - `target` exists and is not an empty directory ([`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists)).
/// - A file cannot be read or written.
/// - The two journals replay to different states ([`ErrorKind::Diverged`](crate::ErrorKind::Diverged)).
///
/// If only the last step fails (the sync of the parent directory), the image at `target` is complete. If any other step fails,
/// there is no image at `target`.
pub fn rewrite<M: Model>(source: impl AsRef<Path>, target: impl AsRef<Path>) -> Result<RewriteReport, Error> {
    Rewrite::<M>::new().run(source, target)
}

/// A rewrite with options; see [`rewrite()`].
#[must_use = "nothing is rewritten until `run` is called"]
pub struct Rewrite<'a, M> {
    options: Options<M>,
    /// The keys of the source image.
    source: GivenKeys,
    carries_gaps: bool,
    progress: Box<dyn FnMut(RewriteProgress) + 'a>,
}

impl<'a, M: Model> Rewrite<'a, M> {
    /// Creates a rewrite with default options, like [`rewrite()`].
    #[expect(clippy::new_without_default, reason = "a default does not suggest an operation that is yet to run")]
    pub fn new() -> Rewrite<'a, M> {
        Rewrite {
            options: Options::new(),
            source: GivenKeys::default(),
            carries_gaps: false,
            progress: Box::new(|_| {}),
        }
    }

    /// Calls `progress` after each batch of events.
    pub fn progress(mut self, progress: impl FnMut(RewriteProgress) + 'a) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// Sets the maximum length of the new journal's segments; see [`Options::segment_bytes`].
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.options = self.options.segment_bytes(bytes);
        self
    }

    /// Sets the alignment of the new journal's batches; see [`Options::align_bytes`].
    pub fn align_bytes(mut self, bytes: u32) -> Self {
        self.options = self.options.align_bytes(bytes);
        self
    }

    /// Encrypts the new image; see [`Options::encryption`]. Without this option, the new image is not encrypted, even if the
    /// source is.
    #[cfg(feature = "encryption")]
    pub fn encryption(mut self, keys: Keys) -> Self {
        self.options = self.options.encryption(keys);
        self
    }

    /// Chains the new image; see [`Options::chain`]. Without this option, the new image has no chain, even if the source has
    /// one.
    #[cfg(feature = "chain")]
    pub fn chain(mut self, keys: Keys) -> Self {
        self.options = self.options.chain(keys);
        self
    }

    /// Sets the keys under which the source is encrypted.
    #[cfg(feature = "encryption")]
    pub fn source_encryption(mut self, keys: Keys) -> Self {
        self.source.encryption = Some(keys);
        self
    }

    /// Sets the keys of the source's chain. The rewrite verifies the source's journal with these keys.
    #[cfg(feature = "chain")]
    pub fn source_chain(mut self, keys: Keys) -> Self {
        self.source.chain = Some(keys);
        self
    }

    /// Sets whether the new image takes over the recorded gaps of the source, in which events are lost. By default, a source with such a
    /// gap is refused. The new journal tells about the gaps as the source does, with the numbers that the lost events would have there.
    /// All its states are replayed without the lost events, even if a snapshot of the source has their effect.
    pub fn carry_gaps(mut self, carry: bool) -> Self {
        self.carries_gaps = carry;
        self
    }

    /// Sets whether the images may be on network file systems; see [`Options::allow_network`].
    pub fn allow_network(mut self, allow: bool) -> Self {
        self.options = self.options.allow_network(allow);
        self
    }

    /// Rewrites `source` into `target`.
    ///
    /// # Errors
    ///
    /// The errors of [`rewrite()`]; also an error if an option is out of its range.
    pub fn run(self, source: impl AsRef<Path>, target: impl AsRef<Path>) -> Result<RewriteReport, Error> {
        self.run_on(Arc::new(RealDisk), &absolute(source.as_ref()), &absolute(target.as_ref()))
    }

    /// Like [`run`](Rewrite::run), on any [`Disk`].
    ///
    /// # Errors
    ///
    /// The errors of [`run`](Rewrite::run).
    #[cfg(feature = "sim")]
    pub fn run_with(
        self,
        disk: Arc<dyn Disk>,
        source: impl AsRef<Path>,
        target: impl AsRef<Path>,
    ) -> Result<RewriteReport, Error> {
        self.run_on(disk, source.as_ref(), target.as_ref())
    }

    pub(in crate::admin) fn run_on(
        self,
        disk: Arc<dyn Disk>,
        from: &Path,
        target: &Path,
    ) -> Result<RewriteReport, Error> {
        self.options.validate()?;
        let Rewrite { options, source, carries_gaps, mut progress } = self;
        let (source_keys, keys) = (source.keyring(), options.keyring());
        let layout = Layout::new(from);
        layout.survey(&*disk)?.image(&layout)?;
        refuse_inside(&*disk, target, from)?;
        vacant(&*disk, target, &STAGING)?;
        if !options.allow_network {
            layout.refuse_network(&*disk)?;
            Layout::new(target).refuse_network(&*disk)?;
        }
        let _lock = layout.acquire_lock(&*disk)?;
        let old = CompleteJournal::open::<M>(&disk, &layout, &source_keys, messages::PRUNED)?;
        let was = old.rebuild::<M>(None, true, &mut watch(RewriteStep::Rebuild, None, &mut *progress))?;

        let staging = StagingDir::take(&disk, target, &STAGING)?;
        let scan = old.journal.scan();
        let voids = scan.voids(SegmentId::FIRST)?;
        let journal = RecordWriter::create::<M>(&disk, staging.layout(), &options, &keys, (&old, was.last))?;
        let (decoder, meaning) = (FrameDecoder::new(was.last, carries_gaps), (&old.dispatch, &voids));
        let outcomes = &was.changed_outcomes;
        let rewriter = Rewriter::<M>::new(scan, meaning, decoder, outcomes, journal, was.events, &mut *progress);
        let counts = rewriter.write(was.digest.to_u64())?;

        let new = CompleteJournal::open::<M>(&disk, staging.layout(), &keys, messages::PRUNED)?;
        let total = Some(counts.last.get());
        let is = new.rebuild::<M>(None, false, &mut watch(RewriteStep::Verify, total, &mut *progress))?;
        if is.digest != was.digest {
            return Err(diverged::<M>(from, &old, &was, &new, &is));
        }
        staging.finish()?;
        let RewriteCounts { read, upcasts, split, dropped, last: seq } = counts;
        let gaps = is.crossed.iter().filter_map(|gap| SeqRange::of(gap.first, gap.last())).collect();
        log::info!(from = %from.display(), to = %target.display(), read, written = %seq, "rewrote an image");
        Ok(RewriteReport {
            read,
            written: is.events,
            upcasts,
            split,
            dropped,
            seq,
            gaps,
            digest: is.digest,
            torn: was.torn,
        })
    }
}

/// Reports the progress of a replay as a step of the rewrite.
fn watch<'a>(
    step: RewriteStep,
    total: Option<u64>,
    progress: &'a mut (dyn FnMut(RewriteProgress) + 'a),
) -> impl FnMut(ReplayProgress) + 'a {
    move |ReplayProgress { events, bytes, .. }| progress(RewriteProgress { step, events, total, bytes })
}

/// If the source has more events than this, a rewrite does not search for the first event after which the two states differ,
/// because the search replays both journals repeatedly.
const SEARCHED: u64 = 1 << 22;

/// Creates the error: the two journals replay to different states. The error contains the cause if the cause can be determined.
fn diverged<M: Model>(from: &Path, old: &CompleteJournal, was: &Rebuilt, new: &CompleteJournal, is: &Rebuilt) -> Error {
    let again = old.rebuild::<M>(None, false, &mut |_| {});
    let (seq, what) = match again {
        Ok(again) if again.digest != was.digest => (None, messages::SOURCE_NOT_DETERMINISTIC),
        Ok(_) if was.events <= SEARCHED => match first_divergence::<M>(old, new, was.last) {
            Ok(seq) => (Some(seq), messages::UPCASTER_NOT_DETERMINISTIC),
            Err(_) => (None, messages::CAUSE_UNKNOWN),
        },
        _ => (None, messages::CAUSE_UNKNOWN),
    };
    let (found, expected) = (is.digest.to_string(), was.digest.to_string());
    Error::new(ErrorDetail::Rewritten { path: from.to_owned(), found, expected, seq, what })
}

impl<M> fmt::Debug for Rewrite<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rewrite").field("options", &self.options).finish_non_exhaustive()
    }
}
