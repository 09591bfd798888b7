//! A past state that replay moves forward event by event.

use super::fallback::recover;
use super::opened_journal::OpenedJournal;
use super::replay_step::{ReplayState, replay_record};
use super::{Dispatch, Recovered, RecoveryGoal};
use crate::context::Timestamp;
use crate::error::Error;
use crate::event::Model;
use crate::journal::{Gap, Scan, StoredRecord, Voids};
use crate::seq::Seq;

/// The state after some event.
pub(crate) struct SteppedState<M> {
    state: ReplayState<M>,
    voids: Voids,
    /// The hash of the frame with the last event; 0 if there is none.
    hash: u64,
}

impl<M: Model> SteppedState<M> {
    /// Recovers the state after event `seq`, which must be durable, from the newest usable state before it.
    pub(crate) fn at(journal: &OpenedJournal, dispatch: &Dispatch, seq: Seq) -> Result<SteppedState<M>, Error> {
        let goal = RecoveryGoal {
            until: Some(seq),
            verify_digests: true,
            near_digests: true,
            trust_upcasters: true,
            ..RecoveryGoal::default()
        };
        let recovered = match recover::<M>(journal, dispatch, goal) {
            Ok(recovered) => recovered,
            // the owner may have accepted the state later
            Err(_) => recover::<M>(journal, dispatch, RecoveryGoal { near_digests: false, ..goal })?,
        };
        let Recovered { model, requests, last, time, events_hash: hash, crossed, .. } = recovered;
        let mut voids = journal.scan().voids_after(seq)?;
        crossed.into_iter().for_each(|gap| voids.cross(gap));
        Ok(SteppedState { state: ReplayState { model, requests, last, time }, voids, hash })
    }

    /// Replays the next event. If this fails, the state is dropped, because the event may be half applied.
    pub(crate) fn step(self, scan: &Scan, dispatch: &Dispatch, stored: &StoredRecord) -> Result<Self, Error> {
        let SteppedState { state, voids, .. } = self;
        let state = replay_record(state, scan, dispatch, &voids, stored)?;
        Ok(SteppedState { state, voids, hash: stored.hash })
    }

    /// The state behind a recorded gap, without the events that are lost there.
    pub(crate) fn behind(mut self, gap: Gap) -> Self {
        self.voids.cross(gap);
        self.state.last = gap.last();
        self
    }

    pub(crate) fn model(&self) -> &M {
        &self.state.model
    }

    pub(crate) fn into_model(self) -> M {
        self.state.model
    }

    /// The last event in the state; 0 if there is none.
    pub(crate) fn last(&self) -> Seq {
        self.state.last
    }

    /// The hash of the frame with the last event; 0 if there is none.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// The recorded time of the last event.
    pub(crate) fn time(&self) -> Timestamp {
        self.state.time
    }

    /// The events that have no effect.
    pub(crate) fn voids(&self) -> &Voids {
        &self.voids
    }
}
