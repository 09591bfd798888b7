//! Recovery: loads the newest usable snapshot and replays the events after it.
//!
//! All of these modules only read files, except [`opened_journal`], which repairs the end of a journal before writing resumes.

mod opened_journal;
mod dispatch;
mod state;
mod genesis;
mod start;
mod round_trip;
mod older_requests;
mod recorded_digests;
mod replay;
mod replay_step;
mod followed_dispatch;
mod divergence;
mod fallback;
mod stepped;
mod replica;
mod unusable;
mod followed;
mod handed_over;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::context::Timestamp;
use crate::digest::{Digest, DigestError, digest_within};
use crate::error::{Error, ErrorDetail};
use crate::event::Model;
use crate::journal::{DigestMark, Gap, JournalEnd, ShapeTable, TailPosition};
use crate::nesting::MAX_STATE_DEPTH;
use crate::outcome::Outcome;
use crate::planted::{Bug, planted};
use crate::requests::RequestTable;
use crate::seq::Seq;
use crate::shape::fingerprint;

pub(crate) use divergence::unexplained;
pub(crate) use fallback::{recover, recover_with_progress};
pub(crate) use followed::{FollowStep, FollowedJournal, FollowedState, HandedOver, verify_state};
pub(crate) use followed_dispatch::FollowedDispatch;
use replay::replay_from;
pub(crate) use replay::{ReplayProgress, replay_error, replay_fault, unknown_event_number};
pub(crate) use replica::ReplicaState;
pub(crate) use start::{is_current, is_readable};
pub(crate) use stepped::SteppedState;

pub(crate) use dispatch::{DROPPED, Dispatch, ReplayAction, ReplayRoute};
pub(crate) use genesis::{GenesisState, genesis_of};
pub(crate) use opened_journal::{OpenedJournal, RequiredEnd, SettledJournal, WritableJournal};

/// The parameters of a recovery.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RecoveryGoal {
    /// The last event to replay; `None` replays all events.
    pub(crate) until: Option<Seq>,
    /// Recovery uses no snapshot newer than this event.
    pub(crate) newest_snapshot: Option<Seq>,
    /// Whether a difference between a replayed state and its recorded digest is an error.
    pub(crate) verify_digests: bool,
    /// Whether only those digests count that were recorded soon after `until`. So a past state does not cost a read of the whole
    /// later journal. A digest that a later one replaces may then contradict a good state.
    pub(crate) near_digests: bool,
    /// Whether a state behind a gap that the replay crosses may differ from its recorded digest: the owner may have begun with a
    /// snapshot that has the effect of the lost events. Such digests are returned as not compared.
    pub(crate) doubts_crossed: bool,
    /// Whether replay may begin at a state that an upcaster created from an older snapshot. Recovery cannot verify such an
    /// upcast state. If the field is false and the journal was never pruned, recovery skips upcast states. Snapshot
    /// verification sets the field to false, because only a replay that begins before the upcast state can verify what the
    /// upcaster returned.
    pub(crate) trust_upcasters: bool,
    /// An event that replay skips as if it were void, to determine the effect of making it void.
    pub(crate) also_void: Option<Seq>,
    /// The digest that the recovered state must have.
    pub(crate) expected: Option<u64>,
    /// The event after which replay encodes and decodes the state, to verify that a snapshot would contain all data on which
    /// later events depend.
    pub(crate) round_trip: Option<Seq>,
    /// The number of last events whose requests the recovery must return; 0 if the caller does not need them.
    pub(crate) remember: u64,
}

impl RecoveryGoal {
    /// Returns the goal of a replay that begins at a state older than event `seq` and ends with this event.
    pub(crate) fn before(seq: Seq) -> RecoveryGoal {
        let older = Seq::new(seq.get().saturating_sub(1));
        RecoveryGoal { until: Some(seq), newest_snapshot: Some(older), ..RecoveryGoal::default() }
    }
}

/// The result of a recovery: the model, its last event, and what recovery did.
#[derive(Debug)]
pub(crate) struct Recovered<M> {
    pub(crate) model: M,
    /// The requests among the last events, as far as the goal asks for them.
    pub(crate) requests: RequestTable,
    pub(crate) last: Seq,
    /// The recorded time of the last event.
    pub(crate) time: Timestamp,
    /// The hash of the last frame with events; 0 if there is no event.
    pub(crate) events_hash: u64,
    /// The snapshot or base at which replay began; `None` if replay began at genesis.
    pub(crate) snapshot: Option<Seq>,
    /// The same with the file.
    pub(crate) start_file: Option<(Seq, PathBuf)>,
    pub(crate) replayed: u64,
    /// The size of the replayed batches, in bytes.
    pub(crate) replayed_bytes: u64,
    /// The size of the batches since the last snapshot, in bytes: the replayed ones, and those that a follower replayed before.
    pub(crate) bytes_since_snapshot: u64,
    /// The time to read and replay the events.
    pub(crate) replay_duration: Duration,
    /// The replayed events whose outcome differs from the recorded outcome, because an earlier event became void after they
    /// were recorded.
    pub(crate) changed_outcomes: BTreeMap<Seq, Outcome>,
    /// The recorded gaps that the replay crossed: the state lacks the effect of the events that are lost there.
    pub(crate) crossed: Vec<Gap>,
    /// The states of which the journal records a digest of this model that the replay could not compare: it was recorded before an
    /// earlier event became void or was lost, or the goal doubts it.
    pub(crate) uncompared: BTreeSet<Seq>,
    /// The unusable snapshots and bases, each with the cause.
    pub(crate) unusable: Vec<(PathBuf, String)>,
    /// Those snapshots and bases that are unusable only because replay from them contradicts the journal: they are intact and
    /// have the current version of the model.
    pub(crate) contradicted: Vec<PathBuf>,
    /// The position at which the replay stopped.
    pub(crate) tail: TailPosition,
    /// Whether replay began with a state that an upcaster created.
    pub(crate) is_upcast: bool,
    /// The end of the journal; `None` if replay stopped before the end.
    pub(crate) end: Option<JournalEnd>,
}

/// Maps the events of the journal's shape table to the events of the program. From now on, these can be decoded: reads the keys of
/// personal data, if it has not happened yet.
pub(crate) fn dispatch_of<M: Model>(journal: &OpenedJournal) -> Result<Dispatch, Error> {
    journal.open_personal_keys()?;
    dispatch_from::<M>(journal.scan().table()?, journal.layout().root())
}

/// Maps the events of a shape table to the events of the program. `root` is the directory of the image.
pub(crate) fn dispatch_from<M: Model>(table: ShapeTable, root: &Path) -> Result<Dispatch, Error> {
    Dispatch::new(table, M::EVENTS)
        .map_err(|differences| Error::new(ErrorDetail::Shapes { path: root.to_owned(), differences }))
}

/// The number that identifies the model's version and shape in a digest mark.
pub(crate) fn model_mark<M: Model>() -> u64 {
    DigestMark::model_of(M::VERSION, fingerprint(M::SHAPE).to_u64())
}

/// The digest of a model.
pub(crate) fn state_digest<M: Model>(model: &M) -> Result<Digest, Error> {
    let depth = if planted(Bug::DeepStateAccepted) { 2 * MAX_STATE_DEPTH } else { MAX_STATE_DEPTH };
    digest_within(model, depth).map_err(|error| no_digest::<M>(&error))
}

/// The error for a state that is nested too deeply, or whose `Serialize` contradicts its `Shape`.
pub(crate) fn no_digest<M: Model>(error: &DigestError) -> Error {
    Error::new(match error.is_too_deep() {
        true => ErrorDetail::Deep { model: M::NAME, limit: MAX_STATE_DEPTH, path: error.path() },
        false => ErrorDetail::Digest { model: M::NAME, what: error.to_string() },
    })
}

/// Verifies that the state of the model has the recorded digest. `verified` is the last event after which the state had
/// its recorded digest.
pub(crate) fn compare<M: Model>(model: &M, seq: Seq, verified: Seq, recorded: u64) -> Result<(), Error> {
    let found = state_digest(model)?;
    if found.to_u64() == recorded {
        return Ok(());
    }
    let (recorded, cause) = (Digest::from_u64(recorded).to_string(), divergence::unexplained(verified.next()));
    Err(Error::new(ErrorDetail::Diverged { seq, since: verified.next(), found: found.to_string(), recorded, cause }))
}
