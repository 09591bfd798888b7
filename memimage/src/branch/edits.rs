//! The changes of a branch, as the caller asks for them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::messages;
use crate::error::{Error, ErrorDetail};
use crate::event::{Model, ReencodedPart};
use crate::seq::Seq;

/// The error of a branch that cannot be created.
pub(super) fn refused(path: &Path, (what, help): (impl Into<String>, &'static str)) -> Error {
    Error::new(ErrorDetail::Branch { path: path.to_owned(), what: what.into(), help })
}

/// The changes of a branch.
#[derive(Debug)]
pub(super) struct Edits {
    /// The last event of the branch.
    pub(super) end: Seq,
    pub(super) without: BTreeSet<Seq>,
    pub(super) replacements: BTreeMap<Seq, ReencodedPart>,
}

impl Edits {
    /// Verifies that each change names an event up to `end`, and that no two changes name the same event. `durable` is the last
    /// event of the source.
    pub(super) fn new<M: Model>(
        path: &Path,
        (end, durable): (Seq, Seq),
        without: BTreeSet<Seq>,
        replacing: Vec<(Seq, Result<ReencodedPart, Error>)>,
    ) -> Result<Edits, Error> {
        let mut replacements = BTreeMap::new();
        for (seq, part) in replacing {
            let part = part?;
            let event = &M::EVENTS[part.row];
            if event.check.is_none() {
                return Err(refused(path, messages::only_replayed(seq, event.name)));
            }
            if replacements.insert(seq, part).is_some() {
                return Err(refused(path, messages::replaced_twice(seq)));
            }
        }
        for &seq in without.iter().chain(replacements.keys()) {
            if seq == Seq::ZERO {
                return Err(refused(path, messages::no_event_zero()));
            }
            if seq > durable {
                return Err(Error::new(ErrorDetail::NoSuchEvent { path: path.to_owned(), seq, last: durable }));
            }
            if seq > end {
                return Err(refused(path, messages::after_end(seq, end)));
            }
        }
        match without.iter().find(|seq| replacements.contains_key(seq)) {
            Some(&seq) => Err(refused(path, messages::left_out_and_replaced(seq))),
            None => Ok(Edits { end, without, replacements }),
        }
    }

    /// Whether an event from `first` to `last` is changed.
    pub(super) fn change_one_of(&self, first: Seq, last: Seq) -> bool {
        let (mut without, mut replaced) = (self.without.range(first..=last), self.replacements.range(first..=last));
        without.next().is_some() || replaced.next().is_some()
    }

    /// The first event that is changed.
    pub(super) fn first(&self) -> Option<Seq> {
        self.without.first().into_iter().chain(self.replacements.keys().next()).min().copied()
    }
}
