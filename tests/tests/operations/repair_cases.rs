//! The repairs and voids that can be requested of a damaged image, with the conditions that hold before and after each.

use std::sync::Arc;

use memimage::admin::{RepairAction, Severity};
use memimage::disk::{Disk, SimDisk};
use memimage::{Error, ErrorKind, Image, Seq};
use memimage_tests::{Files, changed, files};

use super::check::check;
use super::decision_durability::is_seen;
use super::model_versions::first::{Till, TillCommands as _};
use super::protection::PLAIN;
use super::repair::{cut_from, damage, pruned, repair, state_after};
use super::void::{BAD, recorded, void, without_the_bad_one};
use super::{frames, image, open};

/// What is asked for, of an image.
pub(super) struct Task {
    pub(super) name: &'static str,
    pub(super) disk: SimDisk,
    pub(super) before: Files,
    pub(super) kind: Kind,
    /// The last event and the state, once it is done.
    done: (u64, u64),
    /// The same, if the image opens without it.
    undone: Option<(u64, u64)>,
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Repair(RepairAction),
    Void,
}

pub(super) type Tried = Result<(), String>;

impl Task {
    fn new(name: &'static str, disk: SimDisk, kind: Kind, done: (u64, u64)) -> Arc<Task> {
        let undone = state(&disk).ok();
        Arc::new(Task { name, before: files(&disk), disk, kind, done, undone })
    }

    fn repair(name: &'static str, disk: SimDisk, choice: RepairAction, events: u64) -> Arc<Task> {
        Task::new(name, disk, Kind::Repair(choice), (events, state_after(events)))
    }

    /// Whether there was nothing to be done.
    pub(super) fn run(&self, disk: &SimDisk) -> Result<bool, Error> {
        match self.kind {
            Kind::Repair(choice) => repair(disk, choice).map(|repaired| repaired.is_unchanged()),
            Kind::Void => void(disk, BAD).map(|voided| voided.already),
        }
    }

    fn gives_up(&self) -> bool {
        matches!(
            self.kind,
            Kind::Repair(RepairAction::CutFrom(_) | RepairAction::BeginAt(_) | RepairAction::SuspectTail)
        )
    }

    /// The image is as it was, or as it is to be, or refused as it was.
    pub(super) fn may_be_done(&self, disk: &SimDisk) -> Tried {
        match state(disk) {
            Ok(state) if state == self.done || Some(state) == self.undone => Ok(()),
            Ok(state) => Err(format!("it opens with {state:?}")),
            // what proves that more was there may be gone already, and what was there not yet
            Err(error) if (self.gives_up() || self.undone.is_none()) && error.kind() == ErrorKind::Corrupt => Ok(()),
            Err(error) => Err(format!("it does not open: {error}")),
        }
    }

    /// Asked for again, on a healthy disk, it is done.
    pub(super) fn again(&self, disk: &SimDisk) -> Tried {
        self.run(disk).map_err(|error| format!("asked for again: {error}"))?;
        self.is_done(disk).map_err(|why| format!("asked for again: {why}"))
    }

    /// All is as it is to be, for good, and to ask again does nothing.
    pub(super) fn is_done(&self, disk: &SimDisk) -> Tried {
        let cut = disk.crash(|_| false);
        let same = files(&cut) == files(disk);
        for disk in [disk, &cut].into_iter().take(if same { 1 } else { 2 }) {
            let checked = check(disk);
            // but for `journal/durable`, which an open writes anew
            if checked.worst() > Some(Severity::Warning) || !checked.repairs().is_empty() {
                return Err(format!("it is not sound: {checked}"));
            }
            match state(disk) {
                Ok(state) if state == self.done => {}
                Ok(state) => return Err(format!("it opens with {state:?}")),
                Err(error) => return Err(format!("it does not open: {error}")),
            }
        }
        match self.kind {
            Kind::Repair(_) => self.is_kept(disk)?,
            Kind::Void if !is_seen(&cut) => return Err("nothing proves the decision".to_owned()),
            Kind::Void => {}
        }
        match self.run(disk) {
            Ok(true) => Ok(()),
            Ok(false) => Err("asked for once more it did something".to_owned()),
            Err(error) => Err(format!("asked for once more: {error}")),
        }
    }

    /// What was changed or taken out of the image stands in its quarantine.
    fn is_kept(&self, disk: &SimDisk) -> Tried {
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
                return Err(format!("{} is changed, and what it was is not kept", path.display()));
            }
        }
        Ok(())
    }
}

/// The last event, and the state after it.
fn state(disk: &SimDisk) -> Result<(u64, u64), Error> {
    let till = open::<Till>(&disk.fork())?;
    let cents = till.read_uncommitted()?.cents;
    Ok((till.journal().seq().get(), cents))
}

/// The place after the last frame, and its segment.
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

/// Each way in which things can be done.
pub(super) fn tasks() -> Vec<Arc<Task>> {
    let begin = RepairAction::BeginAt(Seq::new(12));
    let mut tasks = vec![
        Task::repair("clearing a torn end", torn(), RepairAction::TornTail, 30),
        Task::repair("clearing a suspect end", suspect(), RepairAction::SuspectTail, 30),
        Task::repair("a cut with snapshots behind it", damaged(&[12, 28], &[13]), cut_from(13), 12),
        Task::repair("a cut of the last event", damaged(&[], &[30]), cut_from(30), 29),
        Task::repair("beginning with what stays", damaged(&[5, 12], &[7]), begin, 30),
        Task::repair("beginning with nothing", damaged(&[5, 12], &[3, 12, 13]), begin, 12),
        Task::repair("beginning in a segment that is made again", damaged(&[5, 12], &[11]), begin, 30),
        Task::repair("making segments whole", with_damaged_headers(), RepairAction::Segments, 30),
        Task::repair("putting snapshots away", with_damaged_snapshot(), RepairAction::Snapshots, 30),
    ];
    for damage in [true, false] {
        let (disk, base, last, all) = pruned(PLAIN);
        let path = format!("/till/journal/{base:020}.1.base", base = base.get());
        match damage {
            true => disk.write(&path, 4_110, &[1, 2, 3]).unwrap(),
            false => disk.remove(path.as_ref()).unwrap(),
        }
        tasks.push(Task::new("copying a base", disk, Kind::Repair(RepairAction::Base), (last.get(), all)));
    }
    for (name, filler) in [("a void", 0), ("a void that begins a segment", 5_100)] {
        let disk = recorded(&[3, 6]);
        let till = open::<Till>(&disk).unwrap();
        till.file(vec![7; filler]).unwrap();
        Image::close(till).unwrap();
        tasks.push(Task::new(name, disk.fork(), Kind::Void, (9, without_the_bad_one(&disk).cents)));
    }
    tasks
}
