//! A replica: a second copy of the model, made by replay, that follows the journal of the running image.

use std::path::PathBuf;

use super::fallback::recover;
use super::followed_dispatch::FollowedDispatch;
use super::opened_journal::OpenedJournal;
use super::replay_step::{ReplayState, replay_frame};
use super::{Dispatch, Recovered, RecoveryGoal};
use crate::context::Timestamp;
use crate::error::Error;
use crate::event::Model;
use crate::journal::{FrameKind, JournalTail, Voids};
use crate::requests::RequestLog;
use crate::seq::Seq;

/// The state after some event, and the means to replay the events after it.
pub(crate) struct ReplicaState<M> {
    state: ReplayState<M>,
    tail: JournalTail,
    dispatch: FollowedDispatch,
    /// The hash of the frame with the last event that recovery replayed; 0 if there is no event.
    events_hash: u64,
    /// The snapshot or base at which replay began; `None` if it began at genesis.
    pub(crate) start: Option<Seq>,
    /// Whether replay began with a state that an upcaster created.
    pub(crate) is_upcast: bool,
    /// The snapshots that contradict the journal, each with the reason.
    pub(crate) contradicted: Vec<(PathBuf, String)>,
}

impl<M: Model> ReplicaState<M> {
    /// Recovers a replica from the files of a running image. `goal.until` must be a durable event that ends its frame.
    pub(crate) fn recover(
        journal: &OpenedJournal,
        dispatch: &Dispatch,
        goal: RecoveryGoal,
    ) -> Result<ReplicaState<M>, Error> {
        let recovered = recover::<M>(journal, dispatch, goal)?;
        let Recovered { model, requests, last, time, events_hash, snapshot: start, tail, is_upcast, .. } = recovered;
        Ok(ReplicaState {
            state: ReplayState { model, requests, last, time },
            tail: journal.tail(tail)?,
            dispatch: FollowedDispatch::new(dispatch.clone()),
            events_hash,
            start,
            is_upcast,
            contradicted: recovered
                .unusable
                .into_iter()
                .filter(|(path, _)| recovered.contradicted.contains(path))
                .collect(),
        })
    }

    /// Replays the events up to event `until`, which must be durable and end its frame. Changes nothing if the replica has
    /// already reached this event.
    ///
    /// # Errors
    ///
    /// Returns an error if an event cannot be read or replayed. The replica is then dropped, because an event may be half
    /// applied.
    pub(crate) fn catch_up(self, until: Seq) -> Result<ReplicaState<M>, Error> {
        if self.last() >= until {
            return Ok(self);
        }
        let ReplicaState { state, mut tail, mut dispatch, .. } = self;
        let mut state = Some(state);
        tail.read(until, |scan, segment, frame| {
            if frame.header.kind == FrameKind::Shapes {
                return dispatch.add_frame::<M>(scan, segment, frame);
            }
            let before = state.take().expect("a failed replay ends the reading");
            // no event becomes void while the image is open
            state = Some(replay_frame(before, scan, dispatch.get(), &Voids::default(), segment, frame)?);
            Ok(())
        })?;
        let state = state.expect("a failed replay ends the reading");
        Ok(ReplicaState { state, tail, dispatch, ..self })
    }

    pub(crate) fn model(&self) -> &M {
        &self.state.model
    }

    /// The requests among the last events.
    pub(crate) fn requests(&self) -> RequestLog {
        self.state.requests.log()
    }

    pub(crate) fn into_model(self) -> M {
        self.state.model
    }

    /// The last event replayed.
    pub(crate) fn last(&self) -> Seq {
        self.state.last
    }

    /// The recorded time of the last event.
    pub(crate) fn time(&self) -> Timestamp {
        self.state.time
    }

    /// The hash of the frame with the last event; 0 if there is no event.
    pub(crate) fn events_hash(&self) -> u64 {
        self.tail.events_hash().unwrap_or(self.events_hash)
    }

    pub(crate) fn dispatch(&self) -> &Dispatch {
        self.dispatch.get()
    }
}
