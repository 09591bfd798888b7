//! Replays single frames and single events on a state.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::RecoveryGoal;
use super::dispatch::Dispatch;
use super::replay::{Replay, unknown_event_number};
use crate::context::Timestamp;
use crate::error::Error;
use crate::event::Model;
use crate::journal::{Frame, Scan, StoredRecord, Voids};
use crate::requests::RequestTable;
use crate::seq::{SegmentId, Seq};

/// The state at which a replay continues with the next frame or event.
pub(super) struct ReplayState<M> {
    pub(super) model: M,
    pub(super) requests: RequestTable,
    pub(super) last: Seq,
    pub(super) time: Timestamp,
}

/// Replays one more frame, which the owner of the journal wrote after the state's last event. Such a frame is no shapes frame.
pub(super) fn replay_frame<M: Model>(
    state: ReplayState<M>,
    scan: &Scan,
    dispatch: &Dispatch,
    voids: &Voids,
    segment: SegmentId,
    frame: &Frame<'_>,
) -> Result<ReplayState<M>, Error> {
    let ReplayState { model, requests, last, time } = state;
    let mut watch = |_| {};
    let state = (Some(model), requests, last, time);
    let mut replay = Replay::new(scan, dispatch, state, RecoveryGoal::default(), &mut watch);
    replay.voids = voids.clone();
    // the goal has no last event, so the replay never asks to stop
    let _ = replay.frame(segment, frame)?;
    let Replay { model, requests, last, time, .. } = replay;
    Ok(ReplayState { model: model.expect("the replay began with a state"), requests, last, time })
}

/// Replays the event after the state's last event.
pub(super) fn replay_record<M: Model>(
    state: ReplayState<M>,
    scan: &Scan,
    dispatch: &Dispatch,
    voids: &Voids,
    stored: &StoredRecord,
) -> Result<ReplayState<M>, Error> {
    let ReplayState { model, requests, last, time } = state;
    let mut watch = |_| {};
    let state = (Some(model), requests, last, time);
    let mut replay = Replay::new(scan, dispatch, state, RecoveryGoal::default(), &mut watch);
    replay.voids = voids.clone();
    let record = stored.record.clone();
    let (seq, event) = (record.seq, record.event);
    match catch_unwind(AssertUnwindSafe(|| replay.record(&stored.body, record, stored.life.epoch))) {
        Ok(Ok(Some(()))) => {}
        Ok(Ok(None)) => {
            return Err(scan.segments().corrupt(stored.segment, None, unknown_event_number(seq, event)));
        }
        Ok(Err(error)) => return Err(error),
        Err(panic) => return Err(replay.panicked(panic)),
    }
    let Replay { model, requests, last, time, .. } = replay;
    Ok(ReplayState { model: model.expect("the replay began with a state"), requests, last, time })
}
