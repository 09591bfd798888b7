//! `memimage remote`: what a log has, whether it is sound, and what it need not keep.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, Subcommand};
use memimage::Timestamp;
use memimage::admin::format_time;
use serde::Serialize;

use super::command::{Verb, document, field, line, open_existing};
use super::failure::{Failure, Found};
use super::span;
use crate::appender::now;
use crate::failure::counted;
use crate::log::Log;
use crate::owner_id::{hex, random_id};
use crate::remote_check::{LogCheck, check_log};
use crate::remote_info::{LogInfo, log_info};
use crate::remote_log::Bounds;
use crate::snapshot_shipper::{PruningPlan, plan_pruning, prune};

/// Looks into a log on other machines.
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  memimage remote info s3://backups/bank
  memimage remote check s3://backups/bank --deep
  memimage remote prune s3://backups/bank --older-than 30d --dry-run")]
pub(super) struct Remote {
    #[command(subcommand)]
    action: Action,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Shows what a log has: its owner, its events, its snapshots.
    Info {
        /// The log: s3://BUCKET/PREFIX, gs://…, az://…, file:///DIRECTORY, or nats://HOST:PORT/STREAM?sync_interval=always.
        url: String,
    },
    /// Reads every entry and snapshot, and reports the first damage. The exit code is 1 if there is any.
    Check {
        /// The log, as for `info`.
        url: String,
        /// Also copy the journal to a temporary directory, and verify each frame.
        #[arg(long)]
        deep: bool,
    },
    /// Removes the entries and snapshots that no restoration to a time within a span needs. The newest snapshot is always kept.
    Prune {
        /// The log, as for `info`.
        url: String,
        /// The span of time, up to now, to which the image can still be restored, such as 30d.
        #[arg(long, value_name = "TIME", value_parser = span::parse)]
        older_than: Duration,
        /// Show what would be removed, and remove nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

impl Verb for Remote {
    const IMAGE: Option<&'static str> = None;

    fn preset(&mut self, _: &Path) {}

    fn run(self) -> Result<Found, Failure> {
        match self.action {
            Action::Info { url } => info(&open_existing(&url)?, self.json),
            Action::Check { url, deep } => check(&open_existing(&url)?, deep, self.json),
            Action::Prune { url, older_than, dry_run } => {
                prune_log(&open_existing(&url)?, older_than, dry_run, self.json)
            }
        }
    }
}

#[derive(Serialize)]
struct InfoDocument {
    log: String,
    id: Option<String>,
    image: Option<String>,
    first: u64,
    end: u64,
    term: u64,
    owner: Option<String>,
    claimed: Option<String>,
    lease_ms: Option<u64>,
    seq: u64,
    time: Option<String>,
    after: Option<String>,
    segment: u64,
    snapshots: Vec<SnapshotDocument>,
    damages: Vec<String>,
}

#[derive(Serialize)]
struct SnapshotDocument {
    seq: u64,
    position: u64,
    time: String,
}

impl From<LogInfo> for InfoDocument {
    fn from(info: LogInfo) -> InfoDocument {
        let snapshots = info.snapshots.iter().map(|snapshot| SnapshotDocument {
            seq: snapshot.seq.get(),
            position: snapshot.position,
            time: format_time(snapshot.time),
        });
        InfoDocument {
            snapshots: snapshots.collect(),
            log: info.address,
            id: info.log_id,
            image: info.image,
            first: info.first,
            end: info.end,
            term: info.term,
            owner: info.owner,
            claimed: info.claimed.map(format_time),
            lease_ms: info.lease_ms,
            seq: info.seq.get(),
            time: info.time.map(format_time),
            after: info.after.map(format_time),
            segment: info.segment,
            damages: info.damages,
        }
    }
}

fn info(log: &Log, is_json: bool) -> Result<Found, Failure> {
    let info = InfoDocument::from(log_info(log)?);
    let found = if info.damages.is_empty() { Found::Nothing } else { Found::Something };
    if is_json {
        document(&info)?;
        return Ok(found);
    }
    field("log", &info.log)?;
    match &info.id {
        Some(id) => entries_of(&info, id)?,
        None if info.damages.is_empty() => line("the log is empty")?,
        None => {}
    }
    for snapshot in &info.snapshots {
        let SnapshotDocument { seq, position, time } = snapshot;
        field("snapshot", format_args!("of event {seq}, from position {position} on, made at {time}"))?;
    }
    for damage in &info.damages {
        field("damage", damage)?;
    }
    Ok(found)
}

/// Shows what the entries say.
fn entries_of(info: &InfoDocument, id: &str) -> Result<(), Failure> {
    field("id", id)?;
    field("image", info.image.as_deref().unwrap_or("none yet"))?;
    let since = info.claimed.as_ref().map_or_else(String::new, |time| format!(", since {time}"));
    field("owner", format_args!("{}, in term {}{since}", info.owner.as_deref().unwrap_or("unknown"), info.term))?;
    field("lease", info.lease_ms.map_or_else(|| "none".to_owned(), |lease| format!("{lease} ms")))?;
    field("positions", format_args!("{} to {}", info.first, info.end - 1))?;
    let time = match (&info.time, &info.after) {
        (Some(time), _) => format!(", recorded at {time}"),
        (None, Some(after)) => format!(", recorded at {after} or later"),
        (None, None) => String::new(),
    };
    field("last event", format_args!("{}{time}", info.seq))
}

#[derive(Serialize)]
struct CheckDocument {
    log: String,
    /// `sound` or `damaged`.
    verdict: &'static str,
    first: u64,
    entries: u64,
    claims: u64,
    bytes: u64,
    seq: u64,
    snapshots: u64,
    damages: Vec<DamageDocument>,
    /// The first and the last event of each range.
    restorable: Vec<[u64; 2]>,
}

#[derive(Serialize)]
struct DamageDocument {
    position: u64,
    snapshot: Option<u64>,
    message: String,
}

/// A directory that is removed at the end.
struct TemporaryDirectory(PathBuf);

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        // a temporary directory is in nobody's way
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn check(log: &Log, deep: bool, is_json: bool) -> Result<Found, Failure> {
    let directory = match deep {
        true => {
            let name = format!("memimage-remote-check-{}", hex(&random_id()?));
            Some(TemporaryDirectory(std::env::temp_dir().join(name)))
        }
        false => None,
    };
    let check = check_log(log, directory.as_ref().map(|directory| directory.0.as_path()))?;
    drop(directory);
    let (found, verdict) = match check.is_sound() {
        true => (Found::Nothing, "sound"),
        false => (Found::Something, "damaged"),
    };
    if is_json {
        let damages = check.damages.iter().map(|damage| DamageDocument {
            position: damage.position,
            snapshot: damage.snapshot.map(|seq| seq.get()),
            message: damage.message.clone(),
        });
        let damages = damages.collect();
        let restorable = check.restorable.iter().map(|(first, last)| [first.get(), last.get()]).collect();
        let LogCheck { first, entries, claims, bytes, seq, snapshots, .. } = check;
        let (log, seq) = (log.address().to_owned(), seq.get());
        document(&CheckDocument { log, verdict, first, entries, claims, bytes, seq, snapshots, damages, restorable })?;
        return Ok(found);
    }
    field("log", log.address())?;
    let claims = counted(check.claims, "claim");
    field("entries", format_args!("{} from position {} on, with {claims}", check.entries, check.first))?;
    field("journal", format_args!("{} bytes, up to event {}", check.bytes, check.seq))?;
    field("snapshots", check.snapshots)?;
    for damage in &check.damages {
        field("damage", &damage.message)?;
    }
    if check.restorable.is_empty() {
        field("restorable", "nothing")?;
    }
    for (first, last) in &check.restorable {
        field("restorable", format_args!("to any event from {first} to {last}"))?;
    }
    field("verdict", verdict)?;
    Ok(found)
}

#[derive(Serialize)]
struct PruneDocument {
    log: String,
    dry_run: bool,
    /// The position of the first entry that is kept.
    first: u64,
    /// The snapshots that are removed.
    snapshots: Vec<u64>,
    /// The time to which, and to all later ones, the image can be restored.
    oldest: Option<String>,
}

fn prune_log(log: &Log, age: Duration, dry_run: bool, is_json: bool) -> Result<Found, Failure> {
    let (engine, now): (_, Timestamp) = (&log.engine, now());
    let Bounds { first: first_before, end } = engine.bounds()?;
    if end == 1 {
        return Err(Failure::Refused(format!("the log `{}` is empty, so nothing can be removed", log.address())));
    }
    let plan = plan_pruning(engine, now, age)?;
    if !dry_run {
        prune(engine, now, age)?;
    }
    let (first, snapshots, oldest) = match plan {
        Some(PruningPlan { snapshots, first, oldest }) => (first.max(first_before), snapshots, Some(oldest)),
        None => (first_before, Vec::new(), None),
    };
    let snapshots: Vec<u64> = snapshots.iter().map(|name| name.seq.get()).collect();
    if is_json {
        let (log, oldest) = (log.address().to_owned(), oldest.map(|oldest| format_time(oldest.time)));
        document(&PruneDocument { log, dry_run, first, snapshots, oldest })?;
        return Ok(Found::Nothing);
    }
    let removed = if dry_run { "would be removed" } else { "are removed" };
    match oldest {
        None => line("nothing is removed: no snapshot is older than this")?,
        Some(oldest) => {
            let snapshots = counted(snapshots.len() as u64, "snapshot");
            line(format_args!("the entries before position {first} and {snapshots} {removed}"))?;
            line(format_args!("the image can be restored to {} and to all later times", format_time(oldest.time)))?;
        }
    }
    Ok(Found::Nothing)
}
