//! The report of a check.

use std::path::PathBuf;

use crate::admin::decision::Decision;
use crate::admin::repair_action::RepairOption;
use crate::error::Position;
use crate::seq::Seq;

/// The largest number of findings that are listed.
const MOST: usize = 1_000;

/// The result of [`check`](super::check()). Its `Display` is a report for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// The path of the image.
    pub path: PathBuf,
    /// The process that has the image open, by its own description. The check reads the files again before it reports
    /// damage, because this process may have been writing.
    pub owner: Option<String>,
    /// The model's name; `None` if no segment header is readable.
    pub model: Option<String>,
    /// The image's UUID; `None` if no segment header is readable.
    pub uuid: Option<[u8; 16]>,
    /// The numbers of the keys under which something in the image is encrypted; empty if it is not encrypted.
    pub encryption: Vec<u32>,
    /// The numbers of the keys of its chain; empty if it has no chain.
    pub chain: Vec<u32>,
    /// The last link of the chain, if all links from the first frame of the journal up to there are valid. Compare it with the
    /// [link kept](crate::Admin::chain_head) outside the image.
    #[cfg(feature = "chain")]
    pub chain_head: Option<crate::ChainHead>,
    /// The number of segments.
    pub segments: u64,
    /// The length of all segment files, in bytes.
    pub bytes: u64,
    /// The number of readable frames.
    pub frames: u64,
    /// The number of events in those frames.
    pub events: u64,
    /// The first readable event.
    pub first: Option<Seq>,
    /// The last readable event.
    pub last: Option<Seq>,
    /// The highest event that was synced, by any evidence in the image.
    pub durable: Seq,
    /// The highest epoch. Each open for writing and each repair begins a new one.
    pub epoch: u64,
    /// The events after which there is a usable snapshot, newest first.
    pub snapshots: Vec<Seq>,
    /// The event after which the base of a pruned journal has the state.
    pub base: Option<Seq>,
    /// The decisions that made events [void](super::super::void()): by whom, when and why.
    pub voids: Vec<Decision>,
    /// The findings: those about the journal first, in its order, then those about other files.
    pub findings: Vec<Finding>,
    /// The number of findings beyond those listed.
    pub unlisted: u64,
}

/// One finding of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file or directory.
    pub path: PathBuf,
    /// The position in the journal, if it has one.
    pub position: Position,
    /// What was found, and its cause.
    pub message: String,
    /// What to do; empty if nothing is to be done.
    pub help: String,
    /// The repairs that apply, the one that loses least first.
    pub repairs: Vec<RepairOption>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Nothing is wrong.
    Note,
    /// The image opens and nothing is lost, but somebody should look at it.
    Warning,
    /// Something that the image needs is missing or damaged.
    Damage,
}

impl CheckReport {
    /// Whether nothing is damaged.
    pub fn is_sound(&self) -> bool {
        self.worst() < Some(Severity::Damage)
    }

    /// The severity of the worst finding.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// The repairs that apply to any finding, each once.
    pub fn repairs(&self) -> Vec<RepairOption> {
        let mut repairs: Vec<RepairOption> = Vec::new();
        for repair in self.findings.iter().flat_map(|finding| &finding.repairs) {
            if !repairs.contains(repair) {
                repairs.push(*repair);
            }
        }
        repairs
    }

    pub(super) fn push(&mut self, finding: Finding) {
        match self.findings.len() < MOST {
            true => self.findings.push(finding),
            false => self.unlisted += 1,
        }
    }
}
