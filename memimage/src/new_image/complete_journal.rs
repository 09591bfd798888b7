//! Reads a complete journal from its first event on, without writing to it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::digest::Digest;
use crate::disk::Disk;
use crate::error::{Error, ErrorDetail};
use crate::event::Model;
use crate::journal::{FrameKind, Gap, Layout, records};
use crate::keys::Keyring;
use crate::log;
use crate::outcome::Outcome;
use crate::recovery::{
    Dispatch, GenesisState, OpenedJournal, Recovered, RecoveryGoal, ReplayProgress, dispatch_of, recover_with_progress,
    state_digest,
};
use crate::seq::{SegmentId, Seq};

/// Why a journal must be complete, for an error message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    /// What cannot be done with a pruned journal.
    pub(crate) done: &'static str,
    pub(crate) help: &'static str,
}

/// A complete journal, opened for reading.
pub(crate) struct CompleteJournal {
    pub(crate) journal: OpenedJournal,
    pub(crate) dispatch: Dispatch,
}

/// The result of rebuilding the state from a journal.
#[derive(Clone, Debug)]
pub(crate) struct Rebuilt {
    pub(crate) events: u64,
    pub(crate) last: Seq,
    pub(crate) digest: Digest,
    /// The events that have another outcome on replay than when they were recorded, because an earlier event has become void
    /// since.
    pub(crate) changed_outcomes: BTreeMap<Seq, Outcome>,
    /// The recorded gaps that the replay crossed.
    pub(crate) crossed: Vec<Gap>,
    /// Whether the journal ends with a torn write.
    pub(crate) torn: bool,
}

impl CompleteJournal {
    /// Reads all headers, and verifies that the journal is complete, belongs to this model, and contains only events that the
    /// program knows.
    pub(crate) fn open<M: Model>(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        need: Need,
    ) -> Result<CompleteJournal, Error> {
        CompleteJournal::of::<M>(OpenedJournal::open(disk, layout, keyring, Some(M::NAME))?, need)
    }

    /// Like [`open`](CompleteJournal::open), of an opened journal of this model.
    pub(crate) fn of<M: Model>(journal: OpenedJournal, need: Need) -> Result<CompleteJournal, Error> {
        if !journal.segments().starts_at_genesis() {
            let Need { done, help } = need;
            return Err(Error::new(ErrorDetail::PrunedSource { path: journal.layout().root().to_owned(), done, help }));
        }
        let dispatch = dispatch_of::<M>(&journal)?;
        Ok(CompleteJournal { journal, dispatch })
    }

    /// The state before the first event.
    pub(crate) fn first<M: Model>(&self) -> Result<GenesisState<M>, Error> {
        let scan = self.journal.scan();
        let mut first = None;
        scan.read(SegmentId::FIRST, |segment, frame| {
            if frame.header.kind != FrameKind::Genesis {
                return Ok(ControlFlow::Continue(()));
            }
            first = Some(GenesisState::read(scan, segment, frame)?);
            Ok(ControlFlow::Break(()))
        })?;
        first.ok_or_else(|| self.journal.segments().corrupt(SegmentId::FIRST, None, "it has no genesis".to_owned()))
    }

    /// Rebuilds the state by replay, without snapshots. If `verify` is true, a state whose digest differs from a recorded
    /// digest is an error.
    pub(crate) fn rebuild<M: Model>(
        &self,
        until: Option<Seq>,
        verify: bool,
        watch: &mut dyn FnMut(ReplayProgress),
    ) -> Result<Rebuilt, Error> {
        let rebuilt = self.recover::<M>(until, verify, 0, watch)?;
        if !rebuilt.crossed.is_empty() && !rebuilt.uncompared.is_empty() {
            let states = rebuilt.uncompared.len();
            log::warning!(path = %self.journal.layout().root().display(), states, "the state was rebuilt without events that a repair gave up; these states may differ from their recorded digests");
        }
        Ok(Rebuilt {
            events: rebuilt.replayed,
            last: rebuilt.last,
            digest: state_digest(&rebuilt.model)?,
            changed_outcomes: rebuilt.changed_outcomes,
            crossed: rebuilt.crossed,
            torn: rebuilt.end.is_some_and(|end| end.torn.is_some()),
        })
    }

    /// Like [`rebuild`](CompleteJournal::rebuild), without the warning about lost events; returns the state, with the requests among the last `remember` events.
    pub(crate) fn recover<M: Model>(
        &self,
        until: Option<Seq>,
        verify: bool,
        remember: u64,
        watch: &mut dyn FnMut(ReplayProgress),
    ) -> Result<Recovered<M>, Error> {
        let goal = RecoveryGoal {
            until,
            newest_snapshot: Some(Seq::ZERO),
            verify_digests: verify,
            doubts_crossed: true,
            trust_upcasters: true,
            remember,
            ..RecoveryGoal::default()
        };
        recover_with_progress::<M>(&self.journal, &self.dispatch, goal, watch)
    }

    /// Returns the last event of this journal whose origin is event `origin` or earlier.
    fn last_of(&self, origin: Seq) -> Result<Seq, Error> {
        let scan = self.journal.scan();
        let mut last = Seq::ZERO;
        scan.read(SegmentId::FIRST, |segment, frame| {
            let header = &frame.header;
            if header.kind != FrameKind::Events {
                return Ok(ControlFlow::Continue(()));
            }
            let body = scan.body(segment, frame)?;
            for record in records(&body, header.first_seq, header.count, header.time) {
                let record = record.map_err(|fault| scan.corrupt_frame(segment, frame, fault.to_string()))?;
                if record.origin.seq > origin {
                    return Ok(ControlFlow::Break(()));
                }
                last = record.seq;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(last)
    }

    fn digest_at<M: Model>(&self, origin: Seq) -> Result<Digest, Error> {
        Ok(self.rebuild::<M>(Some(self.last_of(origin)?), false, &mut |_| {})?.digest)
    }
}

/// Replays two journals of the same events, finds the first event after which their states differ, and returns the seq of this
/// event's origin. `last` is the origin of the last event; the final states of the two journals must differ. Each step of the
/// binary search replays both journals once.
pub(crate) fn first_divergence<M: Model>(
    one: &CompleteJournal,
    other: &CompleteJournal,
    last: Seq,
) -> Result<Seq, Error> {
    let (mut same, mut differs) = (0, last.get());
    while differs - same > 1 {
        let middle = same + (differs - same) / 2;
        if one.digest_at::<M>(Seq::new(middle))? == other.digest_at::<M>(Seq::new(middle))? {
            same = middle;
        } else {
            differs = middle;
        }
    }
    Ok(Seq::new(differs))
}
