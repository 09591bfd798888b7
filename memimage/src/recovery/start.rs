//! The start of replay: a snapshot, a base or genesis.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::vec;

use super::opened_journal::OpenedJournal;
use super::state::{self, StateOrigin};
use super::{RecoveryGoal, state_digest};
use crate::context::Timestamp;
use crate::error::{Error, ErrorDetail, ErrorKind};
use crate::event::{Derived, Model, rebuild_derived};
use crate::journal::{DigestMark, Timeline, Voids};
use crate::log;
use crate::panics::panic_message;
use crate::requests::RequestTable;
use crate::seq::Seq;
use crate::shape::fingerprint;
use crate::snapshot::{LoadedSnapshot, SnapshotFile, SnapshotHeader};

/// A state at which replay can begin.
pub(super) struct ReplayStart<M> {
    pub(super) model: M,
    pub(super) seq: Seq,
    pub(super) time: Timestamp,
    /// The hash of the frame that contains the last event in the state.
    pub(super) events_hash: u64,
    /// The digest of the state; `None` if it is not known.
    pub(super) digest: Option<u64>,
    /// The file that contains the state; empty if the state comes from a follower.
    pub(super) path: PathBuf,
    /// Whether an upcaster created the state from a state of a past version.
    pub(super) is_upcast: bool,
    /// The requests that the file contains.
    pub(super) requests: RequestTable,
}

/// Where a replay began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StartOrigin {
    Genesis,
    File { seq: Seq, path: PathBuf, is_upcast: bool },
}

impl StartOrigin {
    pub(super) fn of<M>(input: &ReplayInput<M>) -> StartOrigin {
        match &input.start {
            None => StartOrigin::Genesis,
            Some(start) => StartOrigin::File { seq: start.seq, path: start.path.clone(), is_upcast: start.is_upcast },
        }
    }

    /// Loads the same start state once more.
    pub(super) fn input<M: Model>(&self, journal: &OpenedJournal, goal: RecoveryGoal) -> Result<ReplayInput<M>, Error> {
        match self {
            StartOrigin::Genesis => ReplayInput::from_genesis(journal, goal),
            StartOrigin::File { seq, path, .. } => ReplayInput::from_file(journal, goal, *seq, path),
        }
    }
}

/// The start state of a replay, and what the journal records about this state.
pub(super) struct ReplayInput<M> {
    /// `None` if replay begins at genesis.
    pub(super) start: Option<ReplayStart<M>>,
    /// The events that replay must skip, because they became void after the state was written. The state does not contain the
    /// effect of an event that became void earlier.
    pub(super) voids: Voids,
    /// What the journal records about the state: the hash of the frame that contains the state's last event, and the digests of
    /// this state and of later states.
    pub(super) timeline: Timeline,
}

/// The result of examining a snapshot or base.
enum Candidate<M> {
    Usable(Box<ReplayInput<M>>),
    Unusable(Error),
    /// Only an upcaster could create the state, and this search does not trust upcasters.
    NotTrusted,
}

/// A search for a state at which replay can begin: the newest usable snapshot or base first, genesis last.
pub(super) struct StartSearch<'a> {
    journal: &'a OpenedJournal,
    goal: RecoveryGoal,
    candidates: vec::IntoIter<(Seq, PathBuf)>,
    /// Whether the search has reached genesis.
    is_exhausted: bool,
    /// Whether this image has a snapshot or base of another version of the model.
    changed: bool,
    /// Descriptions of the unusable snapshots and bases, for an error message.
    tried: Vec<String>,
    /// The first error about an intact file whose state the program does not load correctly, so that the program must be
    /// corrected, or the keys of personal data be found.
    invalid: Option<Error>,
    /// The unusable files, each with the cause.
    pub(super) unusable: Vec<(PathBuf, String)>,
}

impl<'a> StartSearch<'a> {
    pub(super) fn new(journal: &'a OpenedJournal, goal: RecoveryGoal) -> Result<StartSearch<'a>, Error> {
        let newest = goal.until.into_iter().chain(goal.newest_snapshot).min();
        let mut candidates = journal.snapshots().start_candidates()?;
        candidates.retain(|(seq, _)| newest.is_none_or(|newest| *seq <= newest));
        Ok(StartSearch {
            journal,
            goal,
            candidates: candidates.into_iter(),
            is_exhausted: false,
            changed: false,
            tried: Vec::new(),
            invalid: None,
            unusable: Vec::new(),
        })
    }

    /// From now on, skips each state that an upcaster would have to create.
    pub(super) fn distrust_upcasters(&mut self) {
        self.goal.trust_upcasters = false;
    }

    /// Loads the newest usable state that this search has not returned yet. Returns `None` after genesis.
    ///
    /// # Errors
    ///
    /// Returns an error if no usable state precedes the events of a pruned journal, or if the journal is damaged.
    pub(super) fn next<M: Model>(&mut self) -> Result<Option<ReplayInput<M>>, Error> {
        while let Some((seq, path)) = self.candidates.next() {
            match self.candidate::<M>(seq, &path)? {
                Candidate::Usable(input) => return Ok(Some(*input)),
                Candidate::NotTrusted => {}
                Candidate::Unusable(error) => {
                    log::warning!(%seq, %error, "cannot use a snapshot; recovery tries the next older state");
                    self.tried.push(error.briefly());
                    self.unusable.push((path, error.to_string()));
                    let is_invalid = matches!(error.kind(), ErrorKind::InvalidModel | ErrorKind::PersonalKey);
                    self.invalid = self.invalid.take().or(Some(error).filter(|_| is_invalid));
                }
            }
        }
        if std::mem::replace(&mut self.is_exhausted, true) {
            return Ok(None);
        }
        let segments = self.journal.segments();
        if !segments.starts_at_genesis() {
            if let Some(error) = self.invalid.take() {
                return Err(error);
            }
            let (path, tried) = (segments.path(segments.first()), std::mem::take(&mut self.tried));
            return Err(Error::new(ErrorDetail::Pruned { path, tried, changed: self.changed }));
        }
        ReplayInput::from_genesis(self.journal, self.goal).map(Some)
    }

    /// Loads a snapshot or base.
    ///
    /// # Errors
    ///
    /// Returns an error if the journal is damaged.
    fn candidate<M: Model>(&mut self, seq: Seq, path: &Path) -> Result<Candidate<M>, Error> {
        let file = match self.open::<M>(seq, path) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Candidate::NotTrusted),
            Err(error) => return Ok(Candidate::Unusable(error)),
        };
        let (voids, timeline) = voids_and_timeline(self.journal, self.goal, seq)?;
        let loaded = self.load(file, path, voids, timeline);
        Ok(loaded.map_or_else(Candidate::Unusable, |input| Candidate::Usable(Box::new(input))))
    }

    /// Opens a snapshot or base; `None` if its state is not [trusted](Candidate::NotTrusted).
    fn open<M: Model>(&mut self, seq: Seq, path: &Path) -> Result<Option<SnapshotFile>, Error> {
        let segments = self.journal.segments();
        let file = self.journal.snapshots().open(seq, path)?;
        let refused = |what: &str| Error::new(ErrorDetail::Snapshot { path: path.to_owned(), what: what.to_owned() });
        if file.header.identity.uuid != segments.identity().uuid {
            return Err(refused("the file belongs to another image"));
        }
        if file.header.identity.model != segments.identity().model {
            return Err(refused("the file belongs to another model, or to a projection of this image"));
        }
        if !segments.reaches(seq)? {
            return Err(refused("the journal no longer has the events that follow this state"));
        }
        let is_current = is_current::<M>(&file.header);
        self.changed |= !is_current;
        let is_trusted = is_current || self.goal.trust_upcasters || !segments.starts_at_genesis();
        Ok(is_trusted.then_some(file))
    }

    /// Loads the state from a file, unless the state belongs to another timeline.
    fn load<M: Model>(
        &self,
        file: SnapshotFile,
        path: &Path,
        voids: Voids,
        timeline: Timeline,
    ) -> Result<ReplayInput<M>, Error> {
        let refused = |what| Error::new(ErrorDetail::Snapshot { path: path.to_owned(), what });
        let header = file.header.clone();
        if voids.invalidates(header.seq, header.life.epoch) {
            return Err(refused("the state contains the effect of an event that became void later".to_owned()));
        }
        if let Some(what) = self.journal.segments().life_conflict(header.life) {
            return Err(refused(what));
        }
        let start = load::<M>(file, path)?;
        let model = DigestMark::model_of(header.model_version, header.fingerprint);
        let digest = || {
            let conflict = |digest| timeline.digest_conflict(model, digest, &voids);
            start.digest.and_then(conflict).filter(|_| self.goal.verify_digests)
        };
        match timeline.link_conflict(start.events_hash).or_else(digest) {
            Some(what) => Err(refused(what)),
            None => Ok(ReplayInput { start: Some(start), voids, timeline }),
        }
    }
}

impl<M: Model> ReplayInput<M> {
    /// The input of a replay from the first event.
    pub(super) fn from_genesis(journal: &OpenedJournal, goal: RecoveryGoal) -> Result<ReplayInput<M>, Error> {
        let (voids, timeline) = voids_and_timeline(journal, goal, Seq::ZERO)?;
        Ok(ReplayInput { start: None, voids, timeline })
    }

    /// The input of a further replay from a state that a search returned earlier.
    pub(super) fn from_file(
        journal: &OpenedJournal,
        goal: RecoveryGoal,
        seq: Seq,
        path: &Path,
    ) -> Result<ReplayInput<M>, Error> {
        let file = journal.snapshots().open(seq, path)?;
        let (voids, timeline) = voids_and_timeline(journal, goal, seq)?;
        let start = Some(load(file, path)?);
        Ok(ReplayInput { start, voids, timeline })
    }
}

/// Returns the void events whose void marks are in the segment that contains event `seq` or in later segments, and the timeline
/// of the state after event `seq`. The void events include the event that only this recovery treats as void, if there is one.
fn voids_and_timeline(journal: &OpenedJournal, goal: RecoveryGoal, seq: Seq) -> Result<(Voids, Timeline), Error> {
    let (mut voids, timeline) = journal.scan().voids_and_timeline(seq, goal.until.filter(|_| goal.near_digests))?;
    if let Some(seq) = goal.also_void {
        voids.insert(seq, u64::MAX);
    }
    Ok((voids, timeline))
}

/// Whether a snapshot or base has the program's current version of the model.
pub(crate) fn is_current<M: Model>(header: &SnapshotHeader) -> bool {
    header.model_version == M::VERSION && header.fingerprint == fingerprint(M::SHAPE).to_u64()
}

/// Whether the program can read a snapshot or base: the file has the current version of the model, or a past version with an
/// upcaster.
pub(crate) fn is_readable<M: Model>(header: &SnapshotHeader) -> bool {
    !matches!(StateOrigin::<M>::of(header.model_version, header.fingerprint), StateOrigin::Unknown(_))
}

fn load<M: Model>(file: SnapshotFile, path: &Path) -> Result<ReplayStart<M>, Error> {
    let refused = |what: &str| Error::new(ErrorDetail::Snapshot { path: path.to_owned(), what: what.to_owned() });
    let rebuild = |model: &mut M| {
        rebuild_derived(model).map_err(|what| {
            let (state, what) = ("a stored state", format!("`{}`: {what}", path.display()));
            Error::new(ErrorDetail::Rebuild { state, model: M::NAME, what, kept: "nothing was changed" })
        })
    };
    let header = file.header.clone();
    let (model, digest, requests, trailer) = match StateOrigin::of(header.model_version, header.fingerprint) {
        StateOrigin::Current => {
            let loaded = catch_unwind(AssertUnwindSafe(|| {
                let LoadedSnapshot { state: mut model, requests, trailer } = file.load::<M>()?;
                rebuild(&mut model)?;
                let digest = state_digest(&model)?;
                Ok((model, digest, requests, trailer))
            }));
            loaded.unwrap_or_else(|panic| {
                Err(refused(&format!("loading the state panicked: {}", panic_message(panic))))
            })?
        }
        StateOrigin::Past(past) => {
            let LoadedSnapshot { state, requests, trailer } = file.bytes()?;
            let (mut model, digest) =
                state::upcast(past, &state, header.seq, header.time).map_err(|what| refused(&what))?;
            rebuild(&mut model)?;
            (model, digest, requests, trailer)
        }
        StateOrigin::Unknown(what) => return Err(refused(&what)),
    };
    if digest.to_u64() != trailer.digest {
        let what = "the loaded state differs from the state that was written: the model's `Deserialize` does not restore what its \
                    `Serialize` wrote";
        return Err(refused(&match M::DERIVED {
            Some(Derived { method, .. }) => format!("{what}, or its `{method}` changes stored fields"),
            None => what.to_owned(),
        }));
    }
    let (seq, time, is_upcast) = (header.seq, header.time, !is_current::<M>(&header));
    let (events_hash, digest) = (trailer.link, Some(trailer.digest));
    Ok(ReplayStart { model, seq, time, events_hash, digest, path: path.to_owned(), is_upcast, requests })
}
