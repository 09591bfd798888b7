//! The report and the progress of a branch.

use std::fmt;

use crate::digest::Digest;
use crate::history::Parent;
use crate::seq::Seq;

/// The result of [`Branch::create`](super::Branch::create).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BranchReport {
    /// The UUID of the branch.
    pub uuid: [u8; 16],
    /// The image from which it was branched, and the last event of the branch. Up to this event, the seqs on the branch are those
    /// of its parent.
    pub parent: Parent,
    /// The events that [`Branch::without`](super::Branch::without) named, and that the branch leaves out.
    pub left_out: Vec<Seq>,
    /// The events that [`Branch::without`](super::Branch::without) named, but that had no effect in the parent either, because
    /// they are void or were dropped.
    pub already_void: Vec<Seq>,
    /// The events that [`Branch::replacing`](super::Branch::replacing) replaced.
    pub replaced: Vec<ReplacedEvent>,
    /// The other events that do not apply on the branch as they did in the parent, in the order of the journal, each once.
    pub conflicts: Vec<BranchConflict>,
    /// The first and the last event of each recorded gap that the branch takes over; empty without
    /// [`Branch::carry_gaps`](super::Branch::carry_gaps).
    pub lost: Vec<(Seq, Seq)>,
    /// The digest of the state after the last event of the branch.
    pub digest: Digest,
}

/// An event of a branch that replaced another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplacedEvent {
    /// The seq of both events.
    pub seq: Seq,
    /// Whether the body of the new event returned an error.
    pub is_rejected: bool,
}

/// An event that does not apply on the branch as it did in the parent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BranchConflict {
    /// The seq of the event.
    pub seq: Seq,
    /// The name under which the event was recorded.
    pub name: String,
    /// The version that was recorded.
    pub version: u32,
    /// What is different on the branch.
    pub kind: ConflictKind,
    /// Whether the branch leaves the event out. Otherwise the event has its new effect.
    pub is_left_out: bool,
    /// Whether the branch keeps the event, and its body returned an error on the branch.
    pub is_rejected: bool,
}

/// What is different about an event on a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConflictKind {
    /// The command's check accepts the event in the parent, and refuses it on the branch, with this reason.
    Refused(String),
    /// The command's body was applied in the parent, and returns an error on the branch.
    Rejected,
    /// The command's body returned an error in the parent, and is applied on the branch.
    Applied,
    /// The command's body panics on the branch, with this message.
    Panicked(String),
    /// Upcasters convert the event to several, of which some are applied on the branch and some are rejected. No record can
    /// express this.
    PartlyRejected,
}

impl fmt::Display for ConflictKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConflictKind::Refused(reason) => write!(f, "its check refuses it: {reason}"),
            ConflictKind::Rejected => f.write_str("it was applied, and is rejected now"),
            ConflictKind::Applied => f.write_str("it was rejected, and is applied now"),
            ConflictKind::Panicked(message) => write!(f, "its body panics: {message}"),
            ConflictKind::PartlyRejected => f.write_str("some of its parts are applied, and some are rejected"),
        }
    }
}

impl fmt::Display for BranchConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BranchConflict { seq, name, version, kind, is_left_out, is_rejected } = self;
        let action = if *is_left_out { "is left out" } else { "is kept" };
        write!(f, "event {seq} (`{name}` version {version}) {action}: {kind}")?;
        match (kind, is_rejected) {
            (ConflictKind::Refused(_), true) => f.write_str("; its body rejects it"),
            _ => Ok(()),
        }
    }
}

/// The progress of a branch; see [`Branch::progress`](super::Branch::progress).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BranchProgress {
    /// The current step.
    pub step: BranchStep,
    /// The number of events that this step has processed.
    pub events: u64,
    /// The number of all events that this step will process.
    pub total: u64,
}

/// The steps of a branch, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum BranchStep {
    /// Replays the parent.
    Replay,
    /// Executes the events from the first change on, beside a replay of the parent.
    Execute,
    /// Writes the journal of the branch.
    Write,
    /// Replays the branch.
    Verify,
}
