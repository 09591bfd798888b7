//! Executes the events of a branch, from the first change on, and compares each with its execution in the parent.

use std::collections::BTreeMap;

use super::attempt::{Attempt, Attempted, EventOutcome, attempt};
use super::checkpoint::Checkpoint;
use super::edits::{Edits, refused};
use super::messages;
use super::report::{BranchConflict, ConflictKind, ReplacedEvent};
use crate::context::Metadata;
use crate::digest::Digest;
use crate::error::Error;
use crate::event::{Checks, Model, ReencodedPart, ReplayError, TrialResult};
use crate::history::JournalSource;
use crate::journal::{JournalItem, RecordCursor, StoredRecord, Voids};
use crate::new_image::{CompleteJournal, Rebuilt};
use crate::outcome::Outcome;
use crate::recovery::{ReplayAction, ReplayRoute, replay_error, state_digest, unknown_event_number};
use crate::seq::Seq;
use crate::shape::ShapeTree;

/// What becomes of the events on the branch.
#[derive(Debug)]
pub(super) struct Plan {
    /// The events that have no effect on the branch, unless they are void in the parent: each with the value of its entry
    /// [`Metadata::BRANCH`].
    pub(super) left_out: BTreeMap<Seq, &'static str>,
    /// The events whose outcome on the branch is not the recorded outcome.
    pub(super) outcomes: BTreeMap<Seq, Outcome>,
    pub(super) already_void: Vec<Seq>,
    pub(super) replaced: Vec<ReplacedEvent>,
    pub(super) conflicts: Vec<BranchConflict>,
    /// The first and the last event of each recorded gap.
    pub(super) lost: Vec<(Seq, Seq)>,
    /// The digest of the state after the last event.
    pub(super) digest: Digest,
}

impl Plan {
    /// The plan of a branch that takes over all events up to its end.
    pub(super) fn unchanged(parent: &Rebuilt) -> Plan {
        Plan {
            left_out: BTreeMap::new(),
            outcomes: parent.changed_outcomes.clone(),
            already_void: Vec::new(),
            replaced: Vec::new(),
            conflicts: Vec::new(),
            lost: parent.crossed.iter().map(|gap| (gap.first, gap.last())).collect(),
            digest: parent.digest,
        }
    }

    fn set_outcome(&mut self, stored: &StoredRecord, outcome: Outcome) {
        match outcome == stored.record.outcome {
            true => self.outcomes.remove(&stored.record.seq),
            false => self.outcomes.insert(stored.record.seq, outcome),
        };
    }
}

/// The parent and the branch, side by side.
pub(super) struct Execution<'a, M> {
    pub(super) source: &'a JournalSource,
    pub(super) journal: &'a CompleteJournal,
    pub(super) edits: &'a Edits,
    /// The events that have no effect in the parent.
    pub(super) voids: &'a Voids,
    /// Whether an event that its check refuses on the branch is executed nevertheless.
    pub(super) keeps_refused: bool,
    parent: M,
    branch: M,
    /// A state of the branch, from which it is rebuilt after a panic.
    checkpoint: Checkpoint,
    /// The events whose outcome in the parent is not the recorded outcome.
    parent_outcomes: &'a BTreeMap<Seq, Outcome>,
    plan: Plan,
}

impl<'a, M: Model> Execution<'a, M> {
    /// Executes the events after event `before`. `state` is the state after that event.
    pub(super) fn new(
        (source, journal): (&'a JournalSource, &'a CompleteJournal),
        (edits, keeps_refused): (&'a Edits, bool),
        voids: &'a Voids,
        parent: &'a Rebuilt,
        (before, state): (Seq, M),
    ) -> Result<Execution<'a, M>, Error> {
        let checkpoint = Checkpoint::of(before, &state)?;
        Ok(Execution {
            source,
            journal,
            edits,
            voids,
            keeps_refused,
            branch: checkpoint.load()?,
            parent: state,
            checkpoint,
            parent_outcomes: &parent.changed_outcomes,
            plan: Plan::unchanged(parent),
        })
    }

    /// Executes all events up to the end of the branch. Calls `watch` with the number of each.
    pub(super) fn run(mut self, watch: &mut dyn FnMut(Seq)) -> Result<Plan, Error> {
        let before = self.checkpoint.seq;
        let mut cursor = RecordCursor::new(self.source.tail_after(before)?, before);
        while let Some(item) = cursor.next(self.edits.end)? {
            match item {
                JournalItem::Record(stored) => {
                    self.event(&stored)?;
                    watch(stored.record.seq);
                }
                JournalItem::Gap(gap) if self.edits.change_one_of(gap.first, gap.last()) => {
                    return Err(cursor.scan().segments().lost_events(gap));
                }
                // neither of the two states has the effect of the lost events
                JournalItem::Gap(_) => {}
                JournalItem::Shapes(..) => {}
            }
        }
        self.plan.digest = state_digest(&self.branch)?;
        Ok(self.plan)
    }

    fn event(&mut self, stored: &StoredRecord) -> Result<(), Error> {
        let seq = stored.record.seq;
        let before = match self.route(stored)? {
            Some(route) => Some(self.in_parent(route, stored)?),
            None => None,
        };
        if let Some(part) = self.edits.replacements.get(&seq) {
            return self.replacement(stored, part);
        }
        match before {
            None if self.edits.without.contains(&seq) => self.plan.already_void.push(seq),
            None => {}
            Some(_) if self.edits.without.contains(&seq) => {
                self.plan.left_out.insert(seq, messages::LEFT_OUT);
            }
            Some(before) => self.on_branch(stored, &before)?,
        }
        Ok(())
    }

    /// How an event of the source is replayed; `None` if it has no effect in the parent.
    fn route(&self, stored: &StoredRecord) -> Result<Option<ReplayRoute<'a, M>>, Error> {
        let (seq, number) = (stored.record.seq, stored.record.event);
        if self.voids.has(seq) {
            return Ok(None);
        }
        match self.journal.dispatch.action(number, M::EVENTS) {
            Some(ReplayAction::Event(route)) => Ok(Some(route)),
            Some(ReplayAction::Dropped) => Ok(None),
            None => {
                let what = unknown_event_number(seq, number);
                Err(self.journal.journal.segments().corrupt(stored.segment, None, what))
            }
        }
    }

    /// Replays an event in the parent, and notes what its checks say.
    fn in_parent(&mut self, route: ReplayRoute<'a, M>, stored: &StoredRecord) -> Result<TrialResult, Error> {
        let (event, seq) = (route.event, stored.record.seq);
        let unreplayable = |what: String| replay_error(event, seq, what, ReplayError::help_for_panic(event.is_past));
        let result = match self.attempt(Side::Parent, recorded(route, stored), Checks::Note)? {
            Attempt::Done(result) => result,
            Attempt::Panicked(message) => return Err(unreplayable(messages::replay_panicked(&message))),
        };
        let expected = self.parent_outcomes.get(&seq).copied().unwrap_or(stored.record.outcome);
        match EventOutcome::of(&result.outcomes) {
            EventOutcome::All(now) if now != expected => Err(unreplayable(messages::NOT_DETERMINISTIC.to_owned())),
            _ => Ok(result),
        }
    }

    /// Executes an event on the branch that was executed as `before` in the parent.
    fn on_branch(&mut self, stored: &StoredRecord, before: &TrialResult) -> Result<(), Error> {
        let Some(route) = self.route(stored)? else { return Ok(()) };
        let accepted = &before.accepted;
        let checks = if self.keeps_refused { Checks::Report(accepted) } else { Checks::Enforce(accepted) };
        let result = match self.attempt(Side::Branch, recorded(route, stored), checks)? {
            Attempt::Done(result) => result,
            Attempt::Panicked(message) => {
                self.leave_out(stored, ConflictKind::Panicked(message), messages::PANICKED);
                return self.rebuild_before(stored.record.seq);
            }
        };
        let TrialResult { refusal, outcomes, .. } = result;
        if let Some(reason) = refusal.as_ref().filter(|_| !self.keeps_refused) {
            self.leave_out(stored, ConflictKind::Refused(reason.clone()), messages::REFUSED);
            // an earlier part of the event was executed
            return if outcomes.is_empty() { Ok(()) } else { self.rebuild_before(stored.record.seq) };
        }
        match EventOutcome::of(&outcomes) {
            EventOutcome::Nothing => Ok(()),
            EventOutcome::Mixed => {
                self.leave_out(stored, ConflictKind::PartlyRejected, messages::PARTLY_REJECTED);
                self.rebuild_before(stored.record.seq)
            }
            EventOutcome::All(now) => {
                let is_changed = EventOutcome::of(&before.outcomes) != EventOutcome::All(now);
                match (refusal, now) {
                    (Some(reason), _) => self.keep(stored, ConflictKind::Refused(reason), now),
                    (None, Outcome::Applied) if is_changed => self.keep(stored, ConflictKind::Applied, now),
                    (None, Outcome::Rejected) if is_changed => self.keep(stored, ConflictKind::Rejected, now),
                    (None, _) => {}
                }
                self.plan.set_outcome(stored, now);
                Ok(())
            }
        }
    }

    /// Executes the replacement of an event.
    fn replacement(&mut self, stored: &StoredRecord, part: &ReencodedPart) -> Result<(), Error> {
        let (seq, root, event) = (stored.record.seq, self.journal.journal.layout().root(), &M::EVENTS[part.row]);
        match self.attempt_replacement(stored, part, Checks::Enforce(&[true]))? {
            Attempt::Panicked(message) => Err(refused(root, messages::replacement_panicked(seq, event.name, &message))),
            Attempt::Done(TrialResult { refusal: Some(reason), .. }) => {
                Err(refused(root, messages::replacement_refused(seq, event.name, &reason)))
            }
            Attempt::Done(result) => {
                let is_rejected = EventOutcome::of(&result.outcomes) == EventOutcome::All(Outcome::Rejected);
                self.plan.replaced.push(ReplacedEvent { seq, is_rejected });
                let outcome = if is_rejected { Outcome::Rejected } else { Outcome::Applied };
                self.plan.set_outcome(stored, outcome);
                Ok(())
            }
        }
    }

    fn attempt_replacement(
        &mut self,
        stored: &StoredRecord,
        part: &ReencodedPart,
        checks: Checks<'_>,
    ) -> Result<Attempt, Error> {
        let event = &M::EVENTS[part.row];
        let shape = ShapeTree::of(event.shape.expect("a payload has a shape"));
        let route = ReplayRoute { row: part.row, event, shape: &shape, values: None };
        let metadata = changed_metadata(&stored.record.metadata, messages::REPLACED);
        self.attempt(Side::Branch, Attempted { route, stored, metadata: &metadata, payload: &part.payload }, checks)
    }

    fn attempt(&mut self, side: Side, event: Attempted<'_, M>, checks: Checks<'_>) -> Result<Attempt, Error> {
        let seed = self.journal.journal.segments().identity().seed;
        let model = match side {
            Side::Parent => &mut self.parent,
            Side::Branch => &mut self.branch,
        };
        attempt(model, seed, event, checks)
    }

    /// Reports an event that the branch keeps with this outcome.
    fn keep(&mut self, stored: &StoredRecord, kind: ConflictKind, outcome: Outcome) {
        self.conflict(stored, kind, (false, outcome == Outcome::Rejected));
    }

    fn conflict(&mut self, stored: &StoredRecord, kind: ConflictKind, (is_left_out, is_rejected): (bool, bool)) {
        let row = self.journal.dispatch.table().event(stored.record.event);
        let (name, version) = row.map_or((String::new(), 0), |(name, version, _)| (name.to_owned(), version));
        let seq = stored.record.seq;
        self.plan.conflicts.push(BranchConflict { seq, name, version, kind, is_left_out, is_rejected });
    }

    fn leave_out(&mut self, stored: &StoredRecord, kind: ConflictKind, how: &'static str) {
        self.conflict(stored, kind, (true, false));
        self.plan.left_out.insert(stored.record.seq, how);
        self.plan.outcomes.remove(&stored.record.seq);
    }

    /// Rebuilds the state of the branch before event `seq`, which may be half executed.
    fn rebuild_before(&mut self, seq: Seq) -> Result<(), Error> {
        let before = Seq::new(seq.get() - 1);
        self.branch = self.checkpoint.load()?;
        let from = self.checkpoint.seq;
        let mut cursor = RecordCursor::new(self.source.tail_after(from)?, from);
        while let Some(item) = cursor.next(before)? {
            if let JournalItem::Record(stored) = item {
                self.execute_again(&stored)?;
            }
        }
        self.checkpoint = Checkpoint::of(before, &self.branch)?;
        Ok(())
    }

    /// Executes an event of the plan once more.
    fn execute_again(&mut self, stored: &StoredRecord) -> Result<(), Error> {
        let seq = stored.record.seq;
        let attempted = if let Some(part) = self.edits.replacements.get(&seq) {
            self.attempt_replacement(stored, part, Checks::Skip)?
        } else if self.plan.left_out.contains_key(&seq) {
            return Ok(());
        } else {
            let Some(route) = self.route(stored)? else { return Ok(()) };
            self.attempt(Side::Branch, recorded(route, stored), Checks::Skip)?
        };
        match attempted {
            Attempt::Done(_) => Ok(()),
            Attempt::Panicked(message) => {
                let what = messages::replay_panicked(&message);
                Err(self.journal.journal.segments().corrupt(stored.segment, None, what))
            }
        }
    }
}

/// One of the two states.
#[derive(Clone, Copy)]
enum Side {
    Parent,
    Branch,
}

/// An event as it was recorded.
fn recorded<'a, M>(route: ReplayRoute<'a, M>, stored: &'a StoredRecord) -> Attempted<'a, M> {
    Attempted { route, stored, metadata: &stored.record.metadata, payload: stored.payload() }
}

/// The metadata of an event that the branch changes.
pub(super) fn changed_metadata(metadata: &Metadata, how: &'static str) -> Metadata {
    metadata.clone().entry(Metadata::BRANCH, how)
}
