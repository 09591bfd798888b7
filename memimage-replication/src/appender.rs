//! Appends the entries of one owner, one at a time, and finds out whether it is still the owner.

use std::sync::Arc;

use memimage::Timestamp;
use memimage::replication::JournalPoint;

use crate::entry::{Claim, Content, Entry, EntryHash, EntryHeader, Heartbeat, Id};
use crate::log_error::{LogError, LogErrorKind};
use crate::log_reader::{LogTail, has_entry};
use crate::pauses::Pauses;
use crate::planted::{Bug, planted};
use crate::remote_log::{Append, RemoteLog};

/// Appends entries behind the last one. At most one append is in flight: each position is written only after the entry before it is known
/// to be in the log, and after an unknown outcome the same bytes are appended again at the same position, never at another one. So an
/// entry that arrives late is either the one that was repeated, or finds its position taken.
pub(crate) struct Appender {
    log: Arc<dyn RemoteLog>,
    /// The fields of the next entry.
    next: EntryHeader,
    point: JournalPoint,
    /// The entry whose outcome is unknown.
    open: Option<OpenEntry>,
    /// How often in sequence the log has answered as if it had lost the entry before.
    losses: u32,
}

/// After so many answers in sequence, an entry that the log had counts as lost: a single one may come from an older state.
const LOSSES_MAX: u32 = 8;

/// The last entry of an owner, to verify that the log still has it.
#[derive(Clone)]
pub(crate) struct LastEntry {
    log: Arc<dyn RemoteLog>,
    /// 0 if the log has no entry.
    position: u64,
    hash: EntryHash,
}

impl LastEntry {
    /// Whether the log seems to have it; see [`has_entry`].
    fn is_there(&self) -> Result<bool, LogError> {
        Ok(self.position == 0 || has_entry(&self.log, self.position, &self.hash)?)
    }

    /// Returns an error unless the log has the entry. Asks as often as a loss needs to be believed.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`Damaged`](LogErrorKind::Damaged) if the log has lost it, and the error of the log if it cannot be read.
    pub(crate) fn verify(&self) -> Result<(), LogError> {
        let mut pauses = Pauses::default();
        for look in 1..=LOSSES_MAX {
            if self.is_there()? {
                return Ok(());
            }
            if look < LOSSES_MAX {
                std::thread::sleep(pauses.next());
            }
        }
        Err(self.lost())
    }

    fn lost(&self) -> LogError {
        let (position, address) = (self.position, self.log.address());
        let message = format!(
            "the entry at position {position} of `{address}` is lost: the log had acknowledged it, and no longer has it; nothing was \
             appended behind it; help: if the storage was unmounted, moved or replaced, bring it back; then open the image again: it ships \
             from its journal what the log lacks"
        );
        LogError::new(LogErrorKind::Damaged, message)
    }
}

struct OpenEntry {
    entry: Entry,
    bytes: Vec<u8>,
    hash: EntryHash,
}

/// The outcome of an attempt to append.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// The entry is in the log.
    Done,
    /// Another owner has taken the log.
    Fenced(Box<Fence>),
}

/// Who took the log.
#[derive(Clone, Debug)]
pub(crate) struct Fence {
    pub(crate) position: u64,
    pub(crate) term: u64,
    pub(crate) owner: Id,
    /// The claim; `None` if it is not the entry at the position, which only a damaged log can show.
    pub(crate) claim: Option<Claim>,
}

impl Appender {
    /// An appender that claims the log behind `tail`.
    pub(crate) fn new(
        log: &Arc<dyn RemoteLog>,
        tail: Option<&LogTail>,
        owner: Id,
        image: Id,
        lease_ms: u64,
    ) -> Result<Appender, LogError> {
        let header = match tail {
            Some(tail) => EntryHeader {
                position: tail.next(),
                term: tail.header.term + 1,
                owner,
                image: if image == [0; 16] { tail.header.image } else { image },
                lease_ms,
                previous: tail.hash,
                ..tail.header
            },
            None => EntryHeader {
                position: 1,
                term: 1,
                log_id: crate::owner_id::random_id()?,
                owner,
                image,
                lease_ms,
                ..EntryHeader::default()
            },
        };
        let point = tail.map_or(JournalPoint::START, |tail| tail.point);
        Ok(Appender { log: Arc::clone(log), next: header, point, open: None, losses: 0 })
    }

    /// The last entry that this owner knows to be in the log.
    pub(crate) fn last(&self) -> LastEntry {
        LastEntry { log: Arc::clone(&self.log), position: self.next.position - 1, hash: self.next.previous }
    }

    /// The fields of the next entry.
    pub(crate) fn header(&self) -> &EntryHeader {
        &self.next
    }

    /// How far the log has the journal.
    pub(crate) fn point(&self) -> JournalPoint {
        self.point
    }

    /// Sets the UUID of an image that was created after the log was claimed.
    pub(crate) fn set_image(&mut self, image: Id) {
        self.next.image = image;
    }

    pub(crate) fn claim(&self, name: &str) -> Content {
        Content::Claim(Claim { name: name.to_owned(), time: now(), point: self.point })
    }

    pub(crate) fn heartbeat(&self) -> Content {
        Content::Heartbeat(Heartbeat { time: now(), point: self.point })
    }

    /// Whether the outcome of an append is unknown. Then the next call must be [`retry`](Appender::retry).
    #[cfg(test)]
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Appends an entry.
    ///
    /// # Errors
    ///
    /// After an error, the outcome is unknown, and [`retry`](Appender::retry) finds it out.
    pub(crate) fn append(&mut self, content: Content) -> Result<Attempt, LogError> {
        assert!(self.open.is_none(), "the outcome of the append before is unknown");
        let mut header = self.next;
        if let Content::Piece(piece) = &content
            && piece.head.start.offset == 0
        {
            header.segment_position = header.position;
        }
        let entry = Entry { header, content };
        let (bytes, hash) = entry.encode();
        self.open = Some(OpenEntry { entry, bytes, hash });
        self.attempt()
    }

    /// Finds out whether the entry whose outcome is unknown is in the log, and appends it if it is not.
    ///
    /// # Errors
    ///
    /// After an error, the outcome is still unknown.
    pub(crate) fn retry(&mut self) -> Result<Attempt, LogError> {
        if planted(Bug::TimeoutTakenForFailure) {
            let OpenEntry { mut entry, .. } = self.open.take().expect("an entry was appended");
            entry.header.position += 1;
            let (bytes, hash) = entry.encode();
            self.open = Some(OpenEntry { entry, bytes, hash });
            return self.attempt();
        }
        match self.look()? {
            Some(attempt) => Ok(attempt),
            None => self.attempt(),
        }
    }

    fn attempt(&mut self) -> Result<Attempt, LogError> {
        let open = self.open.as_ref().expect("an entry is to be appended");
        match self.log.append(open.entry.header.position, &open.bytes)? {
            Append::Done => Ok(self.done()),
            Append::Occupied => match self.look()? {
                Some(attempt) => Ok(attempt),
                None => Err(self.unexplained()),
            },
        }
    }

    /// The error for a position that is neither free nor taken: the log answered from an older state, or has lost entries.
    fn unexplained(&mut self) -> LogError {
        let open = self.open.as_ref().expect("an entry was appended");
        let (address, position) = (self.log.address(), open.entry.header.position);
        // the end of the log is no evidence: an engine may know from its own earlier calls how far the log reached
        self.losses = match self.last().is_there() {
            Ok(false) => self.losses + 1,
            Ok(true) => 0,
            Err(_) => self.losses,
        };
        if self.losses >= LOSSES_MAX {
            return self.last().lost();
        }
        let message = format!("`{address}` accepts no entry at position {position}, and returns none from there");
        LogError::new(LogErrorKind::Unavailable, message)
    }

    /// Reads the position of the entry whose outcome is unknown; `None` if the log has no entry there.
    fn look(&mut self) -> Result<Option<Attempt>, LogError> {
        let open = self.open.as_ref().expect("an entry was appended");
        let position = open.entry.header.position;
        let entries = self.log.read(position, 1)?;
        let Some(found) = entries.first() else { return Ok(None) };
        if *found == open.bytes {
            return Ok(Some(self.done()));
        }
        let (entry, _) = Entry::decode(found, position, self.log.address())?;
        let EntryHeader { term, owner, .. } = entry.header;
        let claim = match entry.content {
            Content::Claim(claim) => Some(claim),
            Content::Heartbeat(_) | Content::Piece(_) => None,
        };
        Ok(Some(Attempt::Fenced(Box::new(Fence { position, term, owner, claim }))))
    }

    fn done(&mut self) -> Attempt {
        let OpenEntry { entry, hash, .. } = self.open.take().expect("an entry was appended");
        self.point = entry.point();
        self.losses = 0;
        self.next = EntryHeader { position: entry.header.position + 1, previous: hash, ..entry.header };
        Attempt::Done
    }
}

/// The time of the wall clock, for people.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(since.as_micros() as u64)
}
