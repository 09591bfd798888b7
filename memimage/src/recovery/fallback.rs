//! Recovery from the newest state that agrees with the journal.
//!
//! The journal is authoritative, even if a snapshot disagrees with it. The state in a snapshot may lack data that `Serialize`
//! does not write, such as the free list of a slab. When later events are replayed on such a state, they may have another
//! effect than when they were recorded. So if replay from a state contradicts the journal, recovery begins again at the next
//! older state, and finally at genesis.

use super::divergence::{Contradiction, contradiction, explained};
use super::opened_journal::OpenedJournal;
use super::start::{StartOrigin, StartSearch};
use super::{Dispatch, Recovered, RecoveryGoal, ReplayProgress, replay_from};
use crate::error::Error;
use crate::event::Model;
use crate::log;
use crate::planted::{Bug, planted};

/// Recovers from the newest state from which replay does not contradict the journal.
pub(crate) fn recover<M: Model>(
    journal: &OpenedJournal,
    dispatch: &Dispatch,
    goal: RecoveryGoal,
) -> Result<Recovered<M>, Error> {
    recover_with_progress(journal, dispatch, goal, &mut |_| {})
}

/// Like [`recover`], and reports the progress to `watch` after each batch.
pub(crate) fn recover_with_progress<M: Model>(
    journal: &OpenedJournal,
    dispatch: &Dispatch,
    goal: RecoveryGoal,
    watch: &mut dyn FnMut(ReplayProgress),
) -> Result<Recovered<M>, Error> {
    let mut search = StartSearch::new(journal, goal)?;
    let mut contradictions: Vec<Contradiction> = Vec::new();
    loop {
        let input = match search.next::<M>() {
            Ok(input) => input.expect("a contradiction at genesis ends the search"),
            // the journal was pruned, and there is no older state
            Err(error) => return Err(refusal::<M>(journal, dispatch, goal, &contradictions).unwrap_or(error)),
        };
        let origin = StartOrigin::of(&input);
        let error = match replay_from(input, journal.scan(), dispatch, goal, watch) {
            Ok(recovered) => {
                let mut recovered = Recovered { unusable: search.unusable, ..recovered };
                for found in contradictions {
                    reject::<M>(journal, dispatch, &found, &origin, &mut recovered);
                }
                return Ok(recovered);
            }
            Err(error) if error.is_contradiction() => error,
            Err(error) => return Err(error),
        };
        if planted(Bug::DivergedSnapshotTrusted) && origin != StartOrigin::Genesis {
            return Err(error);
        }
        contradictions.push(Contradiction { origin: origin.clone(), error: error.clone() });
        match origin {
            StartOrigin::Genesis => {
                return Err(refusal::<M>(journal, dispatch, goal, &contradictions).unwrap_or(error));
            }
            StartOrigin::File { seq, is_upcast, .. } => {
                log::warning!(%seq, %error, "replay from a snapshot contradicts the journal; recovery tries the next older state");
                // skip the older states of past versions too, because the same upcasters would convert them
                if is_upcast && journal.segments().starts_at_genesis() {
                    search.distrust_upcasters();
                }
            }
        }
    }
}

/// If every replay contradicts the journal, returns the error of the replay from the newest state, because this replay has the
/// fewest events.
fn refusal<M: Model>(
    journal: &OpenedJournal,
    dispatch: &Dispatch,
    goal: RecoveryGoal,
    contradictions: &[Contradiction],
) -> Option<Error> {
    let [newest, ..] = contradictions else { return None };
    Some(explained::<M>(journal, dispatch, goal, newest, &contradictions.last()?.origin))
}

/// Reports a state as unusable, because replay from it contradicts the journal and replay from `good` does not.
fn reject<M: Model>(
    journal: &OpenedJournal,
    dispatch: &Dispatch,
    found: &Contradiction,
    good: &StartOrigin,
    recovered: &mut Recovered<M>,
) {
    let StartOrigin::File { path, is_upcast, .. } = &found.origin else { return };
    let what = contradiction::<M>(journal, dispatch, found, good);
    log::warning!(path = %path.display(), what, "recovery did not use a snapshot whose state does not match the journal");
    recovered.unusable.push((path.clone(), what));
    if !is_upcast {
        recovered.contradicted.push(path.clone());
    }
}
