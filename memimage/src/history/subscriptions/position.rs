//! The acknowledged position of a named subscription, as its subscriber holds it.

use super::files::{SubscriptionFiles, error};
use crate::context::Timestamp;
use crate::disk::{Access, LockGuard, StoredFile};
use crate::error::{Error, ErrorKind, SubscriptionError};
use crate::history::source::JournalSource;
use crate::journal::{Acknowledgement, Slot};
use crate::log;
use crate::process::Process;
use crate::seq::Seq;

/// The position of a named subscription, locked for this subscriber.
pub(super) struct LockedPosition {
    files: SubscriptionFiles,
    file: StoredFile,
    uuid: [u8; 16],
    acknowledged: Acknowledgement,
    /// The slot with the last synced position. Neither this slot nor the next one is overwritten, because a write that fails may
    /// leave a part of a block.
    synced: Slot,
    /// The slot with the acknowledged position.
    slot: Slot,
    /// Whether a sync has failed since the acknowledged position was written. It may have dropped the block, which later syncs then do
    /// not write.
    may_be_dropped: bool,
    /// Whether the subscription was created by this subscriber.
    is_new: bool,
    process: Process,
    /// Released last.
    _lock: LockGuard,
}

impl LockedPosition {
    /// Takes the subscription. If it does not exist, it is created, and begins after event `after`.
    pub(super) fn open(
        source: &JournalSource,
        files: SubscriptionFiles,
        uuid: [u8; 16],
        after: Seq,
    ) -> Result<LockedPosition, Error> {
        let lock = files.lock()?;
        let is_new = files.read(&uuid)?.is_none();
        let opened = match is_new {
            true => LockedPosition::create(source, &files, &uuid, after),
            false => Ok(()),
        };
        let opened = opened.and_then(|()| {
            let missing = || Error::io("opening", &files.paths.acknowledged, std::io::ErrorKind::NotFound.into());
            let (position, slot) = files.read(&uuid)?.ok_or_else(missing)?;
            verify(source, files.name(), &position)?;
            let file = files.open(Access::ReadWrite)?.ok_or_else(missing)?;
            let slot = if is_new { slot } else { settle(&files, &file, &position, slot, &uuid)? };
            Ok((file, position, slot))
        });
        match opened {
            Ok((file, acknowledged, slot)) => Ok(LockedPosition {
                files,
                file,
                uuid,
                acknowledged,
                synced: slot,
                slot,
                may_be_dropped: false,
                is_new,
                process: Process::current(),
                _lock: lock,
            }),
            Err(error) => {
                if is_new {
                    files.remove_unused();
                }
                Err(error)
            }
        }
    }

    fn create(source: &JournalSource, files: &SubscriptionFiles, uuid: &[u8; 16], after: Seq) -> Result<(), Error> {
        let frame = frame_with(source, after)?.unwrap_or_default();
        files.create(&Acknowledgement { seq: after, frame, time: Timestamp::wall_clock() }, uuid)?;
        // a pruning that has not seen the file may be about to remove events that this subscription needs
        source.refuse_pruned(after.next())
    }

    /// Removes the subscription if this subscriber has created it, because it cannot begin.
    pub(super) fn remove_if_new(self) {
        if self.is_new {
            self.files.remove_unused();
        }
    }

    pub(super) fn name(&self) -> &str {
        self.files.name()
    }

    /// The last acknowledged event.
    pub(super) fn acknowledged(&self) -> Seq {
        self.acknowledged.seq
    }

    /// Records that the events up to `seq` are acknowledged. `frame` is the hash of the frame with this event; 0 if the event is lost in a
    /// recorded gap. Does not sync: after a power cut the position may be an earlier one, and the events since come again.
    pub(super) fn acknowledge(&mut self, seq: Seq, frame: u64) -> Result<(), Error> {
        if seq <= self.acknowledged.seq {
            return Ok(());
        }
        self.write(Acknowledgement { seq, frame, time: Timestamp::wall_clock() })
    }

    fn write(&mut self, position: Acknowledgement) -> Result<(), Error> {
        let slot = Slot::other_than(self.synced, self.slot);
        self.file.write_all(&position.encode(&self.uuid), slot.offset())?;
        (self.slot, self.acknowledged, self.may_be_dropped) = (slot, position, false);
        Ok(())
    }

    /// Makes the acknowledged position survive a power cut.
    pub(super) fn sync(&mut self) -> Result<(), Error> {
        if self.slot == self.synced {
            return Ok(());
        }
        if self.may_be_dropped {
            self.write(self.acknowledged)?;
        }
        if let Err(error) = self.file.sync_data() {
            self.may_be_dropped = true;
            // a pruning may sync the file before this subscriber does
            self.write(self.acknowledged).ok();
            return Err(error);
        }
        self.synced = self.slot;
        Ok(())
    }
}

impl Drop for LockedPosition {
    fn drop(&mut self) {
        if self.process.is_certainly_current()
            && let Err(error) = self.sync()
        {
            log::warning!(%error, name = self.files.name(), "the position of a subscription could not be synced; after a power cut, events may come again");
        }
    }
}

/// Makes a position and the names of its file survive a power cut, and returns its slot. The subscriber before may have been killed
/// before it synced them. The block is written once more, because a failed sync may have dropped it, and no later sync writes it
/// again.
fn settle(
    files: &SubscriptionFiles,
    file: &StoredFile,
    position: &Acknowledgement,
    slot: Slot,
    uuid: &[u8; 16],
) -> Result<Slot, Error> {
    let settled = Slot::other_than(slot, slot);
    file.write_all(&position.encode(uuid), settled.offset())?;
    file.sync_data()?;
    files.sync_names()?;
    Ok(settled)
}

/// Verifies that the journal has the acknowledged event, and not another event with the same number.
fn verify(source: &JournalSource, name: &str, position: &Acknowledgement) -> Result<(), Error> {
    let lost = |what: String| {
        let (path, name) = (source.layout().root().to_owned(), name.to_owned());
        Err(error(SubscriptionError::Lost { path, name, seq: position.seq, what }))
    };
    match frame_with(source, position.seq) {
        Ok(Some(frame)) if position.frame != 0 && frame != position.frame => {
            lost("the journal has another event with this number".to_owned())
        }
        // the events before are pruned, or it is known that this is the same event, or the event is lost in a recorded gap
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            lost(format!("the journal does not have this event ({})", error.in_short()))
        }
        Err(error) => Err(error),
    }
}

/// Whether the journal has event `seq`, or had it before it was pruned.
pub(super) fn has_event(source: &JournalSource, seq: Seq) -> Result<bool, Error> {
    match frame_with(source, seq) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(false),
        Err(error) => Err(error),
    }
}

/// The hash of the frame with event `seq`; `None` if the event was pruned, if it is lost in a recorded gap, or if `seq` is 0.
fn frame_with(source: &JournalSource, seq: Seq) -> Result<Option<u64>, Error> {
    if seq == Seq::ZERO {
        return Ok(None);
    }
    let mut tail = match source.tail_after(seq.before()) {
        Err(error) if error.kind() == ErrorKind::Pruned => return Ok(None),
        tail => tail?,
    };
    let mut hash = None;
    tail.read(seq, |_, _, frame| {
        if frame.header.contains(seq) {
            hash = Some(frame.link().hash);
        }
        Ok(())
    })?;
    Ok(hash)
}
