//! Replays the events of a journal on a state.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use super::dispatch::{Dispatch, ReplayAction, ReplayRoute};
use super::genesis::GenesisState;
use super::recorded_digests::RecordedDigests;
use super::round_trip::restored;
use super::start::ReplayInput;
use super::{Recovered, RecoveryGoal, compare, older_requests};
use crate::context::{Context, Metadata, Origin, Timestamp};
use crate::error::{Error, ErrorDetail, PersonalKeyError};
use crate::event::{Apply, EventType, Model, Recorded, ReplayError, ReplayedRequest, StoredPayload};
use crate::journal::{EncodedRows, EventId, Frame, FrameChain, FrameKind, Record, Scan, TailPosition, Voids, records};
use crate::log;
use crate::outcome::Outcome;
use crate::panics::panic_message;
use crate::planted::{Bug, planted};
use crate::requests::RequestTable;
use crate::seq::{SegmentId, Seq};

/// The progress of a recovery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplayProgress {
    /// The events replayed so far.
    pub(crate) events: u64,
    /// The size of the batches replayed so far, in bytes.
    pub(crate) bytes: u64,
    /// The segment of the last batch.
    pub(crate) segment: SegmentId,
    /// The offset after the last batch.
    pub(crate) offset: usize,
}

/// Replays the events after a state.
pub(super) fn replay_from<M: Model>(
    input: ReplayInput<M>,
    scan: &Scan,
    dispatch: &Dispatch,
    goal: RecoveryGoal,
    watch: &mut dyn FnMut(ReplayProgress),
) -> Result<Recovered<M>, Error> {
    let ReplayInput { start, mut voids, timeline } = input;
    let is_upcast = start.as_ref().is_some_and(|start| start.is_upcast);
    let start_hash = start.as_ref().map_or(0, |start| start.events_hash);
    let remember = goal.remember;
    let (last, time) = start.as_ref().map_or_else(Default::default, |start| (start.seq, start.time));
    let snapshot = start.as_ref().map(|start| start.seq);
    let crossed = voids.cross_gaps_after(last);
    let replay_start = start.as_ref().and_then(|start| Some((start.seq, start.digest?)));
    let start_file = start.as_ref().map(|start| (start.seq, start.path.clone()));
    let segments = scan.segments();
    let digests = match goal.verify_digests {
        true => RecordedDigests::after::<M>(&timeline, &voids),
        false => RecordedDigests::none(last),
    };
    let (model, requests) = start.map(|start| (start.model, start.requests)).unzip();
    let requests = requests.map_or_else(|| RequestTable::new(remember), |stored| stored.with_window(remember, last));
    let requests = older_requests::complete(requests, scan, last);
    let state = (model, requests, last, time);
    let mut replay = Replay {
        encoded_rows: dispatch.table().encoded_rows(),
        replay_start,
        voids,
        digests,
        // inspects the state after the first event, which determines the next event to inspect
        next_inspected: Seq::ZERO,
        ..Replay::new(scan, dispatch, state, goal, watch)
    };
    if replay.voids.len() > 0 {
        log::info!(events = replay.voids.len(), "replay skips the void events");
    }
    let from = if snapshot.is_some() { scan.segment_after(last)? } else { segments.first() };
    #[expect(clippy::disallowed_methods, reason = "the duration of a replay is not part of the state")]
    let began = Instant::now();
    let end = if goal.until == snapshot && snapshot.is_some() {
        None
    } else {
        let read = scan.read(from, |segment, frame| replay.frame(segment, frame));
        // a diverged state can cause other errors, so the divergence is reported first
        read.map_err(|error| replay.digests.diverged.clone().unwrap_or(error))?
    };
    let Replay { model, requests, last, time, digests, replayed, replayed_bytes, changed_outcomes, stopped_at, .. } =
        replay;
    let RecordedDigests { verified, diverged, mut uncompared, .. } = digests;
    if let Some(diverged) = diverged {
        return Err(diverged);
    }
    uncompared.retain(|seq| *seq <= last);
    let model =
        model.ok_or_else(|| segments.corrupt(SegmentId::FIRST, None, "the genesis frame is missing".to_owned()))?;
    let expected_last = goal.until.or_else(|| end.as_ref().map(|end| end.chain.before())).unwrap_or(last);
    if expected_last != last {
        let what =
            format!("only the events up to {last} can be read, but the journal continues to event {expected_last}");
        return Err(segments.corrupt(scan.active(), None, what));
    }
    if let Some(expected) = goal.expected {
        compare(&model, last, verified, expected)?;
    }
    let tail = match &end {
        Some(end) => end.position(),
        None => stopped_at.map_or_else(|| scan.segment_after(last).map(TailPosition::start_of), Ok)?,
    };
    let events_hash = tail.chain.and_then(|chain| chain.events).unwrap_or(start_hash);
    let (unusable, contradicted) = Default::default();
    Ok(Recovered {
        model,
        requests,
        last,
        time,
        events_hash,
        snapshot,
        start_file,
        replayed,
        replayed_bytes,
        bytes_since_snapshot: replayed_bytes,
        replay_duration: began.elapsed(),
        changed_outcomes,
        crossed,
        uncompared,
        unusable,
        contradicted,
        tail,
        is_upcast,
        end,
    })
}

/// A replay in progress.
pub(super) struct Replay<'a, M> {
    scan: &'a Scan,
    dispatch: &'a Dispatch,
    /// The encoded rows of the shape table in `dispatch`.
    encoded_rows: EncodedRows,
    /// The context of the event that is being replayed.
    context: Context,
    /// `None` until genesis has been read.
    pub(super) model: Option<M>,
    /// The requests among the last events.
    pub(super) requests: RequestTable,
    /// The seq and the recorded digest of the snapshot or base at which replay began.
    replay_start: Option<(Seq, u64)>,
    /// The events that replay skips.
    pub(super) voids: Voids,
    pub(super) last: Seq,
    pub(super) time: Timestamp,
    replayed: u64,
    replayed_bytes: u64,
    changed_outcomes: BTreeMap<Seq, Outcome>,
    digests: RecordedDigests,
    /// The next event after which the state is inspected: its digest, or how it is read back.
    next_inspected: Seq,
    /// The event that is being replayed, and its row in the program's dispatch table.
    replaying: Option<(Seq, usize)>,
    /// The position at which the replay stopped, because it had reached its goal before the end of the journal.
    stopped_at: Option<TailPosition>,
    goal: RecoveryGoal,
    watch: &'a mut dyn FnMut(ReplayProgress),
}

impl<'a, M: Model> Replay<'a, M> {
    /// A replay on the state after event `last`, with no void events and no digests to compare.
    pub(super) fn new(
        scan: &'a Scan,
        dispatch: &'a Dispatch,
        (model, requests, last, time): (Option<M>, RequestTable, Seq, Timestamp),
        goal: RecoveryGoal,
        watch: &'a mut dyn FnMut(ReplayProgress),
    ) -> Replay<'a, M> {
        Replay {
            scan,
            dispatch,
            encoded_rows: EncodedRows::default(),
            context: Context::new(scan.segments().identity().seed, Origin::own(last), time, Metadata::new()),
            model,
            requests,
            replay_start: None,
            voids: Voids::default(),
            last,
            time,
            replayed: 0,
            replayed_bytes: 0,
            changed_outcomes: BTreeMap::new(),
            digests: RecordedDigests::none(last),
            next_inspected: Seq::new(u64::MAX),
            replaying: None,
            stopped_at: None,
            goal,
            watch,
        }
    }
}

impl<M: Model> Replay<'_, M> {
    pub(super) fn frame(&mut self, segment: SegmentId, frame: &Frame<'_>) -> Result<ControlFlow<()>, Error> {
        match frame.header.kind {
            FrameKind::Genesis => self.genesis(segment, frame)?,
            FrameKind::Shapes => self.shapes(segment, frame)?,
            FrameKind::Events => self.events(segment, frame)?,
            // the digests were collected before the first event was replayed
            FrameKind::Digest => drop(self.scan.decode_digest(segment, frame)?),
            FrameKind::Prune => self.prune_mark(segment, frame)?,
            // the void events were collected before the first event was replayed
            FrameKind::Void => drop(self.scan.decode_void(segment, frame)?),
            // skip a correction that was recorded before the start state: that state may already have the time of a later event
            FrameKind::Time if frame.header.first_seq > self.last => {
                self.time = self.scan.decode_time(segment, frame)?.to;
            }
            FrameKind::Gap => self.gap(segment, frame)?,
            FrameKind::Seal | FrameKind::Time | FrameKind::Optional(_) => {}
        }
        let reached = self.model.is_some() && self.goal.until.is_some_and(|until| self.last >= until);
        if !reached {
            return Ok(ControlFlow::Continue(()));
        }
        let sealed = frame.header.kind == FrameKind::Seal;
        let (offset, chain) = (frame.next_offset() as u64, Some(FrameChain::after(frame)));
        self.stopped_at = Some(TailPosition { segment, offset, chain, sealed });
        Ok(ControlFlow::Break(()))
    }

    fn genesis(&mut self, segment: SegmentId, frame: &Frame<'_>) -> Result<(), Error> {
        if self.model.is_some() {
            return Ok(());
        }
        let first = GenesisState::read(self.scan, segment, frame)?;
        if self.goal.verify_digests {
            self.digests.diverged = first.difference(self.scan, segment);
        }
        self.model = Some(first.state);
        Ok(())
    }

    fn shapes(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<(), Error> {
        if self.encoded_rows.contain(&self.scan.body(segment, frame)?)
            || self.dispatch.table().has(&self.scan.rows(segment, frame)?)
        {
            return Ok(());
        }
        let what = "the shape table numbers the events differently from the newest shape table".to_owned();
        Err(self.scan.corrupt_frame(segment, frame, what))
    }

    /// If replay began at the base that a prune mark names, verifies that this base is the state for which the journal was
    /// pruned.
    fn prune_mark(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<(), Error> {
        let mark = self.scan.decode_prune(segment, frame)?;
        let outdated = self.voids.invalidates(mark.base, frame.header.life.epoch);
        match self.replay_start {
            Some((seq, digest)) if seq == mark.base && digest != mark.digest && !outdated => {
                let what = format!(
                    "the state at which replay began, after event {seq}, differs from the base for which the journal was pruned"
                );
                Err(self.scan.corrupt_frame(segment, frame, what))
            }
            _ => Ok(()),
        }
    }

    /// Goes on behind a recorded gap. Only the state after its last event is known: the one that this replay gives.
    fn gap(&mut self, segment: SegmentId, frame: &Frame<'_>) -> Result<(), Error> {
        let gap = self.scan.decode_gap(segment, frame)?;
        if !gap.is_crossed_from(self.last) {
            return Ok(());
        }
        if self.model.is_none() || gap.first > self.last.next() {
            return Err(self.scan.corrupt_frame(segment, frame, "events before the gap are missing".to_owned()));
        }
        if self.goal.until.is_some_and(|until| until >= gap.first && until < gap.last()) {
            return Err(self.scan.segments().lost_events(gap));
        }
        self.last = gap.last();
        self.inspect()
    }

    fn events(&mut self, segment: SegmentId, frame: &Frame<'_>) -> Result<(), Error> {
        let header = &frame.header;
        if header.next_seq() <= self.last.next() {
            return Ok(());
        }
        if self.model.is_none() {
            return Err(self.scan.corrupt_frame(segment, frame, "an event comes before the genesis frame".to_owned()));
        }
        if header.first_seq > self.last.next() {
            let what = format!("the events from {} up to this frame are missing", self.last.next());
            return Err(self.scan.corrupt_frame(segment, frame, what));
        }
        self.replayed_bytes += frame.len as u64;
        let body = self.scan.body(segment, frame)?;
        // one guard for the whole frame, since a guard for each event would keep the compiler from inlining the replay
        match catch_unwind(AssertUnwindSafe(|| self.records(segment, frame, &body))) {
            Ok(replayed) => replayed?,
            Err(panic) => return Err(self.panicked(panic)),
        }
        let (events, bytes) = (self.replayed, self.replayed_bytes);
        (self.watch)(ReplayProgress { events, bytes, segment, offset: frame.next_offset() });
        Ok(())
    }

    fn records(&mut self, segment: SegmentId, frame: &Frame<'_>, body: &[u8]) -> Result<(), Error> {
        let header = &frame.header;
        let until = self.goal.until.unwrap_or(Seq::new(u64::MAX));
        for record in records(body, header.first_seq, header.count, header.time) {
            let record = record.map_err(|fault| self.scan.corrupt_frame(segment, frame, fault.to_string()))?;
            if record.seq <= self.last || record.seq > until {
                continue;
            }
            let (seq, event) = (record.seq, record.event);
            if self.record(body, record, header.life.epoch)?.is_none() {
                return Err(self.scan.corrupt_frame(segment, frame, unknown_event_number(seq, event)));
            }
        }
        Ok(())
    }

    /// Replays an event that was recorded in `epoch`. Returns `None` if the event's number is not in the shape table.
    #[inline]
    pub(super) fn record(&mut self, body: &[u8], record: Record, epoch: u64) -> Result<Option<()>, Error> {
        if self.voids.has(record.seq) {
            return self.skip(&record).map(Some);
        }
        match self.dispatch.action(record.event, M::EVENTS) {
            Some(ReplayAction::Event(route)) => self.event(route, body, record, epoch).map(Some),
            Some(ReplayAction::Dropped) => self.skip(&record).map(Some),
            None => Ok(None),
        }
    }

    /// Skips an event that does nothing. Its request was executed all the same.
    fn skip(&mut self, record: &Record) -> Result<(), Error> {
        self.remember(record.seq, &record.metadata, record.outcome, ReplayedRequest::Nothing);
        self.advance(record.seq, record.time)
    }

    #[inline]
    fn advance(&mut self, seq: Seq, time: Timestamp) -> Result<(), Error> {
        (self.last, self.time) = (seq, time);
        self.replayed += 1;
        if seq >= self.next_inspected { self.inspect() } else { Ok(()) }
    }

    /// Inspects the state where the goal or a recorded digest asks for it.
    #[cold]
    fn inspect(&mut self) -> Result<(), Error> {
        // the owner may have begun with a snapshot that has the effect of lost events
        let is_doubted = self.goal.doubts_crossed && self.voids.are_crossed_before(self.last);
        self.digests.check(self.model.as_ref(), self.last, is_doubted)?;
        if self.goal.round_trip == Some(self.last) {
            self.model = self.model.as_ref().map(restored).transpose()?;
        }
        self.next_inspected = self.next_inspected();
        Ok(())
    }

    /// The next event after which the state is inspected.
    fn next_inspected(&mut self) -> Seq {
        let digest = self.digests.next();
        let round_trip = self.goal.round_trip.filter(|seq| *seq > self.last);
        [digest, round_trip].into_iter().flatten().min().unwrap_or(Seq::new(u64::MAX))
    }

    /// The error after a panic during the replay of an event. Panics of anything else go on.
    pub(super) fn panicked(&self, panic: Box<dyn Any + Send>) -> Error {
        let Some((seq, row)) = self.replaying else { resume_unwind(panic) };
        let event = &M::EVENTS[row];
        let what = format!("its replay panicked: {}", panic_message(panic));
        replay_error(event, seq, what, ReplayError::help_for_panic(event.is_past))
    }

    /// Replays an event that was recorded in `epoch`.
    #[inline]
    fn event(&mut self, route: ReplayRoute<'_, M>, body: &[u8], record: Record, epoch: u64) -> Result<(), Error> {
        let ReplayRoute { row, event, shape, values } = route;
        let Record { seq, time, outcome, origin, metadata, payload, .. } = record;
        self.context.move_to(origin, time, metadata);
        let context = &self.context;
        let recorded = Recorded { seq: origin.seq, time, metadata: context.metadata(), outcome };
        let stored = StoredPayload { payload: &body[payload], shape, recorded, part: origin.part, values };
        let model = self.model.as_mut().expect("genesis was read");
        let accepts_change = self.voids.invalidates(seq, epoch);
        let mut request = ReplayedRequest::default();
        let is_request = self.requests.is_used() && context.metadata().request().is_some();
        let request_found = is_request.then_some(&mut request);
        let mut apply = Apply { model, context, outcome, accepts_change, changed: None, request: request_found };
        self.replaying = Some((seq, row));
        let replayed = (event.replay)(&stored, &mut apply);
        self.replaying = None;
        if let Some(now) = apply.changed {
            self.changed_outcomes.insert(seq, now);
        }
        match replayed {
            Ok(()) if is_request => {
                let metadata = self.context.take_metadata();
                self.remember(seq, &metadata, outcome, request);
                self.advance(seq, time)
            }
            Ok(()) => self.advance(seq, time),
            Err(fault) => Err(replay_fault(event, seq, &fault)),
        }
    }

    /// Remembers the request of event `seq`, if the event has a request key.
    fn remember(&mut self, seq: Seq, metadata: &Metadata, recorded: Outcome, request: ReplayedRequest) {
        let is_used = self.requests.is_used() && !planted(Bug::KeyRememberedAfterAnswer);
        let Some(key) = metadata.request().filter(|_| is_used) else { return };
        // a client that tries again does not know the event that replaces its request on a branch
        let executed = request.executed().filter(|_| metadata.get(Metadata::BRANCH).is_none());
        self.requests.insert(seq, key, executed.as_ref().ok_or(recorded));
    }
}

/// The error for an event that cannot be replayed.
#[cold]
pub(crate) fn replay_error<M>(event: &EventType<M>, seq: Seq, what: String, help: &'static str) -> Error {
    let (name, version) = (event.name.to_owned(), event.version);
    Error::new(ErrorDetail::Replay { seq, name, version, what, help })
}

/// The error for an event that cannot be replayed because of `fault`.
#[cold]
pub(crate) fn replay_fault<M>(event: &EventType<M>, seq: Seq, fault: &ReplayError) -> Error {
    match fault {
        ReplayError::Personal(what) => {
            let place = format!("event {seq} (`{}` version {})", event.name, event.version);
            Error::new(ErrorDetail::PersonalKey(PersonalKeyError::Unreadable { place, what: what.clone() }))
        }
        _ => replay_error(event, seq, fault.to_string(), fault.help(event.is_past)),
    }
}

/// The message for an event whose number has no row.
pub(crate) fn unknown_event_number(seq: Seq, event: EventId) -> String {
    format!("event {seq} has number {}, which is not in the shape table", event.0)
}
