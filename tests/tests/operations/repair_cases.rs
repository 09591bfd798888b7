//! The repairs and voids that apply to a damaged image, with the conditions that hold before and after each.

use std::sync::Arc;

use memimage::admin::{RepairAction, Severity};
use memimage::disk::{Disk, SimDisk};
use memimage::{Error, ErrorKind, Image, Seq};
use memimage_tests::protection::PLAIN;
use memimage_tests::{Files, changed, files};

use super::check::check;
use super::decision_durability::damage_is_detected;
use super::model_versions::first::{Till, TillCommands as _};
use super::repair::{cut_from, damage, pruned, repair, state_after};
use super::void::{BAD, FILLS_A_SEGMENT, recorded, void, without_the_bad_one};
use super::{frames, image, open};

/// A damaged image and the operation that applies to it.
pub(super) struct RepairCase {
    pub(super) name: &'static str,
    pub(super) disk: SimDisk,
    pub(super) before: Files,
    pub(super) kind: CaseKind,
    /// The last event and the state after the operation.
    expected: (u64, u64),
    /// The last event and the state before the operation, if the image opens.
    unrepaired: Option<(u64, u64)>,
}

#[derive(Clone, Copy)]
pub(super) enum CaseKind {
    Repair(RepairAction),
    Void,
}

pub(super) type CheckResult = Result<(), String>;

impl RepairCase {
    fn new(name: &'static str, disk: SimDisk, kind: CaseKind, expected: (u64, u64)) -> Arc<RepairCase> {
        let unrepaired = state(&disk).ok();
        Arc::new(RepairCase { name, before: files(&disk), disk, kind, expected, unrepaired })
    }

    fn repair(name: &'static str, disk: SimDisk, action: RepairAction, events: u64) -> Arc<RepairCase> {
        RepairCase::new(name, disk, CaseKind::Repair(action), (events, state_after(events)))
    }

    /// Runs the operation. Returns whether it had nothing to do.
    pub(super) fn run(&self, disk: &SimDisk) -> Result<bool, Error> {
        match self.kind {
            CaseKind::Repair(action) => repair(disk, action).map(|repaired| repaired.is_unchanged()),
            CaseKind::Void => void(disk, BAD).map(|voided| voided.already),
        }
    }

    fn gives_up(&self) -> bool {
        matches!(
            self.kind,
            CaseKind::Repair(RepairAction::CutFrom(_) | RepairAction::BeginAt(_) | RepairAction::SuspectTail)
        )
    }

    /// Checks that the image has the state from before or after the operation, or is still refused.
    pub(super) fn check_before_or_after(&self, disk: &SimDisk) -> CheckResult {
        match state(disk) {
            Ok(state) if state == self.expected || Some(state) == self.unrepaired => Ok(()),
            Ok(state) => Err(format!("it opens with {state:?}")),
            // the evidence of lost events may be removed before the repair is complete
            Err(error) if (self.gives_up() || self.unrepaired.is_none()) && error.kind() == ErrorKind::Corrupt => {
                Ok(())
            }
            Err(error) => Err(format!("it does not open: {error}")),
        }
    }

    /// Checks that the same operation completes on a healthy disk.
    pub(super) fn check_repeated(&self, disk: &SimDisk) -> CheckResult {
        self.run(disk).map_err(|error| format!("the repeated operation failed: {error}"))?;
        self.check_complete(disk).map_err(|why| format!("after the repeated operation: {why}"))
    }

    /// Checks that the operation is complete and synced, and that the same operation changes nothing more.
    pub(super) fn check_complete(&self, disk: &SimDisk) -> CheckResult {
        let cut = disk.crash(|_| false);
        let same = files(&cut) == files(disk);
        for disk in [disk, &cut].into_iter().take(if same { 1 } else { 2 }) {
            let checked = check(disk);
            // `journal/durable` may be missing; opening writes it again
            if checked.worst() > Some(Severity::Warning) || !checked.repairs().is_empty() {
                return Err(format!("it is not sound: {checked}"));
            }
            match state(disk) {
                Ok(state) if state == self.expected => {}
                Ok(state) => return Err(format!("it opens with {state:?}")),
                Err(error) => return Err(format!("it does not open: {error}")),
            }
        }
        match self.kind {
            CaseKind::Repair(_) => self.check_backups(disk)?,
            CaseKind::Void if !damage_is_detected(&cut) => {
                return Err("nothing in the image shows the loss yet".to_owned());
            }
            CaseKind::Void => {}
        }
        match self.run(disk) {
            Ok(true) => Ok(()),
            Ok(false) => Err("the operation changed something when it was repeated".to_owned()),
            Err(error) => Err(format!("the operation failed when it was repeated: {error}")),
        }
    }

    /// Checks that the quarantine has all bytes that were changed or removed.
    fn check_backups(&self, disk: &SimDisk) -> CheckResult {
        let after = files(disk);
        let kept: Vec<&Vec<u8>> =
            after.iter().filter(|(path, _)| path.starts_with("/till/quarantine")).map(|(_, bytes)| bytes).collect();
        for path in changed(&self.before, &after) {
            let Some(was) = self.before.get(&path) else { continue };
            let none = Vec::new();
            let is = after.get(&path).unwrap_or(&none);
            let differs = |at: &usize| was.get(*at) != is.get(*at);
            let (Some(first), Some(last)) = ((0..was.len()).find(differs), (0..was.len()).rfind(differs)) else {
                continue;
            };
            let gone = &was[first..=last];
            if !kept.iter().any(|kept| kept.windows(gone.len()).any(|part| part == gone)) {
                return Err(format!("{} was changed, and the old bytes are not kept", path.display()));
            }
        }
        Ok(())
    }
}

/// The last event and the state after it.
fn state(disk: &SimDisk) -> Result<(u64, u64), Error> {
    let till = open::<Till>(&disk.fork())?;
    let cents = till.read_uncommitted()?.cents;
    Ok((till.journal().seq().get(), cents))
}

/// The last segment with frames, and the offset after its last frame.
fn end(disk: &SimDisk) -> (std::path::PathBuf, u64) {
    let last = frames(disk).into_iter().last().unwrap();
    (last.path, (last.offset as usize + last.len).next_multiple_of(512) as u64)
}

fn torn() -> SimDisk {
    let disk = image(&[]);
    let (path, end) = end(&disk);
    disk.write(path, end + 512, &[0x5A; 512]).unwrap();
    disk
}

fn suspect() -> SimDisk {
    let disk = image(&[]);
    let (path, end) = end(&disk);
    disk.write(path, end, &[0x5A; 1_024]).unwrap();
    disk
}

fn damaged(snapshots: &[u64], events: &[u64]) -> SimDisk {
    let disk = image(snapshots);
    events.iter().for_each(|event| damage(&disk, *event));
    disk
}

fn with_damaged_headers() -> SimDisk {
    let disk = image(&[]);
    let first = frames(&disk).into_iter().find(|frame| frame.first > 20 && frame.offset == 4_096).unwrap();
    disk.write(&first.path, 0, &[0; 512]).unwrap();
    disk.write("/till/journal/00000001.journal", 60, &[9; 9]).unwrap();
    disk
}

fn with_damaged_snapshot() -> SimDisk {
    let disk = image(&[5, 12]);
    disk.write("/till/snapshot/00000000000000000012.snapshot", 4_110, &[1, 2, 3]).unwrap();
    disk
}

/// One case for each operation and way in which it can run.
pub(super) fn repair_cases() -> Vec<Arc<RepairCase>> {
    let begin = RepairAction::BeginAt(Seq::new(12));
    let mut repair_cases = vec![
        RepairCase::repair("clearing a torn tail", torn(), RepairAction::TornTail, 30),
        RepairCase::repair("clearing a suspect tail", suspect(), RepairAction::SuspectTail, 30),
        RepairCase::repair("a cut with snapshots after it", damaged(&[12, 28], &[13]), cut_from(13), 12),
        RepairCase::repair("a cut of the last event", damaged(&[], &[30]), cut_from(30), 29),
        RepairCase::repair("beginning with kept segments", damaged(&[5, 12], &[7]), begin, 30),
        RepairCase::repair("beginning without kept segments", damaged(&[5, 12], &[3, 12, 13]), begin, 12),
        RepairCase::repair("beginning in a rebuilt segment", damaged(&[5, 12], &[11]), begin, 30),
        RepairCase::repair("repairing segments", with_damaged_headers(), RepairAction::Segments, 30),
        RepairCase::repair("quarantining snapshots", with_damaged_snapshot(), RepairAction::Snapshots, 30),
    ];
    for damage in [true, false] {
        let (disk, base, last, all) = pruned(PLAIN);
        let path = format!("/till/journal/{base:020}.1.base", base = base.get());
        match damage {
            true => disk.write(&path, 4_110, &[1, 2, 3]).unwrap(),
            false => disk.remove(path.as_ref()).unwrap(),
        }
        repair_cases.push(RepairCase::new(
            "copying a base",
            disk,
            CaseKind::Repair(RepairAction::Base),
            (last.get(), all),
        ));
    }
    for (name, filler) in [("a void", 0), ("a void that begins a segment", FILLS_A_SEGMENT)] {
        let disk = recorded(&[3, 6]);
        let till = open::<Till>(&disk).unwrap();
        till.file(vec![7; filler]).unwrap();
        Image::close(till).unwrap();
        repair_cases.push(RepairCase::new(name, disk.fork(), CaseKind::Void, (9, without_the_bad_one(&disk).cents)));
    }
    repair_cases
}
