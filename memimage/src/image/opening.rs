//! Opening an image: survey → lock → create or recover → repair the end of the journal → run.
//!
//! Opening changes no segment and no snapshot before the state is recovered. A refused image gets a missing lock file, and no more.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use super::Image;
use super::contradicted::quarantine_contradicted;
use super::core::{Core, Ownership, Shared, SnapshotProgress, next_snapshot};
use super::recording_clock::{ClockReading, RecordingClock};
use super::recovery_report::RecoveryReport;
use super::replay_report::recover_reporting;
use super::replica_slot::ReplicaSlot;
use super::shipping::claim_log;
use crate::context::Timestamp;
use crate::disk::{Disk, LockGuard, OwnedDisk, RealDisk, SimDisk, absolute, failed, sync_dir};
use crate::entropy::{random, random_life, random_uuid};
use crate::error::{Error, ErrorDetail};
use crate::event::Model;
use crate::figures::Figures;
use crate::journal::{
    IN_MEMORY, INSIDE_IMAGE, Identity, Journal, JournalStart, Layout, ResumePoint, Salts, SegmentBuilder, Segments,
    ShapeTable, Survey, create, enclosing_image, quarantine_file, resume,
};
use crate::keys::Keyring;
use crate::log;
use crate::options::Options;
use crate::panics::panic_message;
use crate::planted::{Bug, planted};
use crate::process::Process;
use crate::progress::ProgressReporter;
use crate::recovery::{
    Dispatch, HandedOver, OpenedJournal, Recovered, RecoveryGoal, RequiredEnd, SettledJournal, WritableJournal,
    dispatch_of, genesis_of, is_readable,
};
use crate::seq::{Life, SegmentId, Seq};
use crate::shape::changed_encoding;
use crate::snapshot::BaseRepair;

impl<M: Model> Options<M> {
    /// Opens the image in the directory `path`. Creates the image if the directory is missing or empty, and recovers it
    /// otherwise.
    ///
    /// # Errors
    ///
    /// Returns an error if the directory is not an image, is open in another process, belongs to another model or a newer
    /// program, or is damaged. If `open` refuses an image, it has modified none of the segments and snapshots.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Image<M>, Error> {
        self.open_on(Arc::new(RealDisk), absolute(path.as_ref()))
    }

    /// Creates an image without files, for tests and for state that may be lost.
    ///
    /// # Errors
    ///
    /// Returns an error if an option is out of its range, or if the model has no digest.
    pub fn in_memory(self) -> Result<Image<M>, Error> {
        self.open_on(Arc::new(SimDisk::new()), IN_MEMORY)
    }

    /// Like [`open`](Options::open), on the given disk.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`open`](Options::open).
    #[cfg(feature = "sim")]
    pub fn open_with(self, disk: Arc<dyn Disk>, path: impl AsRef<Path>) -> Result<Image<M>, Error> {
        self.open_on(disk, path)
    }

    pub(crate) fn open_on(self, disk: Arc<dyn Disk>, path: impl AsRef<Path>) -> Result<Image<M>, Error> {
        self.validate()?;
        Image::open_on(disk, path.as_ref(), self, None::<fn() -> _>)
    }

    /// Opens the image of a follower. Once this process owns the image, calls `hand_over`, which returns the state at which the
    /// replay begins. Without a state, or if an event in it became void, recovers in the usual way.
    pub(crate) fn take_over_on(
        self,
        disk: Arc<dyn Disk>,
        path: &Path,
        hand_over: impl FnOnce() -> Result<Option<HandedOver<M>>, Error>,
    ) -> Result<Image<M>, Error> {
        Image::open_on(disk, path, self, Some(hand_over))
    }
}

impl<M: Model> Image<M> {
    fn open_on(
        disk: Arc<dyn Disk>,
        path: &Path,
        mut options: Options<M>,
        hand_over: Option<impl FnOnce() -> Result<Option<HandedOver<M>>, Error>>,
    ) -> Result<Image<M>, Error> {
        #[expect(clippy::disallowed_methods, reason = "the duration of an open is not part of the state")]
        let started = Instant::now();
        if M::LOCK.is_none() {
            log::debug!(
                model = M::NAME,
                "the shapes of this model's events are not locked; help: lock them with `#[memimage::commands(lock)]`"
            );
        }
        let shapes = M::EVENTS.iter().filter_map(|event| event.shape).chain([M::SHAPE]);
        if let Some(name) = changed_encoding(shapes) {
            return Err(Error::new(ErrorDetail::ChangedEncoding { name }));
        }
        let keyring = options.keyring();
        let reporter = options.progress.take().map(|callback| Arc::new(ProgressReporter::new(callback)));
        let takes_over = hand_over.is_some();
        let mut opening = Opening { layout: Layout::new(path), disk, options, keyring, reporter, takes_over };
        let lock = opening.lock()?;
        let clocks = opening.read_clocks()?;
        opening.disk = OwnedDisk::over(opening.disk, &lock);
        // the claim may bring the directory up to date, so it comes before the follower verifies that the journal continues its state
        let replication = claim_log(&opening.options, &opening.disk, &opening.layout)?;
        let state = hand_over.map_or(Ok(None), |hand_over| hand_over())?;
        let created = match opening.survey()? {
            Survey::Image(_) => false,
            Survey::Missing | Survey::Vacant => {
                opening.create()?;
                true
            }
        };
        opening.layout.warn_exposed(&*opening.disk)?;
        let found = opening.find(state)?;
        let shared = opening.resume(found, lock, created, (started, clocks))?;
        // if the image is dropped because of an error, it is closed
        let image = Image::new(shared);
        if let Some((claimed, acknowledge)) = replication {
            image.shared().start_shipping(claimed, acknowledge)?;
        }
        image.handle.shared.start_replica()?;
        Ok(image)
    }
}

/// The image that was found on disk, before opening changes any file.
struct FoundImage<M> {
    journal: WritableJournal,
    dispatch: Dispatch,
    recovered: Recovered<M>,
    /// The life (epoch and random id) that this opening begins.
    life: Life,
    /// The first segment that the newest prune mark keeps.
    kept_from: Option<SegmentId>,
    /// Whether it is unknown how far the journal was synced.
    uncertain: bool,
    /// The first and the last of the events that were known to be synced but are missing.
    given_up: Option<(Seq, Seq)>,
}

struct Opening<M> {
    disk: Arc<dyn Disk>,
    layout: Layout,
    options: Options<M>,
    keyring: Arc<Keyring>,
    /// Reports the progress, if the program asked for reports.
    reporter: Option<Arc<ProgressReporter>>,
    /// Whether a follower takes over the image.
    takes_over: bool,
}

impl<M: Model> Opening<M> {
    /// Surveys the directory. Returns an error if it contains no image, and opening must not create one.
    fn survey(&self) -> Result<Survey, Error> {
        let survey = self.layout.survey(&*self.disk)?;
        let Some(found) = survey.absence() else { return Ok(survey) };
        let path = self.layout.root().to_owned();
        if !self.options.create {
            return Err(Error::new(ErrorDetail::NotFound { path, found, may_create: true }));
        }
        if enclosing_image(&*self.disk, &path)?.is_some() {
            return Err(Error::new(ErrorDetail::Taken { path, found: INSIDE_IMAGE }));
        }
        Ok(survey)
    }

    /// Surveys the directory, then acquires the image's lock.
    fn lock(&self) -> Result<LockGuard, Error> {
        let root = self.layout.root();
        // check the key before anything is created: without a current key nothing can be written
        self.keyring.current(&[0; 16], root)?;
        let survey = self.survey()?;
        if !self.options.allow_network {
            self.layout.refuse_network(&*self.disk)?;
        }
        self.options.replication.iter().try_for_each(|replication| replication.admit(root))?;
        if survey == Survey::Missing {
            self.disk.create_dir(root).map_err(|error| failed("creating", root, error))?;
        }
        match self.layout.acquire_lock(&*self.disk) {
            Err(_) if self.takes_over && planted(Bug::PromotedUnlocked) => Ok(LockGuard::new(())),
            acquired => acquired,
        }
    }

    /// Reads the clocks before anything is created or changed: a clock that the program supplies may panic.
    fn read_clocks(&self) -> Result<(Timestamp, Duration), Error> {
        let Options { clock, monotonic, .. } = &self.options;
        RecordingClock::read(clock, monotonic.as_ref()).map_err(|panic| {
            let (path, message) = (self.layout.root().to_owned(), panic_message(panic));
            Error::new(ErrorDetail::ClockPanicked { path, message })
        })
    }

    fn create(&self) -> Result<(), Error> {
        let genesis = genesis_of::<M>(self.options.genesis.as_ref())?;
        let identity = Identity { uuid: random_uuid()?, seed: random()?, parent: None, model: M::NAME.to_owned() };
        let (life, mut salts) = (Life { epoch: 1, id: random_life()? }, random_salts()?);
        let shift = self.options.align_shift();
        create(&self.segment_builder(identity, life)?, JournalStart::Genesis(&genesis), shift, &mut salts)?;
        log::info!(path = %self.layout.root().display(), model = M::NAME, "created an image");
        Ok(())
    }

    fn segment_builder(&self, identity: Identity, life: Life) -> Result<SegmentBuilder, Error> {
        let protection = self.keyring.current(&identity.uuid, self.layout.root())?;
        Ok(SegmentBuilder {
            disk: Arc::clone(&self.disk),
            layout: self.layout.clone(),
            identity,
            life,
            largest: self.options.segment_bytes,
            protection,
        })
    }

    /// Recovers the model, from the state of a follower if there is one.
    fn find(&self, state: Option<HandedOver<M>>) -> Result<FoundImage<M>, Error> {
        let accepts_any_end = self.options.accept_incomplete_copy;
        let required = if accepts_any_end { RequiredEnd::Any } else { RequiredEnd::Proven };
        let mut journal = WritableJournal::open(&self.disk, &self.layout, &self.keyring, Some(M::NAME), required)?;
        journal.journal.report_to(self.reporter.as_ref());
        let opened = &journal.journal;
        let dispatch = dispatch_of::<M>(opened)?;
        let goal = RecoveryGoal {
            until: None,
            newest_snapshot: accepts_any_end.then(|| opened.scan().last_event()).transpose()?,
            verify_digests: self.options.verify_digests,
            trust_upcasters: true,
            remember: self.options.remember,
            ..RecoveryGoal::default()
        };
        let continued = state.and_then(|state| {
            let recovered = state.recover(opened, &dispatch, goal);
            let warn =
                |error: &Error| log::warning!(%error, "the state of the follower cannot be used; it is recovered");
            recovered.inspect_err(warn).ok()
        });
        let recovered = match continued {
            Some(recovered) => recovered,
            None => recover_reporting::<M>(opened, &dispatch, goal, self.reporter.as_deref())?,
        };
        let end = recovered.end.as_ref().expect("all of the journal was read");
        opened.check_watermark(end)?;
        let (life, kept_from) = (opened.next_life(end)?, opened.kept_from()?);
        let given_up = opened.given_up(end);
        let uncertain = opened.is_uncertain(end) || given_up.is_some();
        Ok(FoundImage { journal, dispatch, recovered, life, kept_from, uncertain, given_up })
    }

    /// Repairs the end of the journal, and resumes writing at this end.
    fn resume(
        self,
        found: FoundImage<M>,
        lock: LockGuard,
        created: bool,
        (started, clocks): (Instant, (Timestamp, Duration)),
    ) -> Result<Arc<Shared<M>>, Error> {
        let FoundImage { journal, dispatch, recovered, life, kept_from, uncertain, given_up } = found;
        let end = recovered.end.as_ref().expect("all of the journal was read");
        if let Some((first, last)) = given_up {
            log::warning!(%first, %last, "the journal ends before these events, which were known to be synced; they are given up");
            self.quarantine_states_from(&journal.journal, first)?;
        }
        // before the first other change: nothing may take a directory for a backup that has become an image of its own
        self.keyring.personal().complete_erasures();
        let restored = self.layout.remove_backup_marker(&*self.disk)?;
        let SettledJournal { journal: opened, durable_file, quarantined } = journal.settle(end)?;
        let identity = opened.segments().identity().clone();
        let BaseRepair { base, unusable } = repair_base::<M>(&opened, recovered.snapshot)?;
        let quarantined_segments = self.clear_start(opened.segments(), kept_from)?;
        let reported: HashSet<&Path> = recovered.unusable.iter().map(|(path, _)| path.as_path()).collect();
        let unusable: Vec<_> = unusable.into_iter().filter(|(path, _)| !reported.contains(path.as_path())).collect();
        let unusable_snapshots = [recovered.unusable, unusable].concat();

        let figures = Arc::new(Figures::of_image(M::NAME, self.layout.root()));
        figures.journal_grew(opened.segments().total_len());
        let start = recovered.start_file.as_ref().and_then(|(seq, path)| opened.snapshots().describe(*seq, path));
        start.inspect(|start| figures.set_snapshot(*start));
        let journal = resume(
            self.segment_builder(identity.clone(), life)?,
            ResumePoint {
                segments: opened.segments(),
                end,
                table: dispatch.table(),
                time: recovered.time,
                events_hash: recovered.events_hash,
                durable_file,
                align_shift: self.options.align_shift(),
                salts: random_salts()?,
            },
            self.options.durability,
            self.options.caps,
            Arc::clone(&figures),
        )?;
        if end.unproven_void {
            prove_void(&journal, dispatch.table())?;
        }

        // the journal is authoritative: a snapshot that contradicts it is moved to the quarantine, and is not used again
        quarantine_contradicted(&*self.disk, &self.layout, &recovered.contradicted);

        let behind = recovered.time.since(clocks.0);
        let last = (recovered.last > Seq::ZERO).then_some(recovered.time);
        let clock = RecordingClock::start(self.options.clock, self.options.monotonic, clocks, last);
        let recovery = RecoveryReport {
            created,
            restored,
            snapshot: recovered.snapshot,
            snapshot_age: start.map(|start| Timestamp::wall_clock().since(start.created)),
            seq: recovered.last,
            replayed: recovered.replayed,
            replayed_bytes: recovered.replayed_bytes,
            replay_duration: recovered.replay_duration,
            changed_outcomes: recovered.changed_outcomes.len() as u64,
            lost: recovered.crossed.iter().map(|gap| (gap.first, gap.last())).collect(),
            unusable_snapshots,
            quarantined_segments,
            uncertain,
            given_up,
            quarantined,
            clock_behind: (!behind.is_zero()).then_some(behind),
            duration: started.elapsed(),
        };
        recovery.log(self.layout.root(), base);
        figures.report_recovery(recovery.replayed, recovery.replayed_bytes, recovery.duration);
        let since = recovery.seq.get() - recovered.start_file.as_ref().map_or(0, |(seq, _)| seq.get());
        let next_snapshot = next_snapshot(self.options.snapshots, &journal, since, recovered.bytes_since_snapshot);
        let requests = recovered.requests.figures();
        Ok(Arc::new_cyclic(|this| Shared {
            this: Weak::clone(this),
            core: RwLock::new(Core {
                model: recovered.model,
                requests: recovered.requests,
                dispatch,
                began: recovered.snapshot,
                payload: Vec::new(),
                reading: ClockReading::default(),
            }),
            journal,
            snapshots: opened.snapshots().counted_in(&figures),
            keyring: self.keyring,
            shipping: Mutex::new(None),
            replica: ReplicaSlot::new(self.options.replica),
            snapshotting: Mutex::new(()),
            progress: Mutex::new(SnapshotProgress { base, ..SnapshotProgress::default() }),
            files: RwLock::new(()),
            pins: AtomicUsize::new(0),
            next_snapshot: next_snapshot.into(),
            disk: self.disk,
            layout: self.layout,
            ownership: Mutex::new(Ownership::Owned(Some(lock))),
            process: Process::current(),
            identity,
            life,
            clock,
            policy: self.options.snapshots,
            snapshot_source: self.options.snapshot_source,
            pause_budget: self.options.pause_budget,
            retention: self.options.retention,
            kept_snapshots: self.options.kept_snapshots,
            retain_for_subscriptions: self.options.retain_for_subscriptions,
            verify_snapshots: self.options.verify_snapshots,
            verify_digests: self.options.verify_digests,
            record_bytes_max: self.options.record_bytes_max,
            allow_network: self.options.allow_network,
            remember: self.options.remember,
            requests,
            recovery,
        }))
    }

    /// Moves the snapshots and bases that contain missing events to the quarantine, newest first, because the next opening
    /// would treat them as proof that these events were synced.
    fn quarantine_states_from(&self, journal: &OpenedJournal, seq: Seq) -> Result<(), Error> {
        self.layout.create_dirs(&*self.disk)?;
        for (_, path) in journal.snapshots().start_candidates()?.into_iter().filter(|(of, _)| *of >= seq) {
            quarantine_file(&*self.disk, &self.layout, &path)?;
        }
        Ok(())
    }

    /// Removes the segments before a gap in the journal; the base contains the effect of their events. If pruning was
    /// interrupted while it removed a segment, this function deletes that segment. The function moves any other segment before
    /// the gap to the quarantine, because no pruning explains the gap.
    fn clear_start(&self, segments: &Segments, kept_from: Option<SegmentId>) -> Result<Vec<PathBuf>, Error> {
        let mut kept = Vec::new();
        for &segment in segments.cut_off() {
            let path = segments.path(segment);
            if kept_from.is_some_and(|first| segment < first) && segments.is_own(segment)? {
                log::info!(%segment, "removed a segment that an interrupted pruning left behind");
                self.disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
                continue;
            }
            let copy = quarantine_file(&*self.disk, &self.layout, &path)?;
            log::warning!(%segment, copy = %copy.display(), "moved a segment to the quarantine, because the next segment is missing");
            kept.push(copy);
        }
        if !segments.cut_off().is_empty() {
            sync_dir(&*self.disk, &self.layout.journal())?;
        }
        Ok(kept)
    }
}

/// Rewrites the missing or damaged copies of the base of a pruned journal.
fn repair_base<M: Model>(journal: &OpenedJournal, began: Option<Seq>) -> Result<BaseRepair, Error> {
    let snapshots = journal.snapshots();
    let began = snapshots.list()?.into_iter().find(|(seq, _)| Some(*seq) == began);
    let began = began.as_ref().map(|(seq, path)| (*seq, path.as_path()));
    snapshots.bases().repair(journal.segments(), began, is_readable::<M>)
}

/// Begins the next segment, whose existence proves that the void mark at the end of the current segment was synced. The program
/// that recorded the void mark should have begun this segment, but a crash or a full disk prevented it.
fn prove_void(journal: &Journal, table: &ShapeTable) -> Result<(), Error> {
    match journal.begin_segment(table) {
        Err(error) if error.is_poisoned() => {
            // ends the threads of the journal
            let _ = journal.close(|| Ok(()));
            return Err(error.cause());
        }
        Err(error) => {
            log::warning!(%error, "could not create the next segment, so a loss of the last void mark would go unnoticed");
        }
        Ok(()) => {}
    }
    Ok(())
}

fn random_salts() -> Result<Salts, Error> {
    Ok(Salts::new(u64::from_le_bytes(random()?)))
}
