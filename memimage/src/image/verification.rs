//! Verifies that the journal gives the state of the running image: a snapshot loads to the state that was written, and a replay of
//! the journal gives the same state as the commands.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::contradicted::{newest_quarantined, quarantine_contradicted};
use super::core::Shared;
use super::taken_snapshot::{Comparison, SnapshotOrigin, StateMark, TakenSnapshot, derived_digests};
use crate::digest::{Digest, Transcript};
use crate::error::{Error, ErrorDetail};
use crate::event::{Derived, Model, rebuild_derived};
use crate::journal::{DigestMark, FrameKind};
use crate::planted::{Bug, planted};
use crate::recovery::{Dispatch, Recovered, RecoveryGoal, model_mark, state_digest, unexplained};
use crate::seq::Seq;

/// The part of an error message that says what happened to an unusable snapshot.
const DISCARDED: &str = "the new snapshot was removed, and the image keeps its older snapshots";

/// What was verified about the state in a snapshot.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SnapshotProof {
    /// The stored state from which a replay gave this state (`Some(None)`: genesis); `None` if snapshots are not verified.
    pub(super) replayed_from: Option<Option<Seq>>,
    /// Whether the state was found to be equal to the running state.
    pub(super) is_of_running_state: bool,
}

/// A state that a replay did not give.
struct UnexplainedState {
    transcript: Transcript,
    seq: Seq,
    dispatch: Dispatch,
}

impl<M: Model> Shared<M> {
    /// Verifies a snapshot, as far as the options ask for it.
    pub(super) fn verify(&self, taken: &TakenSnapshot) -> Result<SnapshotProof, Error> {
        self.load(taken)?;
        if !self.verify_snapshots {
            return Ok(SnapshotProof::default());
        }
        let (state, goal) = (&taken.state, self.replay_to(&taken.state));
        let (origin, is_running) = match &taken.origin {
            SnapshotOrigin::Running => (None, true),
            SnapshotOrigin::Replica { comparison: Comparison::Different(running), .. } => {
                return Err(self.disagreement(running, state.digest));
            }
            SnapshotOrigin::Replica { comparison, replay } => {
                (replay.as_ref(), matches!(comparison, Comparison::Equal { .. }))
            }
        };
        let from = match origin {
            None => self.verify_replay(state, goal, is_running, || self.written_state(taken))?,
            Some(replay) => {
                if is_running {
                    self.record_digest(state);
                }
                if let Some(contradiction) = &replay.contradiction {
                    return Err(incomplete::<M>(contradiction.clone()));
                }
                replay.from
            }
        };
        self.verify_round_trip(state, goal, from)?;
        Ok(SnapshotProof { replayed_from: Some(from), is_of_running_state: is_running })
    }

    /// Compares the running state with a replay of the journal, which begins at the newest snapshot. Commands wait while the
    /// running state is hashed. Returns the last event in the compared states.
    pub(super) fn verify_now(&self) -> Result<Seq, Error> {
        let _entered = self.enter_to_wait("verify")?;
        self.verify_running()
    }

    /// Like [`verify_now`](Shared::verify_now), for a caller that has entered the image.
    pub(super) fn verify_running(&self) -> Result<Seq, Error> {
        let _one = self.snapshotting.lock();
        let verify = || {
            let state = self.running_state()?;
            self.journal.sync()?;
            // the replay may begin at a snapshot of this very state, because the next opening would begin there
            let goal = RecoveryGoal { newest_snapshot: None, ..self.replay_to(&state) };
            self.verify_replay(&state, goal, true, || self.running_now())?;
            Ok(state.seq)
        };
        let verified = catch_unwind(AssertUnwindSafe(verify))
            .unwrap_or_else(|panic| Err(Error::panicked("verifying the state of", self.layout.root(), panic)));
        match &verified {
            Ok(_) => self.progress.lock().unverified_since = None,
            Err(_) => self.refute_replica(),
        }
        verified
    }

    /// The error for a replica that differs from the running state.
    pub(super) fn disagreement(&self, running: &StateMark, replica: u64) -> Error {
        match self.verify_replay(running, self.replay_to(running), true, || self.running_now()) {
            Err(error) => error,
            // a second replay gave the running state
            Ok(from) => {
                let since = from.unwrap_or(Seq::ZERO).next();
                let (found, recorded) =
                    (Digest::from_u64(replica).to_string(), Digest::from_u64(running.digest).to_string());
                Error::new(ErrorDetail::Diverged {
                    seq: running.seq,
                    since,
                    found,
                    recorded,
                    cause: unexplained(since),
                })
            }
        }
    }

    /// The goal of a replay that begins at an older state and must give this state.
    fn replay_to(&self, state: &StateMark) -> RecoveryGoal {
        RecoveryGoal {
            verify_digests: self.verify_digests,
            expected: Some(state.digest),
            ..RecoveryGoal::before(state.seq)
        }
    }

    /// Loads the snapshot once. A snapshot that does not load to the same state must never get its final name.
    fn load(&self, taken: &TakenSnapshot) -> Result<(), Error> {
        if planted(Bug::SnapshotNamedUnloaded) {
            return Ok(());
        }
        let what = match self.snapshots.load::<M>(&taken.written)? {
            Ok(loaded) if state_digest(&loaded)?.to_u64() == taken.state.digest => {
                return rebuild_loaded(loaded, taken);
            }
            Ok(loaded) => {
                let difference = UnexplainedState::of(&loaded, &taken.state)
                    .and_then(|loaded| self.difference(&loaded, ["in the loaded state", "on replay"]))
                    .map_or_else(String::new, |difference| format!(": {difference}"));
                format!("the loaded state has another digest{difference}")
            }
            Err(what) => what,
        };
        Err(Error::new(ErrorDetail::Unloadable { state: "a snapshot", model: M::NAME, what, kept: DISCARDED }))
    }

    /// Verifies that a replay gives this state, and returns the state at which the replay began. If the state is that of the
    /// running image, records its digest in the journal. `unexplained` is called to explain a difference.
    fn verify_replay(
        &self,
        state: &StateMark,
        goal: RecoveryGoal,
        is_running: bool,
        unexplained: impl FnOnce() -> Option<UnexplainedState>,
    ) -> Result<Option<Seq>, Error> {
        let replayed = self.recover_beside(&state.dispatch, goal);
        let Recovered { snapshot: from, contradicted, unusable, .. } =
            replayed.map_err(|error| self.explained(state, error, unexplained))?;
        if is_running {
            self.record_digest(state);
        }
        let Some(path) = contradicted.first() else { return Ok(from) };
        let why = unusable.into_iter().find(|(unusable, _)| unusable == path).map_or_else(String::new, |(_, why)| why);
        {
            let _exclusive = self.files.write();
            quarantine_contradicted(&*self.disk, &self.layout, &contradicted);
        }
        // it may have begun at the snapshot that is now in the quarantine
        self.refute_replica();
        Err(incomplete::<M>(format!("`{}`: {why}", path.display())))
    }

    /// If replay from an earlier snapshot contradicted the journal, verifies that the new snapshot is not incomplete too:
    /// replays once more, encodes and decodes the state at the event of the earlier snapshot, and compares the state at the end
    /// of the replay with the new snapshot.
    fn verify_round_trip(&self, state: &StateMark, goal: RecoveryGoal, from: Option<Seq>) -> Result<(), Error> {
        let Some(seq) = newest_quarantined(&*self.disk, &self.layout, from.unwrap_or(Seq::ZERO), state.seq)? else {
            return Ok(());
        };
        let goal = RecoveryGoal { round_trip: Some(seq), ..goal };
        match self.recover_beside(&state.dispatch, goal) {
            Ok(_) => Ok(()),
            Err(error) if error.is_contradiction() => Err(incomplete::<M>(format!(
                "an earlier snapshot after event {seq} contradicted the journal, and a state that is written and read again after \
                 this event still does"
            ))),
            Err(error) => Err(error),
        }
    }

    /// Records the digest of a state in the journal. A snapshot is valid without a recorded digest, so a lack of room in the
    /// journal is no error.
    pub(super) fn record_digest(&self, state: &StateMark) {
        let StateMark { seq, digest, .. } = *state;
        let mark = DigestMark { seq, model: model_mark::<M>(), digest, accepts: !self.verify_digests };
        self.journal.insert(FrameKind::Digest, &mark.encode());
    }

    /// Adds to a verification error the first place at which the running state and the replayed state differ.
    fn explained(
        &self,
        state: &StateMark,
        error: Error,
        unexplained_state: impl FnOnce() -> Option<UnexplainedState>,
    ) -> Error {
        let is_of_state = error.position().and_then(|position| position.seq) == Some(state.seq);
        let Some(since) = error.first_suspect().filter(|_| is_of_state) else { return error };
        let difference =
            unexplained_state().and_then(|state| self.difference(&state, ["in the running image", "on replay"]));
        match difference {
            Some(difference) => error.explained(format!("{difference}; {}", unexplained(since))),
            None => error,
        }
    }

    /// Describes the first place at which a state differs from the state that replay gives; `None` if the states do not differ,
    /// or if replay fails.
    fn difference(&self, state: &UnexplainedState, names: [&str; 2]) -> Option<String> {
        self.journal.sync().ok()?;
        let replayed = self.recover_beside(&state.dispatch, RecoveryGoal::before(state.seq)).ok()?;
        let replayed = Transcript::of(&replayed.model).ok()?;
        Some(state.transcript.difference(&replayed)?.between(names))
    }

    /// The state in a snapshot that is not installed yet.
    fn written_state(&self, taken: &TakenSnapshot) -> Option<UnexplainedState> {
        UnexplainedState::of(&self.snapshots.load::<M>(&taken.written).ok()?.ok()?, &taken.state)
    }

    /// The running state as it is now. Commands wait while it is described.
    fn running_now(&self) -> Option<UnexplainedState> {
        let core = self.core.read();
        let transcript = Transcript::of(&core.model).ok()?;
        Some(UnexplainedState { transcript, seq: self.seal().ok()?.seq, dispatch: core.dispatch.clone() })
    }
}

impl UnexplainedState {
    fn of<M: Model>(model: &M, state: &StateMark) -> Option<UnexplainedState> {
        let transcript = Transcript::of(model).ok()?;
        Some(UnexplainedState { transcript, seq: state.seq, dispatch: state.dispatch.clone() })
    }
}

/// The error for a snapshot that lacks part of the state.
fn incomplete<M: Model>(what: String) -> Error {
    Error::new(ErrorDetail::Incomplete { model: M::NAME, what })
}

/// Rebuilds the derived fields of a loaded snapshot, as the next opening will. The rebuild must not change the stored fields,
/// and must give the derived fields the values that the commands maintained. If the rebuild broke one of these rules, later
/// commands could have another effect after the next opening than in the running image.
fn rebuild_loaded<M: Model>(mut loaded: M, taken: &TakenSnapshot) -> Result<(), Error> {
    let (Some(Derived { method, fields, .. }), model) = (M::DERIVED, M::NAME) else { return Ok(()) };
    rebuild_derived(&mut loaded)
        .map_err(|what| Error::new(ErrorDetail::Rebuild { state: "a snapshot", model, what, kept: DISCARDED }))?;
    if state_digest(&loaded)?.to_u64() != taken.state.digest {
        return Err(Error::new(ErrorDetail::StoredFieldsRebuilt { model, method, kept: DISCARDED }));
    }
    let rebuilt = derived_digests(&loaded)?;
    match fields.iter().zip(rebuilt.iter().zip(&taken.derived)).find(|(_, (rebuilt, taken))| rebuilt != taken) {
        Some((field, _)) => {
            Err(Error::new(ErrorDetail::Derived { model, method, field: field.name, seq: taken.state.seq }))
        }
        None => Ok(()),
    }
}
