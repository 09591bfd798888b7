//! Recovery of an image at the state of its follower, so that a takeover replays only what the follower has not.

use std::path::PathBuf;

use super::followed::HandedOver;
use super::opened_journal::OpenedJournal;
use super::replay_step::ReplayState;
use super::start::{ReplayInput, ReplayStart};
use super::unusable::RemainingFiles;
use super::{Dispatch, Recovered, RecoveryGoal, model_mark, replay_from, state_digest};
use crate::error::{Error, ErrorDetail};
use crate::event::Model;

impl<M: Model> HandedOver<M> {
    /// Replays the rest of the journal on the state.
    ///
    /// # Errors
    ///
    /// Returns an error if the journal does not continue the state: it belongs to another timeline, or an event in the state became
    /// void. Returns the errors of a replay, too.
    pub(crate) fn recover(
        self,
        journal: &OpenedJournal,
        dispatch: &Dispatch,
        goal: RecoveryGoal,
    ) -> Result<Recovered<M>, Error> {
        let HandedOver { state, events_hash, life, start, unusable, is_upcast, bytes } = self;
        let refused = |what: String| {
            let path = journal.layout().root().to_owned();
            Err(Error::new(ErrorDetail::Replaced { path, what }))
        };
        let (voids, timeline) = journal.scan().voids_and_timeline(state.last, None)?;
        if voids.invalidates(state.last, life.epoch) {
            return refused("an event in the state of the follower became void".to_owned());
        }
        if let Some(what) = journal.segments().life_conflict(life).or_else(|| timeline.link_conflict(events_hash)) {
            return refused(what);
        }
        let mark = model_mark::<M>();
        let mut digest = None;
        if goal.verify_digests && timeline.has_digest(mark) {
            let found = state_digest(&state.model)?.to_u64();
            if let Some(what) = timeline.digest_conflict(mark, found, &voids) {
                return refused(what);
            }
            digest = Some(found);
        }
        let (seq, time, path) = (state.last, state.time, PathBuf::new());
        let ReplayState { model, requests, .. } = state;
        let replay_start = ReplayStart { model, seq, time, events_hash, digest, path, is_upcast, requests };
        let input = ReplayInput { start: Some(replay_start), voids, timeline };
        let recovered = replay_from(input, journal.scan(), dispatch, goal, &mut |_| {})?;
        // the follower knows them, so that they need not be loaded again
        let RemainingFiles { unusable, contradicted } = unusable.remaining(journal)?;
        let is_usable = |path: &PathBuf| unusable.iter().all(|(unusable, _)| unusable != path);
        let mut snapshots = journal.snapshots().list()?.into_iter();
        let start_file = snapshots.find(|(seq, path)| *seq <= recovered.last && is_usable(path));
        let bytes_since_snapshot = bytes + recovered.replayed_bytes;
        Ok(Recovered { snapshot: start, start_file, unusable, contradicted, bytes_since_snapshot, ..recovered })
    }
}
