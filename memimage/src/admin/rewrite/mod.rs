//! Rewriting a journal: all of an image's history at its newest version, in a new image.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

mod report;
mod messages;
mod staging;
mod rewriter;

use super::keys::GivenKeys;
use super::reading::{Reading, Rebuilt, parting};
use crate::disk::{Disk, RealDisk, failed};
use crate::entropy::{random, random_uuid};
use crate::error::{Error, Kind};
use crate::event::Model;
use crate::journal::{Identity, Journal, Layout, Salts, SegmentBuilder};
use crate::keys::Keyring;
#[cfg(any(feature = "chain", feature = "encryption"))]
use crate::keys::Keys;
use crate::options::Options;
use crate::recovery::{Replayed, genesis_of};
use crate::seq::{SegmentId, Seq};
pub use report::{RewriteProgress, RewriteReport, RewriteStep};
use rewriter::{RewriteCounts, Rewriter};
use staging::{StagingDir, vacant};

/// Writes the journal of the image at `source` anew, each event at its newest version, into a new image at `target`, and
/// makes sure that both rebuild to the same state. The source stays as it is.
///
/// After it, a program that opens the new image needs none of the past versions any more: neither their types nor their
/// upcasters, nor those of the model's state. `oldest` in a command's attribute says so.
///
/// - Every event keeps its time, its metadata, whether it was rejected, and its random values. One that is upcast to
///   several becomes several in the journal too, so that the numbers of later events grow; what a body sees as its
///   [`seq`](crate::Context::seq) stays what it was. One that is upcast to nothing leaves a record of that.
/// - Versions that are `replay_only` stay as they are: there is nothing that they could become.
/// - The new image has the seed of the source, a UUID of its own, and no snapshots. It names the source as its parent.
/// - It is made in a directory beside `target`, called `.NAME.rewriting`, and takes its place by a rename once all is
///   synced and verified. After a crash there is nothing at `target`, or a whole image; run the rewrite again, which begins
///   anew. If it fails, that directory is removed.
/// - The source is locked meanwhile, so nobody can have it open, and only read. If it ends in a write that a crash cut
///   short, it is read up to there, as opening it would do.
/// - Its snapshots do not count: the state is what replay from the first event gives. Where upcasters give an old event
///   another meaning than it had, a snapshot from before has another state.
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
/// If the source is no image of this model, is owned by another ([`ErrorKind::Locked`](crate::ErrorKind::Locked)), was pruned
/// ([`ErrorKind::Pruned`](crate::ErrorKind::Pruned)), is damaged or cannot be replayed; if something is at `target` ([`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists)); if something cannot be read or written; or if the
/// two rebuild to different states ([`ErrorKind::Diverged`](crate::ErrorKind::Diverged)). There is no image at `target` then, unless the
/// very last step failed, the sync of the directory around it: what is there is whole.
pub fn rewrite<M: Model>(source: impl AsRef<Path>, target: impl AsRef<Path>) -> Result<RewriteReport, Error> {
    Rewrite::<M>::new().run(source, target)
}

/// A rewrite with options; see [`rewrite()`].
#[must_use = "nothing is rewritten until `run` is called"]
pub struct Rewrite<'a, M> {
    options: Options<M>,
    /// The keys of the source.
    source: GivenKeys,
    progress: Box<dyn FnMut(RewriteProgress) + 'a>,
}

impl<'a, M: Model> Rewrite<'a, M> {
    /// A rewrite as [`rewrite()`] does it.
    #[expect(clippy::new_without_default, reason = "a default of what does something would say little")]
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

    /// Where the new journal's batches start, as [`Options::align`].
    pub fn align_bytes(mut self, bytes: u32) -> Self {
        self.options = self.options.align_bytes(bytes);
        self
    }

    /// Encrypts the new image, as [`Options::encryption`]. Without this it is not encrypted, whatever the source is.
    #[cfg(feature = "encryption")]
    pub fn encryption(mut self, keys: Keys) -> Self {
        self.options = self.options.encryption(keys);
        self
    }

    /// Chains the new image, as [`Options::chain`]. Without this it has no chain, whatever the source has.
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

    /// The keys of the source's chain, to which all of it is held.
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

    /// Rewrites.
    ///
    /// # Errors
    ///
    /// As [`rewrite()`]; also if an option is out of its range.
    pub fn run(self, source: impl AsRef<Path>, target: impl AsRef<Path>) -> Result<RewriteReport, Error> {
        self.run_on(Arc::new(RealDisk), source.as_ref(), target.as_ref())
    }

    /// As [`run`](Rewrite::run), on a disk of your choice.
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
        // not by the paths' text: a link or `..` may lead inside
        if disk.is_within(target, from).map_err(|error| failed("looking at", target, error))? {
            return Err(Error::new(Kind::Taken { path: target.to_owned(), found: messages::INSIDE_SOURCE }));
        }
        vacant(&*disk, target)?;
        if !options.allow_network {
            layout.refuse_network(&*disk)?;
            Layout::new(target).refuse_network(&*disk)?;
        }
        let _lock = layout.own(&*disk)?;
        let old = Reading::open::<M>(&disk, &layout, &source_keys)?;
        let was = old.rebuild::<M>(None, true, &mut watch(RewriteStep::Rebuild, None, &mut *progress))?;

        let site = StagingDir::take(&disk, target)?;
        let scan = old.journal.scan();
        let voids = scan.voids(SegmentId::FIRST)?;
        // whose threads the scribe ends, whatever becomes of it: nothing may fail in between
        let journal = journal::<M>(&disk, site.layout(), &options, &keys, &old, was.last)?;
        let scribe = Rewriter::<M>::new(scan, &old.dispatch, voids, journal, was.events, &mut *progress);
        let counts = scribe.write(was.digest.to_u64())?;

        let new = Reading::open::<M>(&disk, site.layout(), &keys)?;
        let total = Some(counts.last.get());
        let is = new.rebuild::<M>(None, false, &mut watch(RewriteStep::Verify, total, &mut *progress))?;
        if is.digest != was.digest {
            return Err(diverged::<M>(from, &old, &was, &new, &is));
        }
        site.finish()?;
        let RewriteCounts { read, upcasts, split, dropped, last: seq } = counts;
        tracing::info!(from = %from.display(), to = %target.display(), read, written = %seq, "rewrote an image");
        Ok(RewriteReport { read, written: is.events, upcasts, split, dropped, seq, digest: is.digest, torn: was.torn })
    }
}

/// Makes the journal of an image that takes the place of `old`.
fn journal<M: Model>(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    options: &Options<M>,
    keys: &Keyring,
    old: &Reading,
    last: Seq,
) -> Result<Journal, Error> {
    let Identity { uuid, seed, ref model, .. } = *old.journal.segments().identity();
    let identity = Identity { uuid: random_uuid()?, seed, parent: Some((uuid, last)), model: model.clone() };
    let (largest, protection) = (options.segment_bytes, keys.current(&identity.uuid, layout.root())?);
    let maker =
        SegmentBuilder { disk: Arc::clone(disk), layout: layout.clone(), identity, epoch: 1, largest, protection };
    let first = old.first::<M>()?;
    let genesis = genesis_of::<M>(first.given.then_some(&first.state))?;
    let salts = Salts::new(u64::from_le_bytes(random()?));
    Journal::create(maker, &genesis, options.align_shift(), salts, options.caps)
}

/// Tells of a replay as a step of the rewrite.
fn watch<'a>(
    step: RewriteStep,
    total: Option<u64>,
    progress: &'a mut (dyn FnMut(RewriteProgress) + 'a),
) -> impl FnMut(Replayed) + 'a {
    move |Replayed { events, bytes }| progress(RewriteProgress { step, events, total, bytes })
}

/// Journals with more events than this are not replayed again and again to find the one at which they part.
const SEARCHED: u64 = 1 << 22;

/// The error of two journals that rebuild to different states, with what can be found out about it.
fn diverged<M: Model>(from: &Path, old: &Reading, was: &Rebuilt, new: &Reading, is: &Rebuilt) -> Error {
    let again = old.rebuild::<M>(None, false, &mut |_| {});
    let (seq, what) = match again {
        Ok(again) if again.digest != was.digest => (None, messages::SOURCE_NOT_DETERMINISTIC),
        Ok(_) if was.events <= SEARCHED => match parting::<M>(old, new, was.last) {
            Ok(seq) => (Some(seq), messages::UPCASTER_NOT_DETERMINISTIC),
            Err(_) => (None, messages::CAUSE_UNKNOWN),
        },
        _ => (None, messages::CAUSE_UNKNOWN),
    };
    let (found, expected) = (is.digest.to_string(), was.digest.to_string());
    Error::new(Kind::Rewritten { path: from.to_owned(), found, expected, seq, what })
}

impl<M> fmt::Debug for Rewrite<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rewrite").field("options", &self.options).finish_non_exhaustive()
    }
}
