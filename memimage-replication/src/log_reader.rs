//! Reads a log and verifies it: each entry is that of its position, and continues the one before.

use std::collections::VecDeque;
use std::sync::Arc;

use memimage::replication::{JournalPoint, Piece, PieceHead};

use crate::entry::{Claim, Content, Entry, EntryHash, EntryHeader, damaged};
use crate::log_error::{LogError, LogErrorKind};
use crate::planted::{Bug, planted};
use crate::remote_log::RemoteLog;

/// The entries that a reader asks for at once, in bytes.
pub(crate) const READ_BYTES: usize = 4 << 20;

/// The last entry of a log, which the next one must continue.
#[derive(Clone, Debug)]
pub(crate) struct LogTail {
    pub(crate) header: EntryHeader,
    pub(crate) hash: EntryHash,
    /// How far the log has the journal.
    pub(crate) point: JournalPoint,
}

impl LogTail {
    pub(crate) fn after(entry: &Entry, hash: EntryHash) -> LogTail {
        LogTail { header: entry.header, hash, point: entry.point() }
    }

    /// The position of the next entry.
    pub(crate) fn next(&self) -> u64 {
        self.header.position + 1
    }

    /// The end of the log; `None` if it has no entry.
    ///
    /// # Errors
    ///
    /// Returns an error if the log cannot be read, or if its last entry is damaged.
    pub(crate) fn find(log: &Arc<dyn RemoteLog>) -> Result<Option<LogTail>, LogError> {
        let end = log.bounds()?.end;
        // verifies that the last entry continues the one before; and there may be later ones, because the bounds may be out of date
        let mut reader = LogReader::at(log, end.saturating_sub(1).max(1), None)?;
        let mut tail = None;
        while let Some((entry, hash)) = reader.next()? {
            tail = Some(LogTail::after(&entry, hash));
        }
        match tail {
            None if end > 1 => Err(damaged(log.address(), end - 1, "it is missing")),
            tail => Ok(tail),
        }
    }
}

/// Reads and verifies the entry at a position.
///
/// # Errors
///
/// Returns an error if the log does not have the entry, or if the entry is damaged.
pub(crate) fn entry_at(log: &Arc<dyn RemoteLog>, position: u64) -> Result<(Entry, EntryHash), LogError> {
    match log.read(position, 1)?.first() {
        Some(bytes) => Entry::decode(bytes, position, log.address()),
        None => Err(damaged(log.address(), position, "it is missing, but the log has had a later entry")),
    }
}

/// Whether the log still has the entry at this position with this hash, or later ones, if it is pruned. A log may answer a single call from an older
/// state, so one answer does not prove a loss.
///
/// # Errors
///
/// Returns an error if the log cannot be read.
pub(crate) fn has_entry(log: &Arc<dyn RemoteLog>, position: u64, hash: &EntryHash) -> Result<bool, LogError> {
    match log.read(position, 1) {
        Ok(entries) => {
            let found = entries.first().map(|bytes| Entry::decode(bytes, position, log.address()));
            Ok(found.is_some_and(|found| found.is_ok_and(|(_, found)| found == *hash)))
        }
        // later entries exist
        Err(error) if error.kind() == LogErrorKind::Pruned => Ok(true),
        Err(error) if error.kind() == LogErrorKind::Damaged => Ok(false),
        Err(error) => Err(error),
    }
}

/// The first position between `first` and `end` whose entry meets a condition, which all later ones meet, too; `end` if there is none.
///
/// # Errors
///
/// Returns an error if an entry cannot be read.
pub(crate) fn first_position(
    log: &Arc<dyn RemoteLog>,
    (first, end): (u64, u64),
    is_met: impl Fn(&Entry) -> bool,
) -> Result<u64, LogError> {
    let (mut low, mut high) = (first, end);
    while low < high {
        let middle = low + (high - low) / 2;
        let (entry, _) = entry_at(log, middle)?;
        if is_met(&entry) { high = middle } else { low = middle + 1 }
    }
    Ok(low)
}

/// The claim of the present owner; `None` if it was pruned.
///
/// # Errors
///
/// Returns an error if an entry cannot be read.
pub(crate) fn claim_of(log: &Arc<dyn RemoteLog>, tail: &LogTail) -> Result<Option<Claim>, LogError> {
    let range = (log.bounds()?.first, tail.next());
    let position = first_position(log, range, |entry| entry.header.term >= tail.header.term)?;
    if position >= range.1 {
        return Ok(None);
    }
    match entry_at(log, position)?.0.content {
        Content::Claim(claim) => Ok(Some(claim)),
        Content::Heartbeat(_) | Content::Piece(_) => Ok(None),
    }
}

/// The position of the first entry that a copy of the journal up to `point` needs, between `first` and `end`: the first one that reaches
/// beyond it, or the first part of a long frame that is complete with a later entry, or not yet; `end` if there is none.
///
/// # Errors
///
/// Returns an error if an entry cannot be read.
pub(crate) fn position_beyond(
    log: &Arc<dyn RemoteLog>,
    (first, end): (u64, u64),
    point: &JournalPoint,
) -> Result<u64, LogError> {
    let mut low = first_position(log, (first, end), |entry| !point.reaches(&entry.point()))?;
    // a copy keeps complete frames only, so it needs all parts of a long frame again
    while low > first && ends_within_frame(&entry_at(log, low - 1)?.0) {
        low -= 1;
    }
    Ok(low)
}

/// Whether the last frame of the entry is incomplete. The next entries continue it, unless a claim makes it void.
fn ends_within_frame(entry: &Entry) -> bool {
    match &entry.content {
        Content::Piece(Piece { head: PieceHead { start, end, .. }, bytes }) => {
            (start.segment, start.offset + bytes.len() as u64) != (end.segment, end.offset)
        }
        Content::Claim(_) | Content::Heartbeat(_) => false,
    }
}

/// Reads the entries of a log in order.
pub(crate) struct LogReader {
    log: Arc<dyn RemoteLog>,
    position: u64,
    /// What the next entry must continue; `None` if it may be any.
    before: Option<(EntryHash, u64, [u8; 16])>,
    /// The entries that were read ahead.
    ahead: VecDeque<Vec<u8>>,
}

impl LogReader {
    /// A reader behind an entry, or at the beginning of a log.
    #[cfg(test)]
    pub(crate) fn after(log: &Arc<dyn RemoteLog>, tail: Option<&LogTail>) -> LogReader {
        let position = tail.map_or(1, LogTail::next);
        let before = tail.map(|tail| (tail.hash, tail.header.term, tail.header.log_id));
        LogReader { log: Arc::clone(log), position, before, ahead: VecDeque::new() }
    }

    /// A reader at a position. `before` is the hash of the entry before it, if it is known; otherwise it is read, if the log has it.
    ///
    /// # Errors
    ///
    /// Returns an error if the entry before the position cannot be read.
    pub(crate) fn at(
        log: &Arc<dyn RemoteLog>,
        position: u64,
        before: Option<EntryHash>,
    ) -> Result<LogReader, LogError> {
        let earlier = match position {
            0 | 1 => None,
            _ => match log.read(position - 1, 1) {
                Ok(entries) => {
                    entries.first().map(|bytes| Entry::decode(bytes, position - 1, log.address())).transpose()?
                }
                Err(error) if error.kind() == LogErrorKind::Pruned => None,
                Err(error) => return Err(error),
            },
        };
        if let (Some(expected), Some((_, found))) = (before, &earlier)
            && expected != *found
        {
            return Err(damaged(log.address(), position - 1, "it is not the entry that the snapshot names"));
        }
        let before = earlier.map(|(entry, hash)| (hash, entry.header.term, entry.header.log_id)).or_else(|| {
            // the term and the id of the log are those of the first entry that is read
            before.map(|hash| (hash, 0, [0; 16]))
        });
        Ok(LogReader { log: Arc::clone(log), position: position.max(1), before, ahead: VecDeque::new() })
    }

    /// The position of the next entry.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next entry; `None` at the end of the log. After an error, another call tries again.
    ///
    /// # Errors
    ///
    /// Returns an error if the log cannot be read, or if the entry is not the one that was appended behind the one before.
    pub(crate) fn next(&mut self) -> Result<Option<(Entry, EntryHash)>, LogError> {
        if self.ahead.is_empty() {
            self.ahead = self.log.read(self.position, READ_BYTES)?.into();
        }
        let Some(bytes) = self.ahead.front() else { return Ok(None) };
        let verified = Entry::decode(bytes, self.position, self.log.address())
            .and_then(|(entry, hash)| self.verify(&entry).map(|()| (entry, hash)));
        // read again after an error: a read may have returned a wrong bit
        let (entry, hash) = verified.inspect_err(|_| self.ahead.clear())?;
        self.ahead.pop_front();
        self.position += 1;
        self.before = Some((hash, entry.header.term, entry.header.log_id));
        Ok(Some((entry, hash)))
    }

    /// Verifies that an entry continues the one before.
    fn verify(&self, entry: &Entry) -> Result<(), LogError> {
        if planted(Bug::UnverifiedApplied) {
            return Ok(());
        }
        let wrong = |what: &str| Err(damaged(self.log.address(), self.position, what));
        let is_claim = matches!(entry.content, Content::Claim(_));
        let Some((hash, term, log_id)) = self.before else {
            return match entry.header.position {
                1 if !is_claim || entry.header.previous != [0; 32] => wrong("a log begins with a claim"),
                _ => Ok(()),
            };
        };
        if entry.header.previous != hash {
            return wrong("it does not continue the entry before it");
        }
        if term == 0 {
            return Ok(());
        }
        if entry.header.log_id != log_id {
            return wrong("it belongs to another log");
        }
        match entry.header.term == term + u64::from(is_claim) {
            true => Ok(()),
            false => wrong(&format!("its term is {}, and that of the entry before it {term}", entry.header.term)),
        }
    }
}

#[cfg(test)]
mod tests {
    use memimage::Timestamp;

    use super::*;
    use crate::entry::Heartbeat;
    use crate::testing::MemoryLog;

    /// Catches the planted bug `UnverifiedApplied`.
    #[test]
    fn an_entry_that_does_not_continue_the_one_before_is_refused() {
        let time = Timestamp::from_micros(1);
        let claim = Content::Claim(Claim { name: "a".to_owned(), time, point: JournalPoint::START });
        let header = EntryHeader { position: 1, term: 1, log_id: [8; 16], ..EntryHeader::default() };
        let (first, hash) = Entry { header, content: claim.clone() }.encode();
        let heartbeat = Content::Heartbeat(Heartbeat { time, point: JournalPoint::START });
        let sound = EntryHeader { position: 2, previous: hash, ..header };
        let cases = [
            (sound, heartbeat.clone(), None),
            (EntryHeader { previous: [1; 32], ..sound }, heartbeat.clone(), Some("does not continue")),
            (EntryHeader { log_id: [9; 16], ..sound }, heartbeat.clone(), Some("another log")),
            (EntryHeader { term: 2, ..sound }, heartbeat, Some("its term is 2")),
            (EntryHeader { term: 2, ..sound }, claim.clone(), None),
            (sound, claim, Some("its term is 1")),
        ];
        for (header, content, refused) in cases {
            let memory = MemoryLog::new("entries");
            memory.append(1, &first).unwrap();
            memory.append(2, &Entry { header, content }.encode().0).unwrap();
            let log: Arc<dyn RemoteLog> = Arc::new(memory);
            let mut reader = LogReader::after(&log, None);
            reader.next().unwrap().expect("the first entry");
            match (reader.next(), refused) {
                (Ok(Some(_)), None) => {}
                (Err(error), Some(what)) => {
                    let text = error.to_string();
                    assert!(text.contains(what) && text.contains("position 2"), "{text}");
                    assert_eq!(error.kind(), LogErrorKind::Damaged);
                }
                (read, refused) => panic!("{read:?}, expected {refused:?}"),
            }
        }
    }
}
