//! What is said of what an examination found: how bad it is, what it means, and what to do.

use super::report::{CheckReport, Finding, RepairOption, Severity};
use crate::admin::examine::examination::Examination;
use crate::admin::examine::snapshot::{NOBODYS, State};
use crate::admin::repair_action::{RepairAction, listed};
use crate::disk::failed;
use crate::error::{Error, Position};
use crate::journal::{Damage, DamageKind};

const FORGED: &str =
    ", and its checksums are right, so this is no damage: it was changed by somebody who has not the key";
const VOID: &str = "if the image does not open for it, make the event void with `memimage::admin::void`";
const NEWER: &str =
    "use a newer memimage; what comes after it, and all later segments, was not read, and nothing can be repaired";
const UNPROVEN: &str = "nothing tells whether it was acknowledged, since `journal/durable` is missing or damaged: restore both files from a copy, or \
     repair the image";
const DECISION: &str = "what stood there was no event that is known of, and may have been a decision that makes an event void: cutting gives that up";
const CUT_OFF: &str = "one that is missing cuts it off from the rest of the journal, which goes on from a base";
const ASIDE: &str = "if the missing one can be restored, do that first: opening the image moves this one to the quarantine, where nothing reads it";
const UNSEEN: &str = "if events are missing at the end of the journal, that cannot be seen without it: compare the last event with what is known of it \
     elsewhere, or restore all of the image from one copy. Opening the image writes it anew";
const REPAIR: &str = "restore the file from a copy, or repair the image";
const WHOLE: &str =
    "nothing is lost by it, since it is known how it must be: restore the file from a copy, or repair the image";
const WHOLE_AS_KNOWN: &str = "no event that is known of is lost by it, but nothing tells whether more was in the file: restore it from a copy, or \
     repair the image";
const LAST_WAY: &str = "nothing else leads to the state in it, since the journal is damaged before it or begins after it: restore this file from a \
     copy before anything is given up";
const KEEP: &str = "keep it until a header was restored from a copy: it may be good";
const COPIED: &str = "opening the image makes it again from the other";

/// What is wrong with the journal.
pub(super) fn journal(found: &Examination, checked: &mut CheckReport) {
    let mends = found.mends();
    for &segment in &found.cut_off {
        let path = found.trail.path(segment);
        match found.is_let_go(segment) {
            true => {
                let what = "it is left of segments that were being removed";
                checked.tell(Severity::Note, path, what, "it is removed when the image is next opened");
            }
            false => checked.tell(Severity::Warning, path, CUT_OFF, ASIDE),
        }
    }
    for fault in &found.trailed.faults {
        let is_undecodable = fault.flaw == DamageKind::Undecodable;
        if is_undecodable && fault.seq.is_some_and(|seq| found.content.voids.has(seq)) {
            continue;
        }
        let what = match fault.flaw {
            DamageKind::Forged => format!("{}{FORGED}", fault.what),
            _ => fault.what.clone(),
        };
        checked.push(Finding {
            severity: if matches!(fault.flaw, DamageKind::Torn(_)) { Severity::Warning } else { Severity::Damage },
            path: found.trail.path(fault.segment),
            position: Position { segment: Some(fault.segment), offset: fault.offset, seq: fault.seq },
            what,
            advice: advice(found, fault, &mends),
            mends: if is_undecodable { Vec::new() } else { mends.clone() },
        });
    }
}

/// What to do about a place in the journal, and what that would give up besides events.
fn advice(found: &Examination, fault: &Damage, mends: &[RepairOption]) -> String {
    let mut advice = match &fault.flaw {
        DamageKind::Undecodable => VOID.to_owned(),
        DamageKind::Torn(_) => torn(found, fault),
        DamageKind::Newer => NEWER.to_owned(),
        DamageKind::Suspect(_) => if found.block.is_none() { UNPROVEN } else { REPAIR }.to_owned(),
        DamageKind::Damaged | DamageKind::Forged => damaged(found, fault, mends).to_owned(),
    };
    if fault.around {
        return advice;
    }
    let revived = found.revived(fault);
    if !revived.is_empty() && mends.iter().any(|mend| matches!(mend.choice, RepairAction::CutFrom(_))) {
        let revived = listed(&revived);
        advice += &format!("; cutting gives up the decision too that makes void {revived}");
    }
    // what is known to have been synced there, and was no event
    if matches!(fault.flaw, DamageKind::Damaged | DamageKind::Forged)
        && found.cut(fault).is_some_and(|cut| cut.loses.is_none())
    {
        advice += "; ";
        advice += DECISION;
    }
    advice
}

/// What to do about what is damaged, or was changed by somebody.
fn damaged(found: &Examination, fault: &Damage, mends: &[RepairOption]) -> &'static str {
    let is_forged = fault.flaw == DamageKind::Forged;
    match mends {
        _ if fault.around && !is_forged && !mends.is_empty() => {
            // the header alone says how long the file was, and a seal that nothing follows in it
            let is_all_there = fault.offset != Some(0) || found.is_followed(fault.segment);
            if is_all_there { WHOLE } else { WHOLE_AS_KNOWN }
        }
        _ if found.is_newer() => "restore the file from a copy, or see with a newer memimage what can be repaired",
        [] if is_forged => "find out who did, and restore the image from a copy: what is left cannot be replayed",
        [] => "restore the image from a copy: what is left cannot be replayed",
        _ if is_forged => "find out who did, and restore the file from a copy, or repair the image",
        _ => REPAIR,
    }
}

/// What becomes of a write that was cut short.
fn torn(found: &Examination, fault: &Damage) -> String {
    let told = match found.block {
        None => "nothing tells whether it was acknowledged, since `journal/durable` is missing or damaged",
        Some(_) => "nobody was told that it was done",
    };
    match found.is_damaged_after(fault.segment) || found.first_around().is_some() {
        true => format!("{told}; opening the image would clear it and keep a copy, were it not for the other damage"),
        false => format!("{told}; opening the image clears it, and keeps a copy"),
    }
}

/// What is wrong with snapshots and bases.
pub(super) fn states(found: &Examination, checked: &mut CheckReport) {
    for state in &found.states {
        let Some(flaw) = &state.flaw else { continue };
        let twin = found.states.iter().any(|other| other.is_base && other.seq == state.seq && other.flaw.is_none());
        let newer = found.base_seq().is_some_and(|newer| newer > state.seq);
        let kind = if state.is_base { "base" } else { "snapshot" };
        let (severity, what, advice, choice) = match state.is_base {
            true if found.is_nobodys() => (Severity::Damage, kind, KEEP, None),
            false if found.is_nobodys() => (Severity::Warning, kind, KEEP, None),
            _ if found.is_last_way(state) => (Severity::Damage, kind, LAST_WAY, None),
            false => (
                Severity::Warning,
                kind,
                "nothing is lost, since it is a cache; it is passed over",
                Some(RepairAction::Snapshots),
            ),
            true if twin => (Severity::Warning, "copy of the base", COPIED, Some(RepairAction::Base)),
            true if newer => (Severity::Note, kind, "nothing is lost, since a newer one is there", None),
            true if found.is_pruned() => (
                Severity::Damage,
                kind,
                "restore it from a copy, or open the image, which makes a base of a good snapshot",
                None,
            ),
            true => (Severity::Note, kind, "it can be moved away: the journal is whole, and nothing needs it", None),
        };
        let what = format!("the {what} cannot be used: {flaw}");
        // others are refused until then
        let mends = choice.filter(|_| found.is_journal_sound() && !found.is_newer());
        let mends = mends.map(RepairOption::of).into_iter().collect();
        let (path, position, advice) = (state.path.clone(), Position::default(), advice.to_owned());
        checked.push(Finding { severity, path, position, what, advice, mends });
    }
    // of an older one a copy may be left that was about to be removed
    let newest = |state: &&State| Some(state.seq) == found.base_seq();
    for state in found.states.iter().filter(|state| state.is_base && state.flaw.is_none()).filter(newest) {
        if found.states.iter().filter(|other| other.is_base && other.seq == state.seq).count() == 1 {
            checked.push(Finding {
                severity: Severity::Warning,
                path: state.path.clone(),
                position: Position::default(),
                what: "it is the only copy of the base".to_owned(),
                advice: "opening the image makes the other".to_owned(),
                mends: match found.is_journal_sound() && !found.is_newer() {
                    true => vec![RepairOption::of(RepairAction::Base)],
                    false => Vec::new(),
                },
            });
        }
    }
}

/// What a pruned journal goes on from, if that is not there.
pub(super) fn beginning(found: &Examination, checked: &mut CheckReport) {
    if found.is_nobodys() || !found.is_pruned() || found.states.iter().any(|state| state.is_base) || found.is_cut_off()
    {
        return;
    }
    let (severity, what, advice) = match found.has_beginning() {
        true => (Severity::Warning, "no base is there", "opening the image makes one of the snapshot"),
        false => (
            Severity::Damage,
            "it was pruned, and no base or snapshot is there that it could go on from",
            "restore a base or a snapshot from a copy of the image: without one it cannot be opened",
        ),
    };
    checked.tell(severity, found.layout.journal(), what, advice);
}

/// What is wrong with `journal/durable`. That it knows of more events than there are is a fault of the journal.
pub(super) fn durable(found: &Examination, checked: &mut CheckReport) -> Result<(), Error> {
    let path = found.layout.durable();
    let there = || Ok(found.disk.kind(&path).map_err(|error| failed("looking at", &path, error))?.is_some());
    let (what, advice) = match found.block {
        // it says an epoch before anything else does
        Some(block) if found.trailed.end.is_none_or(|end| block.epoch >= end.epoch) => return Ok(()),
        Some(_) => ("it is older than the journal: one of them was restored from a copy without the other", UNSEEN),
        None if !there()? => ("it is missing", UNSEEN),
        None if found.is_nobodys() => (NOBODYS, KEEP),
        None => ("it does not say how far the journal is synced", UNSEEN),
    };
    checked.tell(Severity::Warning, path, what, advice);
    Ok(())
}
