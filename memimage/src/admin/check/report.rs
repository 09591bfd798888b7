//! The report of a check.

use std::path::PathBuf;

use crate::admin::decision::{Decision, RecordedGap};
use crate::admin::repair_action::RepairOption;
use crate::error::Position;
use crate::history::Parent;
use crate::seq::Seq;

/// The maximum number of findings in the list of a report.
const MOST: usize = 1_000;

/// The result of [`check`](super::check()). `Display` prints it as a report for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// The path of the image.
    pub path: PathBuf,
    /// The process that has the image open, as it describes itself in the lock file; `None` if the image is not open. The owner
    /// may be writing, so the check reads the files again before it reports damage.
    pub owner: Option<String>,
    /// The model's name; `None` if no segment header is readable.
    pub model: Option<String>,
    /// The image's UUID; `None` if no segment header is readable.
    pub uuid: Option<[u8; 16]>,
    /// The image from which this image was rewritten or branched; `None` if it was created empty, or if no segment header is
    /// readable.
    pub parent: Option<Parent>,
    /// The numbers of the keys under which parts of the image are encrypted; empty if the image is not encrypted.
    pub encryption: Vec<u32>,
    /// The numbers of the keys of the image's chain; empty if the image has no chain.
    pub chain: Vec<u32>,
    /// The last link of the chain; `None` if not all links from the first frame of the journal up to this link are valid.
    /// Compare this link with the [link](crate::Admin::chain_head) that you keep outside the image.
    #[cfg(feature = "chain")]
    pub chain_head: Option<crate::ChainHead>,
    /// The number of segments.
    pub segments: u64,
    /// The total length of all segment files, in bytes.
    pub bytes: u64,
    /// The number of readable frames.
    pub frames: u64,
    /// The number of events in the readable frames.
    pub events: u64,
    /// The first readable event.
    pub first: Option<Seq>,
    /// The last readable event.
    pub last: Option<Seq>,
    /// The last event for which something in the image proves that it was synced.
    pub durable: Seq,
    /// The highest epoch of the image. Each open for writing and each repair begins a new epoch.
    pub epoch: u64,
    /// The events, newest first, after which the image has a usable snapshot.
    pub snapshots: Vec<Seq>,
    /// The base of a pruned journal contains the state after this event; `None` without a usable base.
    pub base: Option<Seq>,
    /// The decisions that made events [void](super::super::void()): by whom, when and why.
    pub voids: Vec<Decision>,
    /// The gaps that repairs have recorded, in the order of the journal.
    pub gaps: Vec<RecordedGap>,
    /// The findings about the journal, in the order of the journal, and then the findings about other files.
    pub findings: Vec<Finding>,
    /// The number of further findings, which are not in the list.
    pub unlisted: u64,
}

/// One finding of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The severity of the finding.
    pub severity: Severity,
    /// The file or directory that the finding describes.
    pub path: PathBuf,
    /// The position of the finding in the journal, as far as it is known.
    pub position: Position,
    /// What was found, and its cause.
    pub message: String,
    /// The recommended action; empty if no action is needed.
    pub help: String,
    /// The repairs that apply. The repair that loses the fewest events comes first; [`GiveUp`](crate::admin::RepairAction::GiveUp) comes
    /// last, because the later events are then replayed on another state.
    pub repairs: Vec<RepairOption>,
}

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Nothing is wrong.
    Note,
    /// Nothing is lost, and the image opens (if this user may write to its files), but an operator should look at the finding.
    Warning,
    /// Something that the image needs is missing or damaged.
    Damage,
}

impl CheckReport {
    /// Whether no finding reports damage.
    pub fn is_sound(&self) -> bool {
        self.worst() < Some(Severity::Damage)
    }

    /// The severity of the worst finding; `None` without findings.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// The first finding that reports damage.
    pub(in crate::admin) fn first_damage(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.severity == Severity::Damage)
    }

    /// The repairs that apply to any of the findings, without duplicates. The repair that loses the least comes first;
    /// [`GiveUp`](crate::admin::RepairAction::GiveUp) comes last, because the later events are then replayed on another state.
    pub fn repairs(&self) -> Vec<RepairOption> {
        let mut repairs: Vec<RepairOption> = Vec::new();
        for repair in self.findings.iter().flat_map(|finding| &finding.repairs) {
            if !repairs.contains(repair) {
                repairs.push(repair.clone());
            }
        }
        repairs.sort_by_key(RepairOption::rank);
        repairs
    }

    pub(super) fn push(&mut self, finding: Finding) {
        match self.findings.len() < MOST {
            true => self.findings.push(finding),
            false => self.unlisted += 1,
        }
    }
}
