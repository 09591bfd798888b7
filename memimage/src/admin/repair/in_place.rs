//! The repairs that lose no event that is known to exist: repairs of the journal's end, of the headers and lengths of segments,
//! of snapshots, and of the base.

use super::messages;
use super::replacement::repair_framing;
use super::session::RepairSession;
use crate::admin::examine::ExaminedSnapshot;
use crate::disk::{Access, StoredFile};
use crate::error::Error;
use crate::journal::{DamageKind, clear, clear_again};

/// Clears the damaged end of the journal, if `is_accepted` accepts this kind of damage.
pub(super) fn clear_tail(session: &mut RepairSession, is_accepted: impl Fn(&DamageKind) -> bool) -> Result<(), Error> {
    let Some(damage) = session.examination.first_damage().cloned() else {
        return match session.examination.first_framing_damage() {
            None => clear_tail_again(session),
            Some(framing) => Err(session.refusal_for(framing)),
        };
    };
    let range = match damage.kind {
        ref kind @ (DamageKind::Torn(ref range) | DamageKind::Suspect(ref range)) if is_accepted(kind) => range.clone(),
        _ => return Err(session.refusal_for(&damage)),
    };
    session.layout().create_dirs(session.disk())?;
    repair_framing(session, |_| true)?;
    let path = session.path(damage.segment);
    let file = StoredFile::open(session.disk(), &path, Access::ReadWrite)?;
    let mut bytes = vec![0; range.len()];
    let read = file.read_twice(&mut bytes, range.start as u64)?;
    bytes.truncate(read);
    let backup = clear(session.disk(), session.layout(), &file, damage.segment, &bytes, range.start)?;
    session.changed(path, messages::TAIL_CLEARED, Some(backup));
    let durable = session.examination.evidence;
    let end = session.end_in(damage.segment, range.start)?;
    session.begin_epoch(durable, end)
}

/// Clears the end of the journal again and syncs it: an earlier attempt may have cleared the end and then failed to sync it.
fn clear_tail_again(session: &RepairSession) -> Result<(), Error> {
    let Some(last) = session.last_segment() else { return Ok(()) };
    session.layout().create_dirs(session.disk())?;
    let file = StoredFile::open(session.disk(), &session.path(last), Access::ReadWrite)?;
    let end = session.end_in(last, usize::MAX)?;
    clear_again(session.disk(), session.layout(), &file, last, end.position.offset)
}

/// Repairs all segments whose frames are intact but whose header or length is wrong, even if other segments are damaged.
pub(super) fn repair_segments(session: &mut RepairSession) -> Result<(), Error> {
    if session.examination.first_framing_damage().is_none()
        && let Some(damage) = session.examination.first_damage()
    {
        return Err(session.refusal_for(damage));
    }
    repair_framing(session, |_| true)?;
    session.begin_epoch_if_changed()
}

/// Moves the unusable snapshots to the quarantine.
pub(super) fn remove_snapshots(session: &mut RepairSession) -> Result<(), Error> {
    session.refuse_damaged_journal()?;
    let is_unusable = |snapshot: &&ExaminedSnapshot| !snapshot.is_base && !snapshot.is_usable();
    let unusable = session.examination.examined_snapshots.iter().filter(is_unusable);
    let paths = unusable.map(|snapshot| snapshot.path.clone()).collect();
    session.remove_all(paths)?;
    session.begin_epoch_if_changed()
}

/// Restores both copies of the newest usable base.
pub(super) fn repair_base(session: &mut RepairSession) -> Result<(), Error> {
    session.refuse_damaged_journal()?;
    let usable = |snapshot: &&ExaminedSnapshot| snapshot.is_base && snapshot.is_usable();
    let Some(base) = session.examination.examined_snapshots.iter().find(usable).cloned() else {
        return Err(session.refusal(messages::no_usable_base()));
    };
    session.install_base(&base)?;
    session.begin_epoch_if_changed()
}
