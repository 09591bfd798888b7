//! Recovery: loads the newest usable snapshot, and replays the events after it.
//!
//! All of it only reads, except [`opened_journal`], which repairs the end of a journal before it is resumed.

mod opened_journal;
mod dispatch;
mod state;
mod genesis;
mod start;

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use crate::context::{Context, Metadata, Origin, Timestamp};
use crate::digest::{Digest, digest};
use crate::error::{Error, ErrorDetail};
use crate::event::{Apply, Model, Recorded, ReplayError, StoredPayload, panic_message};
use crate::journal::{DigestMark, Frame, FrameKind, JournalEnd, Record, Scan, TablePrefixes, Voids, records};
use crate::seq::{SegmentId, Seq};
use crate::shape::fingerprint;

use start::{Start, newest_start};
pub(crate) use start::{is_current, is_readable};

pub(crate) use dispatch::{DROPPED, Dispatch, ReplayAction, ReplayRoute};
pub(crate) use genesis::{GenesisState, genesis_of};
pub(crate) use opened_journal::{OpenedJournal, SettledJournal, WritableJournal};

/// The goal of a recovery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecoveryGoal {
    /// The last event to replay; all of them if `None`.
    pub(crate) until: Option<Seq>,
    /// Recovery uses no snapshot after this event.
    pub(crate) newest_snapshot: Option<Seq>,
    /// Whether a state that differs from the recorded one is an error.
    pub(crate) verify_digests: bool,
    /// Whether recovery may start from a snapshot whose state was upcast. No recorded digest covers an upcast state. Snapshot
    /// verification replays the journal from its start instead, and so checks the upcaster.
    pub(crate) believe_upcasters: bool,
}

/// The state of a model after some event.
#[derive(Debug)]
pub(crate) struct Recovered<M> {
    pub(crate) model: M,
    pub(crate) last: Seq,
    /// The recorded time of the last event.
    pub(crate) time: Timestamp,
    /// The snapshot or base with which replay began.
    pub(crate) snapshot: Option<Seq>,
    pub(crate) replayed: u64,
    /// The bytes of the replayed batches.
    pub(crate) replayed_bytes: u64,
    /// Unusable snapshots, each with the reason.
    pub(crate) unusable: Vec<(PathBuf, String)>,
    /// The end of the journal, if replay reached it.
    pub(crate) end: Option<JournalEnd>,
}

/// Matches the journal's table of shapes with the program's.
pub(crate) fn dispatch_of<M: Model>(journal: &OpenedJournal) -> Result<Dispatch, Error> {
    Dispatch::new(journal.scan().table()?, M::EVENTS).map_err(|differences| {
        Error::new(ErrorDetail::Shapes { path: journal.layout().root().to_owned(), differences })
    })
}

/// Loads the newest usable snapshot and replays the events after it.
pub(crate) fn recover<M: Model>(
    journal: &OpenedJournal,
    dispatch: &Dispatch,
    goal: RecoveryGoal,
) -> Result<Recovered<M>, Error> {
    recover_watched(journal, dispatch, goal, &mut |_| {})
}

/// The progress of a replay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplayProgress {
    pub(crate) events: u64,
    /// The bytes of their batches.
    pub(crate) bytes: u64,
}

/// As [`recover`], and reports the progress to `watch` after each batch.
pub(crate) fn recover_watched<M: Model>(
    journal: &OpenedJournal,
    dispatch: &Dispatch,
    goal: RecoveryGoal,
    watch: &mut dyn FnMut(ReplayProgress),
) -> Result<Recovered<M>, Error> {
    let mut unusable = Vec::new();
    let (start, voids) = newest_start::<M>(journal, goal, &mut unusable)?;
    let upcast = start.as_ref().and_then(|start| start.upcast.clone());
    match replay_from(start, voids, journal.scan(), dispatch, goal, watch) {
        Err(error) if error.is_diverged() && journal.segments().is_whole() && upcast.is_some() => {
            tracing::warn!(%error, "replay diverged after an upcast state; replaying the whole journal");
            unusable.extend(
                upcast.map(|path| (path, format!("its state was upcast, and replay diverged after it: {error}"))),
            );
            let goal = RecoveryGoal { believe_upcasters: false, ..goal };
            let (start, voids) = newest_start::<M>(journal, goal, &mut unusable)?;
            replay_from(start, voids, journal.scan(), dispatch, goal, watch)
        }
        replayed => replayed,
    }
    .map(|recovered| Recovered { unusable, ..recovered })
}

fn replay_from<M: Model>(
    start: Option<Start<M>>,
    voids: Voids,
    scan: &Scan,
    dispatch: &Dispatch,
    goal: RecoveryGoal,
    watch: &mut dyn FnMut(ReplayProgress),
) -> Result<Recovered<M>, Error> {
    let (last, time) = start.as_ref().map_or_else(Default::default, |start| (start.seq, start.time));
    let (snapshot, began) =
        (start.as_ref().map(|start| start.seq), start.as_ref().map(|start| (start.seq, start.digest)));
    let segments = scan.segments();
    let mut replay = Replay {
        scan,
        dispatch,
        table_prefixes: dispatch.table().prefixes(),
        context: Context::new(segments.identity().seed, Origin::own(last), time, Metadata::new()),
        model: start.map(|start| start.model),
        began,
        voids,
        last,
        time,
        agreed: last,
        replayed: 0,
        replayed_bytes: 0,
        mark: None,
        diverged: None,
        goal,
        watch,
    };
    if replay.voids.len() > 0 {
        tracing::info!(events = replay.voids.len(), "skipping void events");
    }
    let from = if snapshot.is_some() { scan.segment_after(last)? } else { segments.first() };
    let end = match goal.until == snapshot && snapshot.is_some() {
        true => None,
        false => {
            let read = scan.read(from, |segment, frame| replay.frame(segment, frame));
            // a state that diverged earlier may be the cause of this error
            read.map_err(|error| replay.diverged.clone().unwrap_or(error))?
        }
    };
    replay.settle_mark()?;
    if let Some(diverged) = replay.diverged {
        return Err(diverged);
    }
    let Replay { model, last, time, replayed, replayed_bytes, .. } = replay;
    let model = model.ok_or_else(|| segments.corrupt(SegmentId::FIRST, None, "it has no genesis".to_owned()))?;
    let ends = goal.until.or_else(|| end.as_ref().map(|end| end.chain.before())).unwrap_or(last);
    if ends != last {
        let what = format!("its events can be read up to {last}, but it ends at {ends}");
        return Err(segments.corrupt(scan.active(), None, what));
    }
    Ok(Recovered { model, last, time, snapshot, replayed, replayed_bytes, unusable: Vec::new(), end })
}

/// The identification of a model in a [`DigestMark`].
pub(crate) fn model_mark<M: Model>() -> u64 {
    DigestMark::model_of(M::VERSION, fingerprint(M::SHAPE).to_u64())
}

/// The digest of a model.
pub(crate) fn state_digest<M: Model>(model: &M) -> Result<Digest, Error> {
    digest(model).map_err(|error| Error::new(ErrorDetail::Digest { model: M::NAME, what: error.to_string() }))
}

struct Replay<'a, M> {
    scan: &'a Scan,
    dispatch: &'a Dispatch,
    /// The prefixes of the table in `dispatch`.
    table_prefixes: TablePrefixes,
    /// The context of the current event.
    context: Context,
    /// `None` before genesis.
    model: Option<M>,
    /// The seq and the recorded digest of the snapshot or base with which replay began.
    began: Option<(Seq, u64)>,
    /// The events that replay skips.
    voids: Voids,
    last: Seq,
    time: Timestamp,
    /// The last event after which the state had the recorded digest.
    agreed: Seq,
    replayed: u64,
    replayed_bytes: u64,
    /// The recorded digest of the state after event `last`.
    mark: Option<DigestMark>,
    /// The first difference from a recorded digest, unless the state was accepted later.
    diverged: Option<Error>,
    goal: RecoveryGoal,
    watch: &'a mut dyn FnMut(ReplayProgress),
}

impl<M: Model> Replay<'_, M> {
    fn frame(&mut self, segment: SegmentId, frame: &Frame<'_>) -> Result<ControlFlow<()>, Error> {
        match frame.header.kind {
            FrameKind::Genesis => self.genesis(segment, frame)?,
            FrameKind::Shapes => self.shapes(segment, frame)?,
            FrameKind::Events => self.events(segment, frame)?,
            FrameKind::Digest => self.digest(segment, frame)?,
            FrameKind::Prune => self.pruned(segment, frame)?,
            // all voids were read before the first event
            FrameKind::Void => drop(self.scan.decode_void(segment, frame)?),
            FrameKind::Seal | FrameKind::Optional(_) => {}
        }
        let reached = self.model.is_some() && self.goal.until.is_some_and(|until| self.last >= until);
        Ok(if reached { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn genesis(&mut self, segment: SegmentId, frame: &Frame<'_>) -> Result<(), Error> {
        if self.model.is_some() {
            return Ok(());
        }
        let first = GenesisState::read(self.scan, segment, frame)?;
        if self.goal.verify_digests {
            self.diverged = first.differs(self.scan, segment);
        }
        self.model = Some(first.state);
        Ok(())
    }

    fn shapes(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<(), Error> {
        if self.table_prefixes.contains(&self.scan.body(segment, frame)?) {
            return Ok(());
        }
        let table = self.scan.decode_table(segment, frame)?;
        match self.dispatch.table().continues(&table) {
            true => Ok(()),
            false => {
                let what = "its table of shapes assigns other numbers to the events than the newest table".to_owned();
                Err(self.scan.corrupt_frame(segment, frame, what))
            }
        }
    }

    /// Checks that replay began with the base for which the journal was pruned.
    fn pruned(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<(), Error> {
        let mark = self.scan.decode_prune(segment, frame)?;
        let outdated = self.voids.invalidates(mark.base, frame.header.epoch);
        match self.began {
            Some((seq, digest)) if seq == mark.base && digest != mark.digest && !outdated => {
                let what = format!(
                    "replay began with another state after event {seq} than the one for which the journal was pruned"
                );
                Err(self.scan.corrupt_frame(segment, frame, what))
            }
            _ => Ok(()),
        }
    }

    fn events(&mut self, segment: SegmentId, frame: &Frame<'_>) -> Result<(), Error> {
        let header = &frame.header;
        if header.next_seq() <= self.last.next() {
            return Ok(());
        }
        if self.model.is_none() {
            return Err(self.scan.corrupt_frame(segment, frame, "an event comes before genesis".to_owned()));
        }
        if header.first_seq > self.last.next() {
            let what = format!("the events from {} on are missing before this frame", self.last.next());
            return Err(self.scan.corrupt_frame(segment, frame, what));
        }
        self.settle_mark()?;
        self.replayed_bytes += frame.len as u64;
        let body = self.scan.body(segment, frame)?;
        for record in records(&body, header.first_seq, header.count, header.time) {
            let record = record.map_err(|fault| self.scan.corrupt_frame(segment, frame, fault.to_string()))?;
            if record.seq > self.last && self.goal.until.is_none_or(|until| record.seq <= until) {
                if self.voids.has(record.seq) {
                    self.advance(record.seq, record.time);
                    continue;
                }
                let Some(action) = self.dispatch.meaning(record.event, M::EVENTS) else {
                    let what = format!("event {} has the unknown number {}", record.seq, record.event.0);
                    return Err(self.scan.corrupt_frame(segment, frame, what));
                };
                match action {
                    ReplayAction::Event(route) => self.event(route, &body, record)?,
                    ReplayAction::Dropped => self.advance(record.seq, record.time),
                }
            }
        }
        (self.watch)(ReplayProgress { events: self.replayed, bytes: self.replayed_bytes });
        Ok(())
    }

    fn advance(&mut self, seq: Seq, time: Timestamp) {
        (self.last, self.time) = (seq, time);
        self.replayed += 1;
    }

    fn event(&mut self, route: ReplayRoute<'_, M>, body: &[u8], record: Record) -> Result<(), Error> {
        let ReplayRoute { event, shape, values, .. } = route;
        let Record { seq, time, outcome, origin, metadata, payload, .. } = record;
        self.context.move_to(origin, time, metadata);
        let context = &self.context;
        let recorded = Recorded { seq: origin.seq, time, metadata: context.metadata(), outcome };
        let stored = StoredPayload { payload: &body[payload], shape, recorded, part: origin.part, values };
        let model = self.model.as_mut().expect("genesis was read");
        let mut apply = Apply { model, context, outcome };
        let (what, help) = match catch_unwind(AssertUnwindSafe(|| (event.replay)(&stored, &mut apply))) {
            Ok(Ok(())) => {
                self.advance(seq, time);
                return Ok(());
            }
            Ok(Err(fault)) => (fault.to_string(), fault.help()),
            Err(panic) => {
                let what = format!("it panicked: {}", panic_message(&*panic));
                (what, ReplayError::help_for_panic(event.reencode.is_some()))
            }
        };
        let (name, version) = (event.name.to_owned(), event.version);
        Err(Error::new(ErrorDetail::Replay { seq, name, version, what, help }))
    }

    /// Compares the state with the recorded digest, if there is one. A difference becomes an error only at the end, because a
    /// later frame may accept the replayed state.
    fn settle_mark(&mut self) -> Result<(), Error> {
        let (Some(model), Some(mark)) = (&self.model, self.mark.take()) else { return Ok(()) };
        match compare(model, self.last, self.agreed, mark.digest) {
            Ok(()) if mark.accepts => (self.agreed, self.diverged) = (self.last, None),
            Ok(()) => self.agreed = self.last,
            Err(error) if error.is_diverged() => {
                self.diverged.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn digest(&mut self, segment: SegmentId, frame: &Frame<'_>) -> Result<(), Error> {
        let here = frame.header.first_seq == self.last.next();
        let outdated = self.voids.invalidates(self.last, frame.header.epoch);
        if self.model.is_none() || !here || !self.goal.verify_digests || outdated {
            return Ok(());
        }
        let mark = DigestMark::decode(&self.scan.body(segment, frame)?)
            .map_err(|what| self.scan.corrupt_frame(segment, frame, what))?;
        if mark.model != model_mark::<M>() {
            return Ok(());
        }
        // the last mark after an event counts; earlier ones may belong to discarded snapshots
        self.mark = Some(mark);
        Ok(())
    }
}

/// Checks that the state of the model has the recorded digest.
pub(crate) fn compare<M: Model>(model: &M, seq: Seq, agreed: Seq, recorded: u64) -> Result<(), Error> {
    let found = state_digest(model)?;
    if found.to_u64() == recorded {
        return Ok(());
    }
    let recorded = Digest::from_u64(recorded).to_string();
    Err(Error::new(ErrorDetail::Diverged { seq, since: agreed.next(), found: found.to_string(), recorded }))
}
