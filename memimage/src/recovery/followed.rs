//! A state that follows the journal of an owner in another process, and what it takes to continue it there.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::fallback::recover;
use super::followed_dispatch::FollowedDispatch;
use super::opened_journal::OpenedJournal;
use super::replay_step::{ReplayState, replay_frame};
use super::unusable::UnusableFiles;
use super::{Recovered, RecoveryGoal, compare, dispatch_of, model_mark};
use crate::digest::Digest;
use crate::disk::Disk;
use crate::error::Error;
use crate::event::Model;
use crate::journal::{Continuity, DigestMark, FrameKind, JournalTail, Layout, TailPosition, Voids, Watermark};
use crate::keys::Keyring;
use crate::seq::{Life, SegmentId, Seq};

/// The state after some durable event.
pub(crate) struct FollowedState<M>(pub(super) ReplayState<M>);

impl<M> FollowedState<M> {
    pub(crate) fn model(&self) -> &M {
        &self.0.model
    }

    /// The last event replayed.
    pub(crate) fn last(&self) -> Seq {
        self.0.last
    }
}

/// The journal of another owner, read up to some durable event.
pub(crate) struct FollowedJournal {
    disk: Arc<dyn Disk>,
    layout: Layout,
    keyring: Arc<Keyring>,
    /// How the state is recovered.
    goal: RecoveryGoal,
    tail: JournalTail,
    dispatch: FollowedDispatch,
    /// The void events that were known when the state was recovered.
    voids: Voids,
    /// The number of void frames that the recovery of the state took into account, or more.
    decisions: u32,
    /// The hash of the frame with the last event at the recovery; 0 if there is no event.
    events_hash: u64,
    /// The last event after which the state had its recorded digest.
    verified: Seq,
    /// The digest that was compared last.
    compared: Option<DigestMark>,
    /// The watermark when the digests after the last event were read last.
    digests_read_at: Option<Watermark>,
    /// The snapshot or base at which the recovery began; `None` if it began at genesis.
    start: Option<Seq>,
    /// The snapshots and bases that the recovery did not use.
    unusable: UnusableFiles,
    is_upcast: bool,
    /// The size of the batches since the last snapshot, as far as the journal shows it, in bytes.
    bytes: u64,
}

/// What a reader of a followed journal must do next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FollowStep {
    /// Read on.
    Continue,
    /// Nothing: it has reached the wanted event.
    Reached,
    /// Compare the state with this digest.
    Compare(DigestMark),
    /// Recover the state again, because an event in it became void.
    Recover,
}

/// What a follower knows about the state that it hands over to the image.
pub(crate) struct HandedOver<M> {
    pub(super) state: ReplayState<M>,
    /// The hash of the frame with the last event; 0 if there is no event.
    pub(super) events_hash: u64,
    /// The life in which the last frame was written.
    pub(super) life: Life,
    pub(super) start: Option<Seq>,
    pub(super) unusable: UnusableFiles,
    pub(super) is_upcast: bool,
    pub(super) bytes: u64,
}

impl FollowedJournal {
    /// Recovers the state after the last event that is known to be durable, with the other parameters in `goal`. Changes nothing.
    ///
    /// `before` is the journal that the caller followed until now: the recovered state must continue the same history.
    pub(crate) fn recover<M: Model>(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        goal: RecoveryGoal,
        before: Option<&FollowedJournal>,
    ) -> Result<(FollowedJournal, FollowedState<M>), Error> {
        let first = JournalTail::new(disk, layout, keyring, TailPosition::start_of(SegmentId::FIRST))?;
        let identity = first.scan().segments().identity();
        layout.refuse_other_model(identity, M::NAME)?;
        // read before the segments are listed, since a void frame may begin a new one: a void frame that is recorded after this
        // read makes the follower recover once more
        let watermark = layout.read_watermark(&**disk, &identity.uuid)?;
        let mut durable = JournalTail::last_synced(disk, layout, keyring)?;
        let journal = OpenedJournal::beside_owner(disk, layout, keyring, durable)?;
        if journal.segments().identity().uuid != identity.uuid {
            return Err(first.other_image());
        }
        if let Some(before) = before {
            durable = before.verify_same_history(&journal, durable)?;
        }
        let dispatch = dispatch_of::<M>(&journal)?;
        let recovered = recover::<M>(&journal, &dispatch, RecoveryGoal { until: Some(durable), ..goal })?;
        let Recovered { model, requests, last, time, events_hash, snapshot: start, is_upcast, replayed_bytes, .. } =
            recovered;
        let mut voids = journal.scan().voids_after(last)?;
        recovered.crossed.iter().for_each(|gap| voids.cross(*gap));
        let unusable = UnusableFiles::new(&journal, recovered.unusable, &recovered.contradicted);
        let (tail, hash) = JournalTail::positioned_after(disk, layout, keyring, last)?;
        if hash.is_some_and(|hash| hash != events_hash) {
            return Err(tail.other_timeline());
        }
        let followed = FollowedJournal {
            disk: Arc::clone(disk),
            layout: layout.clone(),
            keyring: Arc::clone(keyring),
            goal,
            tail,
            dispatch: FollowedDispatch::new(dispatch),
            voids,
            decisions: watermark.map_or(0, |watermark| watermark.decisions),
            events_hash,
            verified: last,
            compared: None,
            digests_read_at: None,
            start,
            unusable,
            is_upcast,
            bytes: replayed_bytes,
        };
        Ok((followed, FollowedState(ReplayState { model, requests, last, time })))
    }

    /// Recovers the state once more, from the newest snapshot. It must continue the history that was read so far.
    pub(crate) fn recover_again<M: Model>(&self) -> Result<(FollowedJournal, FollowedState<M>), Error> {
        FollowedJournal::recover(&self.disk, &self.layout, &self.keyring, self.goal, Some(self))
    }

    /// Verifies that `journal` has the same history as this one, up to the last event that was read. Returns the last event that is
    /// known to be durable: `durable`, or the last event that was read, which was durable then.
    fn verify_same_history(&self, journal: &OpenedJournal, durable: Seq) -> Result<Seq, Error> {
        let (segments, last) = (journal.segments(), self.last());
        let is_same_image = segments.identity().uuid == self.tail.scan().segments().identity().uuid;
        let is_same_life = self.tail.chain().is_none_or(|chain| segments.life_conflict(chain.life).is_none());
        if !is_same_image {
            return Err(self.tail.other_image());
        }
        let (_, timeline) = journal.scan().voids_and_timeline(last, None)?;
        if !is_same_life || timeline.link_conflict(self.events_hash()).is_some() {
            return Err(self.tail.other_timeline());
        }
        // `journal/durable` may have been damaged since
        match durable >= last || timeline.has_event() {
            true => Ok(durable.max(last)),
            false => Err(self.tail.shorter(durable)),
        }
    }

    /// The last event that was read.
    pub(crate) fn last(&self) -> Seq {
        self.tail.last()
    }

    /// The last event that is known to be durable.
    pub(crate) fn synced(&mut self) -> Result<Seq, Error> {
        self.tail.synced(self.tail.last())
    }

    /// Like [`JournalTail::verify_continuity`].
    pub(crate) fn verify_continuity(&mut self, compare: bool) -> Result<Continuity, Error> {
        self.tail.verify_continuity(self.decisions, compare)
    }

    /// Replays one piece of the journal, up to event `until`, which must be durable.
    ///
    /// # Errors
    ///
    /// Returns an error if an event cannot be read or replayed. If it cannot be replayed, `state` is `None` afterwards, because the
    /// event may be half applied. After any other error, `state` is the state after the last event that was replayed, and the
    /// caller may try again.
    pub(crate) fn replay<M: Model>(
        &mut self,
        state: &mut Option<FollowedState<M>>,
        until: Seq,
    ) -> Result<FollowStep, Error> {
        let FollowedJournal { tail, dispatch, voids, compared, bytes, goal, .. } = self;
        let mut stopped = None;
        let read = tail.read_piece_while(until, |scan, segment, frame| {
            match frame.header.kind {
                FrameKind::Shapes => dispatch.add_frame::<M>(scan, segment, frame)?,
                FrameKind::Void if !voids.has(scan.decode_void(segment, frame)?.seq) => {
                    stopped = Some(FollowStep::Recover);
                    return Ok(ControlFlow::Break(()));
                }
                // a recovery knows which outcomes after the gap do not count
                FrameKind::Gap if state.as_ref().is_some_and(|state| frame.header.first_seq > state.last().next()) => {
                    stopped = Some(FollowStep::Recover);
                    return Ok(ControlFlow::Break(()));
                }
                FrameKind::Digest => {
                    let mark = scan.decode_digest(segment, frame)?;
                    let is_current = state
                        .as_ref()
                        .is_some_and(|state| is_of_state::<M>(&mark, frame.header.life.epoch, state.last(), voids));
                    if goal.verify_digests && is_current && *compared != Some(mark) {
                        stopped = Some(FollowStep::Compare(mark));
                        return Ok(ControlFlow::Break(()));
                    }
                    if mark.model == model_mark::<M>() {
                        *bytes = 0;
                    }
                }
                _ => {
                    let before = state.take().expect("a failed replay ends the reading");
                    *state = Some(FollowedState(replay_frame(before.0, scan, dispatch.get(), voids, segment, frame)?));
                    *bytes += frame.len as u64;
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(match stopped {
            Some(step) => step,
            None if read.is_break() => FollowStep::Reached,
            None => FollowStep::Continue,
        })
    }

    /// Compares the state with a digest on which [`replay`](FollowedJournal::replay) stopped.
    ///
    /// # Errors
    ///
    /// Returns an error that names the range of the events that may be the cause, if the digests differ.
    pub(crate) fn compare<M: Model>(&mut self, state: &FollowedState<M>, mark: DigestMark) -> Result<(), Error> {
        compare(state.model(), state.last(), self.verified, mark.digest)?;
        (self.verified, self.compared) = (state.last(), Some(mark));
        Ok(())
    }

    /// The digest of the state after the last event that was read, if the owner has recorded one since and it was not compared yet.
    /// So a follower at rest need not wait for the next event.
    pub(crate) fn digest_at_rest<M: Model>(&mut self) -> Result<Option<DigestMark>, Error> {
        let uuid = self.tail.scan().segments().identity().uuid;
        let watermark = self.layout.read_watermark(&*self.disk, &uuid)?;
        if !self.goal.verify_digests || watermark.is_none() || watermark == self.digests_read_at {
            return Ok(None);
        }
        let digests = self.tail.next_digests()?;
        self.digests_read_at = watermark;
        // the last digest of a state counts
        let is_current = |(epoch, mark): &(u64, DigestMark)| is_of_state::<M>(mark, *epoch, self.last(), &self.voids);
        let of_state = digests.into_iter().rev().find(is_current);
        Ok(of_state.map(|(_, mark)| mark).filter(|mark| self.compared != Some(*mark)))
    }

    /// Gives up the state to the image that continues the journal.
    pub(crate) fn hand_over<M>(&mut self, state: FollowedState<M>) -> HandedOver<M> {
        HandedOver {
            state: state.0,
            events_hash: self.events_hash(),
            life: self.tail.chain().map_or(Life { epoch: 0, id: 0 }, |chain| chain.life),
            start: self.start,
            unusable: std::mem::take(&mut self.unusable),
            is_upcast: self.is_upcast,
            bytes: self.bytes,
        }
    }

    /// The hash of the frame with the last event; 0 if there is no event.
    fn events_hash(&self) -> u64 {
        self.tail.events_hash().unwrap_or(self.events_hash)
    }
}

/// Whether a digest that was recorded in `epoch` is the digest of this model's state after event `last`, in which the events `voids`
/// are void.
fn is_of_state<M: Model>(mark: &DigestMark, epoch: u64, last: Seq, voids: &Voids) -> bool {
    mark.model == model_mark::<M>() && mark.seq == last && !voids.invalidates(last, epoch)
}

/// Replays the journal up to event `last`, from a snapshot before it, and compares the result with the digest of a state, and each
/// state on the way with its recorded digest.
pub(crate) fn verify_state<M: Model>(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    keyring: &Arc<Keyring>,
    last: Seq,
    digest: Digest,
) -> Result<(), Error> {
    let journal = OpenedJournal::beside_owner(disk, layout, keyring, last)?;
    let dispatch = dispatch_of::<M>(&journal)?;
    let goal = RecoveryGoal {
        verify_digests: true,
        trust_upcasters: true,
        expected: Some(digest.to_u64()),
        ..RecoveryGoal::before(last)
    };
    recover::<M>(&journal, &dispatch, goal).map(drop)
}
