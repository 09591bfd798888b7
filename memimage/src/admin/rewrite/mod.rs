//! Rewriting a journal: a new image with the whole history, each event at its newest version.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

mod report;
mod messages;
mod staging;
mod rewriter;

use super::complete_journal::{CompleteJournal, Rebuilt, first_divergence};
use super::keys::GivenKeys;
use crate::disk::{Disk, RealDisk, absolute, failed};
use crate::entropy::{random, random_uuid};
use crate::error::{Error, ErrorDetail};
use crate::event::Model;
use crate::journal::{Identity, Journal, Layout, Salts, SegmentBuilder};
use crate::keys::Keyring;
#[cfg(any(feature = "chain", feature = "encryption"))]
use crate::keys::Keys;
use crate::options::Options;
use crate::recovery::{ReplayProgress, genesis_of};
use crate::seq::{SegmentId, Seq};
pub use report::{RewriteProgress, RewriteReport, RewriteStep};
use rewriter::{RewriteCounts, Rewriter};
use staging::{StagingDir, vacant};

/// Writes the journal of the image at `source` again, each event at its newest version, into a new image at `target`, and
/// verifies that both replay to the same state. The source is not changed.
///
/// A program that opens the new image no longer needs the past versions of events and of the model's state: their types and
/// their upcasters. In a command's attribute, `oldest` declares that they are gone.
///
/// - Every event keeps its time, metadata, outcome and random values. If an event is upcast to several, the new journal has
///   several events, so later events get higher numbers. The [`seq`](crate::Context::seq) that a body sees does not change.
///   If an event is upcast to nothing, the new journal has a record of that.
/// - `replay_only` versions stay as they are, since there is nothing to upcast them to.
/// - The new image has the seed of the source, its own UUID, and no snapshots. It names the source as its parent.
/// - The new image is made in a directory beside `target`, named `.NAME.rewriting`. Once the image is synced and verified, a
///   rename moves it to `target`. After a crash, `target` either does not exist or is complete. Run the rewrite again; it
///   starts from the beginning. If the rewrite fails, it removes the directory.
/// - The rewrite locks the source, so no other process can open it meanwhile, and only reads it. If the source ends in a torn
///   write, the rewrite ignores the torn write, as an open does.
/// - The rewrite does not use snapshots of the source, but replays from the first event. If upcasters have changed the
///   meaning of an old event, an older snapshot does not have the same state.
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
/// - Something exists at `target` ([`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists)).
/// - A file cannot be read or written.
/// - The two journals replay to different states ([`ErrorKind::Diverged`](crate::ErrorKind::Diverged)).
///
/// After an error, the rewrite has left no image at `target`, with one exception. The last step syncs the parent directory:
/// if only that step failed, the image at `target` is complete.
pub fn rewrite<M: Model>(source: impl AsRef<Path>, target: impl AsRef<Path>) -> Result<RewriteReport, Error> {
    Rewrite::<M>::new().run(source, target)
}

/// A rewrite with options; see [`rewrite()`].
#[must_use = "nothing is rewritten until `run` is called"]
pub struct Rewrite<'a, M> {
    options: Options<M>,
    /// The keys of the source image.
    source: GivenKeys,
    progress: Box<dyn FnMut(RewriteProgress) + 'a>,
}

impl<'a, M: Model> Rewrite<'a, M> {
    /// A rewrite with default options, like [`rewrite()`].
    #[expect(clippy::new_without_default, reason = "a default does not suggest an operation that is yet to run")]
    pub fn new() -> Rewrite<'a, M> {
        Rewrite { options: Options::new(), source: GivenKeys::default(), progress: Box::new(|_| {}) }
    }

    /// Calls `progress` after each batch of events.
    pub fn progress(mut self, progress: impl FnMut(RewriteProgress) + 'a) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// The length of the new journal's largest segments, as [`Options::segment_bytes`].
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.options = self.options.segment_bytes(bytes);
        self
    }

    /// The alignment of the new journal's batches, as [`Options::align_bytes`].
    pub fn align_bytes(mut self, bytes: u32) -> Self {
        self.options = self.options.align_bytes(bytes);
        self
    }

    /// Encrypts the new image, as [`Options::encryption`]. Without this it is not encrypted, even if the source is.
    #[cfg(feature = "encryption")]
    pub fn encryption(mut self, keys: Keys) -> Self {
        self.options = self.options.encryption(keys);
        self
    }

    /// Chains the new image, as [`Options::chain`]. Without this it has no chain, even if the source has one.
    #[cfg(feature = "chain")]
    pub fn chain(mut self, keys: Keys) -> Self {
        self.options = self.options.chain(keys);
        self
    }

    /// The keys under which the source is encrypted.
    #[cfg(feature = "encryption")]
    pub fn source_encryption(mut self, keys: Keys) -> Self {
        self.source.encryption = Some(keys);
        self
    }

    /// The keys of the source's chain, against which its journal is checked.
    #[cfg(feature = "chain")]
    pub fn source_chain(mut self, keys: Keys) -> Self {
        self.source.chain = Some(keys);
        self
    }

    /// Whether the images may be on network file systems, as [`Options::allow_network`].
    pub fn allow_network(mut self, allow: bool) -> Self {
        self.options = self.options.allow_network(allow);
        self
    }

    /// Rewrites `source` into `target`.
    ///
    /// # Errors
    ///
    /// As [`rewrite()`]; also if an option is out of its range.
    pub fn run(self, source: impl AsRef<Path>, target: impl AsRef<Path>) -> Result<RewriteReport, Error> {
        self.run_on(Arc::new(RealDisk), &absolute(source.as_ref()), &absolute(target.as_ref()))
    }

    /// As [`run`](Rewrite::run), on any [`Disk`].
    ///
    /// # Errors
    ///
    /// As [`run`](Rewrite::run).
    #[cfg(feature = "sim")]
    pub fn run_with(
        self,
        disk: Arc<dyn Disk>,
        source: impl AsRef<Path>,
        target: impl AsRef<Path>,
    ) -> Result<RewriteReport, Error> {
        self.run_on(disk, source.as_ref(), target.as_ref())
    }

    fn run_on(self, disk: Arc<dyn Disk>, from: &Path, target: &Path) -> Result<RewriteReport, Error> {
        self.options.validate()?;
        let Rewrite { options, source, mut progress } = self;
        let (source_keys, keys) = (source.keyring(), options.keyring());
        let layout = Layout::new(from);
        layout.survey(&*disk)?.image(&layout)?;
        // comparing the text of the paths is not enough: a link or `..` may lead into the source
        if disk.is_within(target, from).map_err(|error| failed("inspecting", target, error))? {
            return Err(Error::new(ErrorDetail::Taken { path: target.to_owned(), found: messages::INSIDE_SOURCE }));
        }
        vacant(&*disk, target)?;
        if !options.allow_network {
            layout.refuse_network(&*disk)?;
            Layout::new(target).refuse_network(&*disk)?;
        }
        let _lock = layout.acquire_lock(&*disk)?;
        let old = CompleteJournal::open::<M>(&disk, &layout, &source_keys)?;
        let was = old.rebuild::<M>(None, true, &mut watch(RewriteStep::Rebuild, None, &mut *progress))?;

        let staging = StagingDir::take(&disk, target)?;
        let scan = old.journal.scan();
        let voids = scan.voids(SegmentId::FIRST)?;
        // only the rewriter ends the journal's threads on an error, so nothing may fail between these two lines
        let journal = journal::<M>(&disk, staging.layout(), &options, &keys, &old, was.last)?;
        let rewriter = Rewriter::<M>::new(scan, &old.dispatch, voids, journal, was.events, &mut *progress);
        let counts = rewriter.write(was.digest.to_u64())?;

        let new = CompleteJournal::open::<M>(&disk, staging.layout(), &keys)?;
        let total = Some(counts.last.get());
        let is = new.rebuild::<M>(None, false, &mut watch(RewriteStep::Verify, total, &mut *progress))?;
        if is.digest != was.digest {
            return Err(diverged::<M>(from, &old, &was, &new, &is));
        }
        staging.finish()?;
        let RewriteCounts { read, upcasts, split, dropped, last: seq } = counts;
        tracing::info!(from = %from.display(), to = %target.display(), read, written = %seq, "rewrote an image");
        Ok(RewriteReport { read, written: is.events, upcasts, split, dropped, seq, digest: is.digest, torn: was.torn })
    }
}

/// Creates the journal of the new image, which replaces `old`.
fn journal<M: Model>(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    options: &Options<M>,
    keys: &Keyring,
    old: &CompleteJournal,
    last: Seq,
) -> Result<Journal, Error> {
    let Identity { uuid, seed, ref model, .. } = *old.journal.segments().identity();
    let identity = Identity { uuid: random_uuid()?, seed, parent: Some((uuid, last)), model: model.clone() };
    let (largest, protection) = (options.segment_bytes, keys.current(&identity.uuid, layout.root())?);
    let builder =
        SegmentBuilder { disk: Arc::clone(disk), layout: layout.clone(), identity, epoch: 1, largest, protection };
    let first = old.first::<M>()?;
    let genesis = genesis_of::<M>(first.given.then_some(&first.state))?;
    let salts = Salts::new(u64::from_le_bytes(random()?));
    Journal::create(builder, &genesis, options.align_shift(), salts, options.caps)
}

/// Reports the progress of a replay as a step of the rewrite.
fn watch<'a>(
    step: RewriteStep,
    total: Option<u64>,
    progress: &'a mut (dyn FnMut(RewriteProgress) + 'a),
) -> impl FnMut(ReplayProgress) + 'a {
    move |ReplayProgress { events, bytes }| progress(RewriteProgress { step, events, total, bytes })
}

/// The maximum number of events in a journal that is searched for the first different state. The search replays it
/// repeatedly.
const SEARCHED: u64 = 1 << 22;

/// The error of two journals that replay to different states, with the cause as far as it can be determined.
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
