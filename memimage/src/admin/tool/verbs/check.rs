//! `memimage check`: is the image sound?

use clap::Args;
use serde::Serialize;

use crate::admin::check::{CheckReport, Finding, Severity, check_on};
use crate::admin::decision::RecordedGap;
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::repairs::{RangeDocument, RepairDocument};
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::Terminal;
use crate::value::text::hex;

/// Reads the whole image, and reports damage, its consequences, and the possible repairs. Changes nothing.
///
/// The exit code is 1 if the image is damaged.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  memimage check bank.image")]
pub(crate) struct Check {
    #[command(flatten)]
    target: TargetArguments,
}

#[derive(Serialize)]
struct Document {
    path: String,
    verdict: &'static str,
    model: Option<String>,
    uuid: Option<String>,
    owner: Option<String>,
    segments: u64,
    bytes: u64,
    events: u64,
    first_seq: Option<u64>,
    last_seq: Option<u64>,
    durable_seq: u64,
    epoch: u64,
    snapshots: Vec<u64>,
    base: Option<u64>,
    gaps: Vec<GapDocument>,
    findings: Vec<FindingDocument>,
    /// The number of further findings.
    unlisted: u64,
}

/// A recorded gap.
#[derive(Serialize)]
struct GapDocument {
    lost: Option<RangeDocument>,
    next: u64,
    epoch: u64,
    time: String,
    reason: String,
    by: Option<String>,
}

#[derive(Serialize)]
struct FindingDocument {
    severity: String,
    path: String,
    seq: Option<u64>,
    offset: Option<u64>,
    message: String,
    help: String,
    repairs: Vec<RepairDocument>,
}

impl Check {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let report = check_on(self.target.disk(), &self.target.path(), &self.target.keys()?.keyring())?;
        match terminal.is_json() {
            true => {
                let document = document(terminal, &report);
                json::document(terminal, &document)?;
            }
            false => terminal.line(terminal.translated(&report))?,
        }
        Ok(if report.is_sound() { Found::Nothing } else { Found::Something })
    }
}

fn document(terminal: &Terminal, report: &CheckReport) -> Document {
    Document {
        path: report.path.display().to_string(),
        verdict: match report.worst() {
            Some(Severity::Damage) => "damaged",
            Some(Severity::Warning) => "warnings",
            _ => "sound",
        },
        model: report.model.clone(),
        uuid: report.uuid.map(|uuid| hex(&uuid)),
        owner: report.owner.clone(),
        segments: report.segments,
        bytes: report.bytes,
        events: report.events,
        first_seq: report.first.map(|seq| seq.get()),
        last_seq: report.last.map(|seq| seq.get()),
        durable_seq: report.durable.get(),
        epoch: report.epoch,
        snapshots: report.snapshots.iter().map(|seq| seq.get()).collect(),
        base: report.base.map(|seq| seq.get()),
        gaps: report.gaps.iter().map(gap).collect(),
        findings: report.findings.iter().map(|found| finding(terminal, found)).collect(),
        unlisted: report.unlisted,
    }
}

fn gap(gap: &RecordedGap) -> GapDocument {
    GapDocument {
        lost: gap.lost.map(RangeDocument::of),
        next: gap.next.get(),
        epoch: gap.epoch,
        time: gap.time.to_string(),
        reason: gap.reason.clone(),
        by: gap.by.clone(),
    }
}

fn finding(terminal: &Terminal, finding: &Finding) -> FindingDocument {
    FindingDocument {
        severity: finding.severity.to_string(),
        path: finding.path.display().to_string(),
        seq: finding.position.seq.map(|seq| seq.get()),
        offset: finding.position.offset,
        message: terminal.translated(&finding.message),
        help: terminal.translated(&finding.help),
        repairs: finding.repairs.iter().map(RepairDocument::of).collect(),
    }
}
