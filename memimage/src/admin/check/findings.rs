//! Turns an examination into findings. Each finding has a severity, a message, and the repairs that apply.

use std::path::PathBuf;

use super::messages::{self, Message, SnapshotNoun};
use super::report::{CheckReport, Finding, Severity};
use crate::admin::decision::RecordedGap;
use crate::admin::examine::{Examination, ExaminedSnapshot, FileCondition, FileObservation, unidentified};
use crate::admin::repair_action::{RepairAction, RepairOption};
use crate::disk::failed;
use crate::error::{Error, Position};
use crate::journal::{Damage, DamageKind};

/// Reports damage to the journal.
pub(super) fn journal(examination: &Examination, report: &mut CheckReport) {
    for &segment in &examination.detached {
        let (severity, message) = match examination.is_left_of_pruning(segment) {
            true => (Severity::Note, messages::segment_left_of_pruning()),
            false => (Severity::Warning, messages::segment_cut_off()),
        };
        add(report, severity, examination.source.path(segment), message);
    }
    let options = examination.repair_options();
    for damage in &examination.salvaged.damage {
        let is_undecodable = damage.kind == DamageKind::Undecodable;
        if is_undecodable && damage.seq.is_some_and(|seq| examination.content.voids.has(seq)) {
            continue;
        }
        report.push(Finding {
            severity: if matches!(damage.kind, DamageKind::Torn(_)) { Severity::Warning } else { Severity::Damage },
            path: examination.source.path(damage.segment),
            position: Position { segment: Some(damage.segment), offset: damage.offset, seq: damage.seq },
            message: message(examination, damage, &options),
            help: with_own_help(damage, help(examination, damage, &options)),
            repairs: if is_undecodable { Vec::new() } else { options.clone() },
        });
    }
}

/// Reports the gaps that repairs have recorded.
pub(super) fn gaps(examination: &Examination, report: &mut CheckReport) {
    for recorded in &examination.content.recorded_gaps {
        let Message { what, help } = messages::recorded_gap(&RecordedGap::new(recorded.gap, &recorded.mark));
        report.push(Finding {
            severity: Severity::Note,
            path: examination.source.path(recorded.segment),
            position: Position {
                segment: Some(recorded.segment),
                offset: Some(recorded.offset),
                seq: Some(recorded.gap.first),
            },
            message: what,
            help,
            repairs: Vec::new(),
        });
    }
}

/// The message about damage to the journal.
fn message(examination: &Examination, damage: &Damage, options: &[RepairOption]) -> String {
    let has_watermark = examination.watermark.is_some();
    let message = match &damage.kind {
        DamageKind::Undecodable => damage.what.clone(),
        DamageKind::Torn(_) => {
            let has_other_damage =
                examination.is_damaged_after(damage.segment) || examination.first_framing_damage().is_some();
            messages::torn(&damage.what, has_watermark, has_other_damage)
        }
        DamageKind::Newer => messages::newer(&damage.what),
        DamageKind::Suspect(_) if !has_watermark => messages::suspect_without_watermark(&damage.what),
        DamageKind::Suspect(_) => damage.what.clone(),
        DamageKind::Forged => messages::forged(&damage.what),
        DamageKind::Damaged if damage.is_framing && !options.is_empty() => {
            // A damaged header no longer shows the original length of the file. A segment that is followed by another segment
            // is sealed, so all its frames exist.
            match damage.offset != Some(0) || examination.is_followed(damage.segment) {
                true => messages::framing(&damage.what),
                false => messages::framing_of_unknown_length(&damage.what),
            }
        }
        DamageKind::Damaged => damage.what.clone(),
    };
    match damage.is_framing {
        true => message,
        false => with_lost_decisions(examination, damage, options, message),
    }
}

/// If a cut would lose void decisions in addition to events, adds these decisions to the message.
fn with_lost_decisions(
    examination: &Examination,
    damage: &Damage,
    options: &[RepairOption],
    mut message: String,
) -> String {
    let revived = examination.revived_by_cut(damage);
    if !revived.is_empty() && options.iter().any(|option| matches!(option.action, RepairAction::CutFrom(_))) {
        message = messages::cut_revives(&message, &revived);
    }
    let unknown = examination.unknown_decisions_lost_by_cut(damage);
    if unknown > 0 && options.iter().any(|option| matches!(option.action, RepairAction::CutFrom(_))) {
        return messages::cut_loses_decisions(&message, unknown);
    }
    let loses_no_event = || examination.cut_option(damage).is_some_and(|cut| cut.lost.is_none());
    if matches!(damage.kind, DamageKind::Damaged | DamageKind::Forged) && loses_no_event() {
        message = messages::cut_may_lose_decision(&message);
    }
    message
}

/// The help about damage to the journal; empty if no action is needed.
fn help(examination: &Examination, damage: &Damage, options: &[RepairOption]) -> &'static str {
    let is_forged = damage.kind == DamageKind::Forged;
    match damage.kind {
        DamageKind::Undecodable => messages::help_undecodable(),
        DamageKind::Torn(_) => "",
        DamageKind::Newer => messages::help_newer(),
        DamageKind::Suspect(_) if examination.watermark.is_none() => messages::help_suspect_without_watermark(),
        DamageKind::Suspect(_) => messages::help_repair(),
        DamageKind::Damaged | DamageKind::Forged => match (options.is_empty(), is_forged) {
            _ if examination.has_newer_format() => messages::help_with_newer_format(),
            (true, true) => messages::help_forged_unrepairable(),
            (true, false) => messages::help_unrepairable(),
            (false, true) => messages::help_forged(),
            (false, false) => messages::help_repair(),
        },
    }
}

/// Puts the help of `damage` itself, if there is any (such as the help for a foreign file), before the general help.
fn with_own_help(damage: &Damage, help: &str) -> String {
    let parts = [damage.help.as_deref().unwrap_or_default(), help];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

/// Reports unusable snapshots and bases, and a base of which only one copy exists.
pub(super) fn snapshots(examination: &Examination, report: &mut CheckReport) {
    // until the journal is repaired, snapshots may be the only evidence of missing events
    let may_replace = examination.may_replace_snapshots() && !examination.has_newer_format();
    let repairs = |action: Option<RepairAction>| -> Vec<RepairOption> {
        action.filter(|_| may_replace).map(RepairOption::lossless).into_iter().collect()
    };
    for snapshot in &examination.examined_snapshots {
        let Some(defect) = &snapshot.defect else { continue };
        let UnusableSnapshot { severity, message, action } = UnusableSnapshot::of(examination, snapshot, defect);
        add_with(report, severity, snapshot.path.clone(), message, repairs(action));
    }
    for base in single_copies(examination) {
        let message = messages::single_copy_of_base();
        add_with(report, Severity::Warning, base.path.clone(), message, repairs(Some(RepairAction::Base)));
    }
}

/// The finding about a snapshot or base that cannot be used.
struct UnusableSnapshot {
    severity: Severity,
    message: Message,
    action: Option<RepairAction>,
}

impl UnusableSnapshot {
    fn of(examination: &Examination, snapshot: &ExaminedSnapshot, defect: &str) -> UnusableSnapshot {
        let noun = if snapshot.is_base { SnapshotNoun::Base } else { SnapshotNoun::Snapshot };
        let without_repair = |severity, message| UnusableSnapshot { severity, message, action: None };
        if examination.is_unidentified() {
            let severity = if snapshot.is_base { Severity::Damage } else { Severity::Warning };
            return without_repair(severity, messages::unidentified_snapshot(noun, defect));
        }
        if examination.is_only_way_to(snapshot) {
            return without_repair(Severity::Damage, messages::only_way(noun, defect));
        }
        if !snapshot.is_base {
            let (message, action) = (messages::unused_snapshot(noun, defect), Some(RepairAction::Snapshots));
            return UnusableSnapshot { severity: Severity::Warning, message, action };
        }
        let is_copy = |other: &ExaminedSnapshot| other.is_base && other.seq == snapshot.seq && other.is_usable();
        if examination.examined_snapshots.iter().any(is_copy) {
            let (message, action) = (messages::base_with_copy(defect), Some(RepairAction::Base));
            return UnusableSnapshot { severity: Severity::Warning, message, action };
        }
        if examination.base_seq().is_some_and(|newer| newer > snapshot.seq) {
            return without_repair(Severity::Note, messages::older_base(noun, defect));
        }
        match examination.is_pruned() {
            true => without_repair(Severity::Damage, messages::needed_base(noun, defect)),
            false => without_repair(Severity::Note, messages::unneeded_base(noun, defect)),
        }
    }
}

/// The usable copy of the newest base, if it is the only copy. An older base is not reported: a pruning may just have removed
/// one of its copies.
fn single_copies(examination: &Examination) -> impl Iterator<Item = &ExaminedSnapshot> {
    let copies_of = |seq| {
        let copies = examination.examined_snapshots.iter().filter(|other| other.is_base && other.seq == seq);
        copies.count()
    };
    let newest = examination.base_seq();
    examination
        .examined_snapshots
        .iter()
        .filter(move |base| base.is_base && base.is_usable() && Some(base.seq) == newest)
        .filter(move |base| copies_of(base.seq) == 1)
}

/// Reports a pruned journal whose base is missing.
pub(super) fn missing_base(examination: &Examination, report: &mut CheckReport) {
    let has_base = examination.examined_snapshots.iter().any(|snapshot| snapshot.is_base);
    if examination.is_unidentified() || !examination.is_pruned() || has_base || examination.lacks_beginning() {
        return;
    }
    let (severity, message) = match examination.has_start_state() {
        true => (Severity::Warning, messages::missing_base()),
        false => (Severity::Damage, messages::missing_start_state()),
    };
    add(report, severity, examination.layout.journal(), message);
}

/// Reports damage to `journal/durable`. If the journal lacks events that this file records, [`journal`] reports the loss as
/// damage to the journal.
pub(super) fn watermark(examination: &Examination, report: &mut CheckReport) -> Result<(), Error> {
    let path = examination.layout.durable();
    let exists = || -> Result<bool, Error> {
        Ok(examination.disk.kind(&path).map_err(|error| failed("inspecting", &path, error))?.is_some())
    };
    if let Some(conflict) = &examination.foreign_watermark {
        add(report, Severity::Damage, path, messages::foreign_watermark(conflict));
        return Ok(());
    }
    let message = match examination.watermark {
        // the watermark is up to date: each new epoch is written to `journal/durable` before the first frame of that epoch
        Some(watermark) if examination.salvaged.end.is_none_or(|end| watermark.life.epoch >= end.life.epoch) => {
            return Ok(());
        }
        Some(_) => messages::outdated_watermark(),
        None if !exists()? => messages::missing_watermark(),
        None if examination.is_unidentified() => messages::unidentified_watermark(unidentified()),
        None => messages::damaged_watermark(),
    };
    add(report, Severity::Warning, path, message);
    Ok(())
}

/// Reports the files and directories that a survey observed.
pub(super) fn files(observations: Vec<FileObservation>, report: &mut CheckReport) {
    for FileObservation { path, condition } in observations {
        let (severity, message) = match condition {
            FileCondition::MissingDirectory => (Severity::Note, messages::missing_directory()),
            FileCondition::Exposed(permissions) => (Severity::Warning, messages::exposed(&permissions)),
            FileCondition::Unfinished => (Severity::Note, messages::unfinished(report.owner.is_some())),
            FileCondition::RewriteMarker => (Severity::Note, messages::rewrite_marker()),
            FileCondition::BackupMarker => (Severity::Note, messages::backup_marker()),
            FileCondition::BackupStagingMarker => (Severity::Note, messages::backup_staging_marker()),
            FileCondition::BackupDirectory => (Severity::Note, messages::backup_directory()),
            FileCondition::BranchMarker => (Severity::Note, messages::branch_marker()),
            FileCondition::Unrelated => (Severity::Note, messages::unrelated_file()),
            FileCondition::RewriteDirectory => (Severity::Note, messages::rewrite_directory()),
            FileCondition::BranchDirectory => (Severity::Note, messages::branch_directory()),
            FileCondition::Quarantine { copies, bytes } => (Severity::Note, messages::quarantine(copies, bytes)),
            FileCondition::Unwritable => (Severity::Warning, messages::unwritable()),
            FileCondition::Irregular(what) => (Severity::Damage, messages::irregular(what)),
        };
        add(report, severity, path, message);
    }
}

/// Adds a finding about a file, with no repair.
pub(super) fn add(report: &mut CheckReport, severity: Severity, path: PathBuf, message: Message) {
    add_with(report, severity, path, message, Vec::new());
}

/// Adds a finding about a file.
fn add_with(
    report: &mut CheckReport,
    severity: Severity,
    path: PathBuf,
    Message { what: message, help }: Message,
    repairs: Vec<RepairOption>,
) {
    report.push(Finding { severity, path, position: Position::default(), message, help, repairs });
}
