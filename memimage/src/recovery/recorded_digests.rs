//! The digests that a journal records for the states of a replay.

use std::collections::btree_map::IntoValues;
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;

use super::{compare, model_mark};
use crate::error::Error;
use crate::event::Model;
use crate::journal::{DigestMark, Timeline, Voids};
use crate::seq::Seq;

/// The recorded digests with which a replay compares its states, and what it found so far.
pub(super) struct RecordedDigests {
    /// The digests of the current and later states, in their order.
    digests: Peekable<IntoValues<Seq, DigestMark>>,
    /// The last event after which the state had the recorded digest.
    pub(super) verified: Seq,
    /// The first difference from a recorded digest, unless a later mark accepts the replayed state.
    pub(super) diverged: Option<Error>,
    /// The states that have a digest which the replay does not compare, or whose difference it doubts.
    pub(super) uncompared: BTreeSet<Seq>,
}

impl RecordedDigests {
    /// No digests, for a replay that begins after event `start`.
    pub(super) fn none(start: Seq) -> RecordedDigests {
        let digests = BTreeMap::new().into_values().peekable();
        RecordedDigests { digests, verified: start, diverged: None, uncompared: BTreeSet::new() }
    }

    /// The digests of the states after that of `timeline`.
    pub(super) fn after<M: Model>(timeline: &Timeline, voids: &Voids) -> RecordedDigests {
        let model = model_mark::<M>();
        let counting = timeline.later_digests(model, voids);
        RecordedDigests {
            uncompared: timeline.later_states_without(model, &counting),
            digests: counting.into_values().peekable(),
            ..RecordedDigests::none(timeline.seq)
        }
    }

    /// The next state that has a digest.
    pub(super) fn next(&mut self) -> Option<Seq> {
        self.digests.peek().map(|mark| mark.seq)
    }

    /// If the journal contains a digest for the state after event `seq`, compares the state with this digest. A difference is reported
    /// only at the end of the replay, because a later digest mark may accept the replayed state. If `is_doubted`, a difference shows
    /// nothing.
    pub(super) fn check<M: Model>(&mut self, model: Option<&M>, seq: Seq, is_doubted: bool) -> Result<(), Error> {
        while let Some(mark) = self.digests.next_if(|mark| mark.seq <= seq) {
            let Some(model) = model.filter(|_| mark.seq == seq) else { continue };
            match compare(model, seq, self.verified, mark.digest) {
                Ok(()) if mark.accepts => (self.verified, self.diverged) = (seq, None),
                Ok(()) => self.verified = seq,
                Err(error) if error.is_contradiction() && is_doubted => drop(self.uncompared.insert(seq)),
                Err(error) if error.is_contradiction() => {
                    self.diverged.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
