//! The start of replay: the newest usable snapshot or base.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::opened_journal::OpenedJournal;
use super::state::{self, StateOrigin};
use super::{RecoveryGoal, state_digest};
use crate::context::Timestamp;
use crate::error::{Error, ErrorDetail, ErrorKind};
use crate::event::{Derived, Model, panic_message, rebuild_derived};
use crate::journal::{DigestMark, Voids};
use crate::seq::Seq;
use crate::shape::fingerprint;
use crate::snapshot::{SnapshotFile, SnapshotHeader};

/// A state at which replay can begin.
pub(super) struct ReplayStart<M> {
    pub(super) model: M,
    pub(super) seq: Seq,
    pub(super) time: Timestamp,
    /// The hash of the frame with the last event in the state.
    pub(super) events_hash: u64,
    /// The digest recorded with the state.
    pub(super) digest: u64,
    /// The file of the state, if an upcaster created the state from an older one.
    pub(super) upcast_from: Option<PathBuf>,
}

/// Loads the newest usable snapshot or base; `None` if replay begins at genesis. Also returns the void events that
/// replay must skip. Their void marks are after the state in the journal. The state already accounts for earlier marks.
pub(super) fn newest_start<M: Model>(
    journal: &OpenedJournal,
    goal: RecoveryGoal,
    unusable: &mut Vec<(PathBuf, String)>,
) -> Result<(Option<ReplayStart<M>>, Voids), Error> {
    let (segments, scan, snapshots) = (journal.segments(), journal.scan(), journal.snapshots());
    let newest = goal.until.into_iter().chain(goal.newest_snapshot).min();
    let (mut tried, mut changed, mut invalid) = (Vec::new(), false, None);
    for (seq, path) in snapshots.start_candidates()? {
        if newest.is_some_and(|newest| seq > newest) {
            continue;
        }
        let loaded = snapshots.open(seq, &path).and_then(|file| {
            let refused = |what: &str| Error::new(ErrorDetail::Snapshot { path: path.clone(), what: what.to_owned() });
            if file.header.identity.uuid != segments.identity().uuid {
                return Err(refused("the file belongs to another image"));
            }
            if !segments.reaches(seq)? {
                return Err(refused("the journal no longer has the events that follow this state"));
            }
            let current = is_current::<M>(&file.header);
            changed |= !current;
            if !current && !goal.trust_upcasters && segments.starts_at_genesis() {
                return Ok(None);
            }
            Ok(Some(file))
        });
        let loaded = match loaded {
            Ok(Some(file)) => {
                // errors here are damage to the journal, not to a snapshot
                let (mut voids, timeline) = scan.voids_and_timeline(seq)?;
                add_also_void(&mut voids, goal);
                let refused = |what| Error::new(ErrorDetail::Snapshot { path: path.clone(), what });
                let header = file.header.clone();
                let what = if voids.invalidates(seq, header.life.epoch) {
                    Some("the state contains the effect of an event that became void later".to_owned())
                } else {
                    segments.life_conflict(header.life)
                };
                match what {
                    Some(what) => Err(refused(what)),
                    None => load::<M>(file, &path).and_then(|start| {
                        let model = DigestMark::model_of(header.model_version, header.fingerprint);
                        let digest = || timeline.digest_conflict(model, start.digest, &voids);
                        let what = timeline.link_conflict(start.events_hash);
                        match what.or_else(|| digest().filter(|_| goal.verify_digests)) {
                            Some(what) => Err(refused(what)),
                            None => Ok(Some((start, voids))),
                        }
                    }),
                }
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        match loaded {
            Ok(None) => {}
            Ok(Some((start, voids))) => return Ok((Some(start), voids)),
            Err(error) => {
                tracing::warn!(%seq, %error, "cannot use a snapshot; recovery tries the next older state");
                tried.push(error.briefly());
                unusable.push((path, error.to_string()));
                // the file is intact: the program must be corrected
                invalid = invalid.or(Some(error).filter(|error| error.kind() == ErrorKind::InvalidModel));
            }
        }
    }
    if segments.starts_at_genesis() {
        let mut voids = scan.voids(segments.first())?;
        add_also_void(&mut voids, goal);
        Ok((None, voids))
    } else if let Some(error) = invalid {
        Err(error)
    } else {
        Err(Error::new(ErrorDetail::Pruned { path: segments.path(segments.first()), tried, changed }))
    }
}

/// Adds the event that replay skips as if it were void from now on.
fn add_also_void(voids: &mut Voids, goal: RecoveryGoal) {
    if let Some(seq) = goal.also_void {
        voids.insert(seq, u64::MAX);
    }
}

/// Whether a snapshot or base has the program's current version of the model.
pub(crate) fn is_current<M: Model>(header: &SnapshotHeader) -> bool {
    header.model_version == M::VERSION && header.fingerprint == fingerprint(M::SHAPE).to_u64()
}

/// Whether the program can read a snapshot or base: it has the current version of the model, or one with an upcaster.
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
    let (model, digest, trailer) = match StateOrigin::of(header.model_version, header.fingerprint) {
        StateOrigin::Current => {
            let loaded = catch_unwind(AssertUnwindSafe(|| {
                let (mut model, trailer) = file.load::<M>()?;
                rebuild(&mut model)?;
                let digest = state_digest(&model)?;
                Ok((model, digest, trailer))
            }));
            loaded.unwrap_or_else(|panic| {
                Err(refused(&format!("loading the state panicked: {}", panic_message(&*panic))))
            })?
        }
        StateOrigin::Past(past) => {
            let (bytes, trailer) = file.bytes()?;
            let (mut model, digest) =
                state::upcast(past, &bytes, header.seq, header.time).map_err(|what| refused(&what))?;
            rebuild(&mut model)?;
            (model, digest, trailer)
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
    let upcast_from = (!is_current::<M>(&header)).then(|| path.to_owned());
    let (seq, time) = (header.seq, header.time);
    Ok(ReplayStart { model, seq, time, events_hash: trailer.link, digest: trailer.digest, upcast_from })
}
