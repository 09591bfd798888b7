//! A journal that is read from its first event on, and never written to.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::digest::Digest;
use crate::disk::Disk;
use crate::error::{Error, ErrorDetail};
use crate::event::Model;
use crate::journal::{FrameKind, Layout, records};
use crate::keys::Keyring;
use crate::recovery::{
    Dispatch, GenesisState, OpenedJournal, RecoveryGoal, ReplayProgress, dispatch_of, recover_watched, state_digest,
};
use crate::seq::{SegmentId, Seq};

/// A journal to be read.
pub(super) struct Reading {
    pub(super) journal: OpenedJournal,
    pub(super) dispatch: Dispatch,
}

/// What a journal was rebuilt to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rebuilt {
    pub(super) events: u64,
    pub(super) last: Seq,
    pub(super) digest: Digest,
    /// It ends in a write that a crash cut short.
    pub(super) torn: bool,
}

impl Reading {
    /// Reads all headers, and makes sure that the journal is of this model and that the program knows its events.
    pub(super) fn open<M: Model>(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
    ) -> Result<Reading, Error> {
        let journal = OpenedJournal::open(disk, layout, keyring, Some(M::NAME))?;
        if !journal.segments().is_whole() {
            return Err(Error::new(ErrorDetail::NotWhole { path: layout.root().to_owned() }));
        }
        let dispatch = dispatch_of::<M>(&journal)?;
        Ok(Reading { journal, dispatch })
    }

    /// The state before the first event.
    pub(super) fn first<M: Model>(&self) -> Result<GenesisState<M>, Error> {
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

    /// Rebuilds the state, without snapshots. `verify` says whether the digests in the journal count.
    pub(super) fn rebuild<M: Model>(
        &self,
        until: Option<Seq>,
        verify: bool,
        watch: &mut dyn FnMut(ReplayProgress),
    ) -> Result<Rebuilt, Error> {
        let goal =
            RecoveryGoal { until, newest_snapshot: Some(Seq::ZERO), verify_digests: verify, believe_upcasters: true };
        let rebuilt = recover_watched::<M>(&self.journal, &self.dispatch, goal, watch)?;
        Ok(Rebuilt {
            events: rebuilt.replayed,
            last: rebuilt.last,
            digest: state_digest(&rebuilt.model)?,
            torn: rebuilt.end.is_some_and(|end| end.torn.is_some()),
        })
    }

    /// The last event that was, or came of, the event `origin` or one before it.
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

/// The first event, by its first number, after which two journals of the same events rebuild to different states, if they
/// differ after `last`. Replays each of them once for every halving of what is left.
pub(super) fn parting<M: Model>(one: &Reading, other: &Reading, last: Seq) -> Result<Seq, Error> {
    let (mut same, mut differs) = (0, last.get());
    while differs - same > 1 {
        let middle = same + (differs - same) / 2;
        match one.digest_at::<M>(Seq::new(middle))? == other.digest_at::<M>(Seq::new(middle))? {
            true => same = middle,
            false => differs = middle,
        }
    }
    Ok(Seq::new(differs))
}
