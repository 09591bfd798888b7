//! Recovery: the newest usable snapshot, and the events since.
//!
//! Everything here only reads, but for [`opened`], which repairs the end of a journal before it is resumed.

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

/// What is wanted of a recovery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecoveryGoal {
    /// The last event to replay; all of them if `None`.
    pub(crate) until: Option<Seq>,
    /// No snapshot after this event is used.
    pub(crate) newest_snapshot: Option<Seq>,
    /// Whether a state that is not the recorded one is an error.
    pub(crate) verify_digests: bool,
    /// Whether a state that an upcaster made of an older one is as good as a snapshot. It is only believed, and never where
    /// the journal can tell: a drill replays the journal from its start, and so holds the upcaster to it.
    pub(crate) believe_upcasters: bool,
}

/// A model as it was after some event.
#[derive(Debug)]
pub(crate) struct Recovered<M> {
    pub(crate) model: M,
    pub(crate) last: Seq,
    /// The recorded time of the last event.
    pub(crate) time: Timestamp,
    /// The snapshot or base it began with.
    pub(crate) snapshot: Option<Seq>,
    pub(crate) replayed: u64,
    /// Bytes of the batches replayed.
    pub(crate) replayed_bytes: u64,
    /// Snapshots that could not be used, and why.
    pub(crate) unusable: Vec<(PathBuf, String)>,
    /// The end of the journal, if it was reached.
    pub(crate) end: Option<JournalEnd>,
}

/// The journal's table of shapes side by side with the program's.
pub(crate) fn dispatch_of<M: Model>(journal: &OpenedJournal) -> Result<Dispatch, Error> {
    Dispatch::new(journal.scan().table()?, M::EVENTS).map_err(|differences| {
        Error::new(ErrorDetail::Shapes { path: journal.layout().root().to_owned(), differences })
    })
}

/// Loads the newest usable snapshot and replays the events since.
pub(crate) fn recover<M: Model>(
    journal: &OpenedJournal,
    dispatch: &Dispatch,
    goal: RecoveryGoal,
) -> Result<Recovered<M>, Error> {
    recover_watched(journal, dispatch, goal, &mut |_| {})
}

/// How far a recovery has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replayed {
    pub(crate) events: u64,
    /// Bytes of their batches.
    pub(crate) bytes: u64,
}

/// As [`recover`], telling after each batch how far it has come.
pub(crate) fn recover_watched<M: Model>(
    journal: &OpenedJournal,
    dispatch: &Dispatch,
    goal: RecoveryGoal,
    watch: &mut dyn FnMut(Replayed),
) -> Result<Recovered<M>, Error> {
    let mut unusable = Vec::new();
    let (start, voids) = newest_start::<M>(journal, goal, &mut unusable)?;
    let upcast = start.as_ref().and_then(|start| start.upcast.clone());
    match replay_from(start, voids, journal.scan(), dispatch, goal, watch) {
        Err(error) if error.is_diverged() && journal.segments().is_whole() && upcast.is_some() => {
            tracing::warn!(%error, "the state that an upcaster made does not replay; all of the journal is");
            unusable.extend(upcast.map(|path| (path, format!("its state was upcast, and does not replay: {error}"))));
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
    watch: &mut dyn FnMut(Replayed),
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
        tracing::info!(events = replay.voids.len(), "some events are void: they are passed over");
    }
    let from = if snapshot.is_some() { scan.segment_after(last)? } else { segments.first() };
    let end = match goal.until == snapshot && snapshot.is_some() {
        true => None,
        false => {
            let read = scan.read(from, |segment, frame| replay.frame(segment, frame));
            // what a diverged state led to is not the cause
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
        let what = format!("its events are read up to {last}, and it goes on to {ends}");
        return Err(segments.corrupt(scan.active(), None, what));
    }
    Ok(Recovered { model, last, time, snapshot, replayed, replayed_bytes, unusable: Vec::new(), end })
}

/// What tells in a digest's mark which model it is of.
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
    /// Of the table in `dispatch`.
    table_prefixes: TablePrefixes,
    /// Of the event that is being replayed.
    context: Context,
    /// `None` until genesis was read.
    model: Option<M>,
    /// The seq and the recorded digest of the snapshot or base that it began with.
    began: Option<(Seq, u64)>,
    /// The events that are not to be replayed.
    voids: Voids,
    last: Seq,
    time: Timestamp,
    /// The last event at which the state was the recorded one.
    agreed: Seq,
    replayed: u64,
    replayed_bytes: u64,
    /// The digest that was recorded of the state at this place.
    mark: Option<DigestMark>,
    /// Where the state was first not the recorded one, unless it was accepted later.
    diverged: Option<Error>,
    goal: RecoveryGoal,
    watch: &'a mut dyn FnMut(Replayed),
}

impl<M: Model> Replay<'_, M> {
    fn frame(&mut self, segment: SegmentId, frame: &Frame<'_>) -> Result<ControlFlow<()>, Error> {
        match frame.header.kind {
            FrameKind::Genesis => self.genesis(segment, frame)?,
            FrameKind::Shapes => self.shapes(segment, frame)?,
            FrameKind::Events => self.events(segment, frame)?,
            FrameKind::Digest => self.digest(segment, frame)?,
            FrameKind::Prune => self.pruned(segment, frame)?,
            // known since before the first event was replayed
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
                let what = "its table of shapes numbers the events in another way than the newest".to_owned();
                Err(self.scan.corrupt_frame(segment, frame, what))
            }
        }
    }

    /// The base must be the one for which the journal was pruned.
    fn pruned(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<(), Error> {
        let mark = self.scan.decode_prune(segment, frame)?;
        let outdated = self.voids.invalidates(mark.base, frame.header.epoch);
        match self.began {
            Some((seq, digest)) if seq == mark.base && digest != mark.digest && !outdated => {
                let what =
                    format!("the state after event {seq} that replay began with is not the one it was pruned for");
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
            let what = format!("the events from {} on are missing before it", self.last.next());
            return Err(self.scan.corrupt_frame(segment, frame, what));
        }
        self.settle_mark()?;
        self.replayed_bytes += frame.len as u64;
        let body = self.scan.body(segment, frame)?;
        for record in records(&body, header.first_seq, header.count, header.time) {
            let record = record.map_err(|fault| self.scan.corrupt_frame(segment, frame, fault.to_string()))?;
            if record.seq > self.last && self.goal.until.is_none_or(|until| record.seq <= until) {
                if self.voids.has(record.seq) {
                    self.passed(record.seq, record.time);
                    continue;
                }
                let Some(meaning) = self.dispatch.meaning(record.event, M::EVENTS) else {
                    let what = format!("event {} has the unknown number {}", record.seq, record.event.0);
                    return Err(self.scan.corrupt_frame(segment, frame, what));
                };
                match meaning {
                    ReplayAction::Event(way) => self.event(way, &body, record)?,
                    ReplayAction::Dropped => self.passed(record.seq, record.time),
                }
            }
        }
        (self.watch)(Replayed { events: self.replayed, bytes: self.replayed_bytes });
        Ok(())
    }

    fn passed(&mut self, seq: Seq, time: Timestamp) {
        (self.last, self.time) = (seq, time);
        self.replayed += 1;
    }

    fn event(&mut self, way: ReplayRoute<'_, M>, body: &[u8], record: Record) -> Result<(), Error> {
        let ReplayRoute { event, shape, values, .. } = way;
        let Record { seq, time, outcome, origin, metadata, payload, .. } = record;
        self.context.move_to(origin, time, metadata);
        let context = &self.context;
        let recorded = Recorded { seq: origin.seq, time, metadata: context.metadata(), outcome };
        let stored = StoredPayload { payload: &body[payload], shape, recorded, part: origin.part, values };
        let model = self.model.as_mut().expect("genesis was read");
        let mut apply = Apply { model, context, outcome };
        let (what, help) = match catch_unwind(AssertUnwindSafe(|| (event.replay)(&stored, &mut apply))) {
            Ok(Ok(())) => {
                self.passed(seq, time);
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

    /// Compares the state with the digest of this place, if there is one. A difference counts at the end, since the state
    /// that replay gives may have been accepted since.
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
        // the last one of a place counts: those before it may be of snapshots that were thrown away
        self.mark = Some(mark);
        Ok(())
    }
}

/// Makes sure that the model is in the state that was recorded.
pub(crate) fn compare<M: Model>(model: &M, seq: Seq, agreed: Seq, recorded: u64) -> Result<(), Error> {
    let found = state_digest(model)?;
    if found.to_u64() == recorded {
        return Ok(());
    }
    let recorded = Digest::from_u64(recorded).to_string();
    Err(Error::new(ErrorDetail::Diverged { seq, since: agreed.next(), found: found.to_string(), recorded }))
}
