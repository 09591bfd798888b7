//! Branches: new images with the history of another image, in which some events are left out or replaced.

// each module uses only the modules above it
mod report;
mod messages;
mod edits;
mod checkpoint;
mod attempt;
mod execution;
mod writer;

use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

#[cfg(feature = "admin")]
pub(crate) use messages::PRUNED;
pub use report::{BranchConflict, BranchProgress, BranchReport, BranchStep, ConflictKind, ReplacedEvent};

use crate::context::{Metadata, Timestamp};
use crate::disk::absolute;
use crate::error::{Error, ErrorDetail, ErrorKind};
use crate::event::{Event, IntoEvents, Model, Recorded, Reencode, ReencodedPart, Upcasting};
use crate::history::{Journal, JournalSource, Moment, Parent};
use crate::journal::{Layout, Survey, Voids};
use crate::log;
use crate::new_image::{
    CompleteJournal, FrameDecoder, Need, Rebuilt, RecordWriter, StagingDir, StagingTask, refuse_inside, vacant,
};
use crate::options::Options;
use crate::outcome::Outcome;
use crate::panics::panic_message;
use crate::planted::{Bug, planted};
use crate::recovery::{Recovered, state_digest};
use crate::seq::{Life, SegmentId, Seq};
use crate::shape::fingerprint;
use crate::snapshot::{SnapshotHeader, Snapshots};
use edits::{Edits, refused};
use execution::{Execution, Plan};
use writer::BranchWriter;

/// The staging directory of a branch.
pub(crate) const STAGING: StagingTask = StagingTask {
    name: "branch",
    ending: ".branching",
    marker: "BRANCHING",
    text: "A branch is being created in this directory. If no such process is running, it was interrupted: create the branch \
           again, or remove the directory.\n",
    extra: None,
};

impl<M: Model> Journal<M> {
    /// Begins a branch: a new image in the directory `target`, with the history of this image up to some moment, in which events
    /// are left out or replaced. The image itself is only read, with or without a running owner, and never changed.
    ///
    /// Nothing is created until [`create`](Branch::create) is called.
    ///
    /// ```
    /// # use memimage::{Image, Model, Seq, Shape};
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
    /// # let (path, fixed) = (directory.path().join("image"), directory.path().join("fixed"));
    /// # let counter = Image::<Counter>::open(&path)?;
    /// counter.add(1)?;
    /// counter.add(2_000)?; // a mistake: event 2
    /// counter.add(3)?;
    /// let report = counter.journal().branch(&fixed).without([Seq::new(2)]).create()?;
    /// assert!(report.conflicts.is_empty()); // the other events apply as before
    ///
    /// let counter = Image::<Counter>::open(&fixed)?;
    /// assert_eq!(counter.query(|counter| counter.count)?, 4);
    /// # Ok::<(), memimage::Error>(())
    /// ```
    pub fn branch(&self, target: impl AsRef<Path>) -> Branch<'static, M> {
        // only an image on a simulated disk has a relative path
        let on_real_disk = self.path().is_absolute();
        let target = target.as_ref();
        Branch {
            source: self.source.clone(),
            target: if on_real_disk { absolute(target) } else { target.to_owned() },
            until: None,
            without: BTreeSet::new(),
            replacing: Vec::new(),
            keeps_refused: false,
            carries_gaps: false,
            options: Options::new(),
            progress: Box::new(|_| {}),
        }
    }
}

/// A branch that is to be created; see [`Journal::branch`].
///
/// - The branch begins with the state before the first event, and takes over the events up to its end, byte for byte: with their
///   versions, times, metadata and random values. Every event keeps its seq. In place of an event that the branch leaves out, its
///   journal has a `memimage.dropped` record.
/// - Events after the first change are executed again, as they would be executed live: first the check, then the body. What no
///   longer applies is in [`BranchReport::conflicts`]. An event whose check accepts it in the parent and refuses it on the
///   branch is left out, because a live call would have been refused, and its body relies on the check; see
///   [`keep_refused`](Branch::keep_refused). An event whose body panics is left out, too. An event that was applied in the parent and is
///   rejected by its body on the branch, or the reverse, has its new outcome. The check of a `replay_only` event is unknown, so only
///   its body runs.
/// - The metadata of each event that the branch leaves out or replaces has the entry [`Metadata::BRANCH`].
/// - The branch has a new UUID, the random seed of its parent, and the keys with which the parent is encrypted or chained. Its
///   headers record its parent: [`Stats::parent`](crate::Stats::parent).
/// - The branch is created in a directory beside `target`, named `.NAME.branching`, or inside of `target`, if this is an empty
///   directory. It is verified by a replay, and renamed. After a crash, `target` has either no image or a complete one.
/// - The parent must have all events from the first one on: a pruned image cannot be branched. While an image is branched by the
///   program that has it open, it prunes nothing and removes no snapshot; the next snapshot makes up for that.
///
/// A branch needs about three times the memory of the model, and time for several replays of the whole journal. If many bodies
/// panic on the branch, each costs an encoding and a decoding of the state.
#[must_use = "nothing is created until `create` is called"]
pub struct Branch<'a, M: Model> {
    source: JournalSource,
    target: PathBuf,
    until: Option<Moment>,
    without: BTreeSet<Seq>,
    replacing: Vec<(Seq, Result<ReencodedPart, Error>)>,
    keeps_refused: bool,
    carries_gaps: bool,
    options: Options<M>,
    progress: Box<dyn FnMut(BranchProgress) + 'a>,
}

impl<'a, M: Model> Branch<'a, M> {
    /// Sets the end of the branch: the last event ([`Seq`]), or the time after which no event is taken over
    /// ([`Timestamp`]). With event 0, the branch has no event. Without this option, the branch takes over all events: if the image is
    /// open, all durable ones, and otherwise those that an opening would find.
    pub fn until(mut self, end: impl Into<Moment>) -> Self {
        self.until = Some(end.into());
        self
    }

    /// Leaves these events out. Further calls leave out more events.
    pub fn without(mut self, events: impl IntoIterator<Item = Seq>) -> Self {
        self.without.extend(events);
        self
    }

    /// Puts another event in the place of event `seq`: a payload such as `BankDeposit { … }`, or an event of the model's enum. It
    /// gets the time, the metadata and the random values of the event that it replaces. As with a live call, it is encoded and
    /// decoded, and its check may refuse it; then [`create`](Branch::create) fails.
    pub fn replacing(mut self, seq: Seq, event: impl Into<M::Event>) -> Self {
        self.replacing.push((seq, encoded::<M>(event.into())));
        self
    }

    /// Executes the events that their checks refuse on the branch, instead of leaving them out. They are in the report
    /// nevertheless, each once. Use this if the checks guard rules that the branch may break, such as a limit, and not the state itself.
    pub fn keep_refused(mut self) -> Self {
        self.keeps_refused = true;
        self
    }

    /// Sets whether the branch takes over the recorded gaps of its parent, in which events are lost. By default, a branch that would have
    /// such a gap is refused. Its journal then tells about the gaps as that of its parent does. All its states are replayed without
    /// the lost events, even if a snapshot of the parent has their effect.
    pub fn carry_gaps(mut self, carry: bool) -> Self {
        self.carries_gaps = carry;
        self
    }

    /// Calls `progress` after some of the events.
    pub fn progress<'b>(self, progress: impl FnMut(BranchProgress) + 'b) -> Branch<'b, M> {
        let Branch { source, target, until, without, replacing, keeps_refused, carries_gaps, options, .. } = self;
        let progress = Box::new(progress);
        Branch { source, target, until, without, replacing, keeps_refused, carries_gaps, options, progress }
    }

    /// Sets the maximum length of the branch's segments; see [`Options::segment_bytes`].
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.options = self.options.segment_bytes(bytes);
        self
    }

    /// Sets whether the branch may be on a network file system; see [`Options::allow_network`].
    pub fn allow_network(mut self, allow: bool) -> Self {
        self.options = self.options.allow_network(allow);
        self
    }

    /// Creates the branch.
    ///
    /// # Errors
    ///
    /// - `target` exists and is not an empty directory, or is inside the image
    ///   ([`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists)).
    /// - The end of the branch, or an event to be changed, is not in the journal
    ///   ([`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange)); or an event to be changed is after the end of the branch, is named
    ///   both in `without` and in `replacing`, or is replaced twice; or a replacement is refused, or its body panics; or the
    ///   image is in memory ([`ErrorKind::NotApplicable`](crate::ErrorKind::NotApplicable)).
    /// - The image was pruned, or another process prunes it meanwhile ([`ErrorKind::Pruned`](crate::ErrorKind::Pruned)).
    /// - The branch would have a recorded gap ([`ErrorKind::LostEvents`](crate::ErrorKind::LostEvents)), and
    ///   [`carry_gaps`](Branch::carry_gaps) does not allow it; or an event to be changed is lost, or the end of the branch is inside of a
    ///   gap.
    /// - A file cannot be read or written, or the image is damaged, or cannot be replayed.
    /// - The branch replays to another state than the one that was computed
    ///   ([`ErrorKind::Diverged`](crate::ErrorKind::Diverged)).
    ///
    /// If only the last step fails (the sync of the parent directory), the branch at `target` is complete. If any other step
    /// fails, there is no image at `target`.
    pub fn create(self) -> Result<BranchReport, Error> {
        self.options.validate()?;
        let Branch { source, target, until, without, replacing, keeps_refused, carries_gaps, options, mut progress } =
            self;
        let root = source.layout().root().to_owned();
        if source.layout().is_in_memory() {
            return Err(refused(&root, messages::IN_MEMORY));
        }
        check_target(&source, &target, &options)?;
        let live = source.live()?;
        let _kept = live.as_ref().map(|live| live.keep_files("branch")).transpose()?;
        let create = || {
            let last = last_event(&source, until)?;
            let opened = source.open(last)?;
            source.layout().refuse_other_model(opened.segments().identity(), M::NAME)?;
            let journal = CompleteJournal::of::<M>(opened, messages::PRUNED)?;
            let end = until.map_or(Ok(last), |moment| moment.resolve(&journal.journal, last))?;
            let edits = Edits::new::<M>(&root, (end, last), without, replacing)?;
            let (source, journal, edits, options) = (&source, &journal, &edits, &options);
            let making = Making { source, journal, edits, keeps_refused, carries_gaps, options };
            making.run(&target, &mut *progress)
        };
        create().map_err(|error| pruned_meanwhile(&source, error))
    }
}

/// The last event that a branch can take over. While an owner is running, this is the last durable event; otherwise the last event
/// that an opening would find.
pub(crate) fn last_event(source: &JournalSource, until: Option<Moment>) -> Result<Seq, Error> {
    let durable = source.durable("branch")?;
    match until {
        // the end of the journal may be damaged
        Some(Moment::Seq(seq)) if seq <= durable => Ok(durable),
        _ => Ok(source.last_without_owner()?.map_or(durable, |last| last.max(durable))),
    }
}

/// The error of a branch, or its cause: an owner in another process pruned the journal meanwhile.
pub(crate) fn pruned_meanwhile(source: &JournalSource, error: Error) -> Error {
    let is_possible = error.is_removed() || error.kind() == ErrorKind::Corrupt;
    let survey = || source.layout().survey(&**source.disk());
    match survey() {
        Ok(Survey::Image(segments)) if is_possible && segments.first() != Some(&SegmentId::FIRST) => {
            let Need { done, help } = messages::PRUNED_MEANWHILE;
            Error::new(ErrorDetail::PrunedSource { path: source.layout().root().to_owned(), done, help })
        }
        _ => error,
    }
}

/// Encodes an event, as a live call encodes its arguments.
fn encoded<M: Model>(event: M::Event) -> Result<ReencodedPart, Error> {
    let (command, metadata) = (event.name(), Metadata::new());
    let unencodable = |what| Error::new(ErrorDetail::Encode { command, what });
    let recorded =
        Recorded { seq: Seq::ZERO, time: Timestamp::default(), metadata: &metadata, outcome: Outcome::Applied };
    let at = Upcasting { recorded: &recorded, part: 0, steps: 0 };
    let mut reencode = Reencode::<M>::new();
    match catch_unwind(AssertUnwindSafe(|| event.replay_into(at, &mut reencode.target()))) {
        Ok(Ok(())) => Ok(reencode.parts.pop().expect("an event has one payload")),
        Ok(Err(fault)) => Err(unencodable(fault.to_string())),
        Err(panic) => {
            let (place, message) = ("arguments' encoding", panic_message(panic));
            Err(Error::new(ErrorDetail::Panicked { command, place, message }))
        }
    }
}

/// Checks that an image can be created at `target`.
fn check_target<M: Model>(source: &JournalSource, target: &Path, options: &Options<M>) -> Result<(), Error> {
    let disk = &**source.disk();
    refuse_inside(disk, target, source.layout().root())?;
    vacant(disk, target, &STAGING)?;
    if options.allow_network { Ok(()) } else { Layout::new(target).refuse_network(disk) }
}

/// The creation of a branch whose parameters are verified.
struct Making<'a, M: Model> {
    source: &'a JournalSource,
    journal: &'a CompleteJournal,
    edits: &'a Edits,
    keeps_refused: bool,
    carries_gaps: bool,
    options: &'a Options<M>,
}

/// Receives the progress.
type Progress<'a> = &'a mut dyn FnMut(BranchProgress);

impl<M: Model> Making<'_, M> {
    fn run(&self, target: &Path, progress: Progress<'_>) -> Result<BranchReport, Error> {
        let (source, total) = (self.source, self.edits.end.get());
        let voids = self.journal.journal.scan().voids(SegmentId::FIRST)?;
        let plan = self.plan(&voids, progress)?;

        let (disk, keys) = (source.disk(), source.keyring());
        let staging = StagingDir::take(disk, target, &STAGING)?;
        let layout = staging.layout();
        let parent = (self.journal, self.edits.end);
        let mut new = RecordWriter::create::<M>(disk, layout, self.options, keys, parent)?;
        let life = new.life();
        let decoder = FrameDecoder::new(self.edits.end, self.carries_gaps);
        let writer = BranchWriter::new::<M>((source, self.journal), (self.edits, decoder), &voids, &plan, &mut new);
        writer.write::<M>(&mut |seq| {
            progress(BranchProgress { step: BranchStep::Write, events: seq.get(), total });
        })?;
        new.finish::<M>(plan.digest.to_u64())?;

        let written = CompleteJournal::open::<M>(disk, layout, keys, messages::PRUNED)?;
        // an opening keeps of these requests those that its options ask for
        let state = written.recover::<M>(None, false, u64::MAX, &mut |replayed| {
            progress(BranchProgress { step: BranchStep::Verify, events: replayed.events, total });
        })?;
        self.verify(&state, &plan)?;
        self.snapshot(layout, &written, state, (life, &plan))?;
        let uuid = written.journal.segments().identity().uuid;
        staging.finish()?;
        let report = self.report(uuid, plan);
        log::info!(
            from = %source.layout().root().display(), to = %target.display(), seq = %report.parent.seq,
            conflicts = report.conflicts.len(), "branched an image"
        );
        Ok(report)
    }

    /// Determines what becomes of each event.
    fn plan(&self, voids: &Voids, progress: Progress<'_>) -> Result<Plan, Error> {
        let Making { source, journal, edits, keeps_refused, .. } = *self;
        let total = edits.end.get();
        let mut watch = |step, events| progress(BranchProgress { step, events, total });
        let parent: Rebuilt = journal.rebuild::<M>(Some(edits.end), true, &mut |replayed| {
            watch(BranchStep::Replay, replayed.events);
        })?;
        let Some(first) = edits.first() else { return Ok(Plan::unchanged(&parent)) };
        let before = Seq::new(first.get() - 1);
        let state = journal.recover::<M>(Some(before), true, 0, &mut |_| {})?.model;
        let execution = Execution::new((source, journal), (edits, keeps_refused), voids, &parent, (before, state))?;
        execution.run(&mut |seq| watch(BranchStep::Execute, seq.get()))
    }

    /// Verifies that the branch replays to the state that was computed.
    fn verify(&self, state: &Recovered<M>, plan: &Plan) -> Result<(), Error> {
        let found = state_digest(&state.model)?;
        if (found, state.last) == (plan.digest, self.edits.end) || planted(Bug::BranchUnverified) {
            return Ok(());
        }
        let (found, expected) = (found.to_string(), plan.digest.to_string());
        Err(Error::new(ErrorDetail::Branched { path: self.source.layout().root().to_owned(), found, expected }))
    }

    /// Writes a snapshot of the state after the last event, so that the branch opens quickly. A state that does not load as it was
    /// written gets none.
    fn snapshot(
        &self,
        layout: &Layout,
        written: &CompleteJournal,
        state: Recovered<M>,
        (life, plan): (Life, &Plan),
    ) -> Result<(), Error> {
        if state.last == Seq::ZERO {
            return Ok(());
        }
        let header = SnapshotHeader {
            identity: written.journal.segments().identity().clone(),
            life,
            seq: state.last,
            time: state.time,
            created: Timestamp::wall_clock(),
            model_version: M::VERSION,
            fingerprint: fingerprint(M::SHAPE).to_u64(),
            key_ids: Default::default(),
            prefix: Default::default(),
            has_requests: false,
            requests_since: Seq::ZERO,
        };
        let snapshots = Snapshots::new(self.source.disk(), layout, self.source.keyring());
        let Recovered { model, requests, events_hash, .. } = state;
        let requests = requests.log();
        let content = (model, &requests);
        let snapshot = snapshots.write(header, plan.digest.to_u64(), content, || Ok(events_hash))?;
        let is_same = snapshots.load::<M>(&snapshot)?.is_ok_and(|loaded| state_digest(&loaded) == Ok(plan.digest));
        if is_same {
            return snapshots.install(&snapshot);
        }
        log::warning!("{}", messages::NO_SNAPSHOT);
        snapshots.discard(&snapshot);
        Ok(())
    }

    fn report(&self, uuid: [u8; 16], plan: Plan) -> BranchReport {
        let is_named = |seq: &&Seq| !plan.already_void.contains(seq);
        BranchReport {
            uuid,
            parent: Parent { uuid: self.journal.journal.segments().identity().uuid, seq: self.edits.end },
            left_out: self.edits.without.iter().filter(is_named).copied().collect(),
            already_void: plan.already_void.clone(),
            replaced: plan.replaced,
            conflicts: plan.conflicts,
            lost: plan.lost,
            digest: plan.digest,
        }
    }
}

impl<M: Model> fmt::Debug for Branch<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Branch")
            .field("target", &self.target)
            .field("until", &self.until)
            .field("without", &self.without)
            .finish_non_exhaustive()
    }
}
