//! Figures of a running image.

use std::path::PathBuf;
use std::time::Duration;

use super::core::Shared;
use super::recovery_report::RecoveryReport;
use crate::context::Timestamp;
use crate::event::Model;
use crate::figures::Histogram;
use crate::history::{Parent, SubscriptionInfo};
use crate::seq::Seq;

/// Figures of a running image. [`Admin::stats`](crate::Admin::stats) returns them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// The image's directory; `memory.image` for an image without files.
    pub path: PathBuf,
    /// The name of the model in the journal.
    pub model: &'static str,
    /// The UUID of the image. A copy of the directory has the same UUID.
    pub uuid: [u8; 16],
    /// The image from which this image was rewritten or branched; `None` if it was created empty.
    pub parent: Option<Parent>,
    /// The last event executed.
    pub seq: Seq,
    /// The last event handed to the operating system.
    pub written_seq: Seq,
    /// The last event on disk.
    pub durable_seq: Seq,
    /// The epoch, which rises at each opening: 1 while the image is created, 2 after the first opening.
    pub epoch: u64,
    /// Batches written since the image was opened.
    pub batches: u64,
    /// Bytes of batches written since the image was opened.
    pub bytes: u64,
    /// The number of events in each batch that was written since the image was opened. Batches without events, such as those
    /// that declare a new event, are left out.
    pub batch_events: Histogram,
    /// The size of each batch that was written since the image was opened, in bytes.
    pub batch_bytes: Histogram,
    /// How long each sync of batches took since the image was opened, in nanoseconds. Syncs at the end of a segment are left
    /// out.
    pub sync_latency: Histogram,
    /// The length of the journal's segments on disk, in bytes, including the segment that is preallocated.
    pub journal_bytes: u64,
    /// The newest snapshot made since the image was opened.
    pub snapshot: Option<Seq>,
    /// The snapshots on disk, newest first. See [`Options::keep_snapshots`](crate::Options::keep_snapshots). Empty if the directory
    /// cannot be read now.
    pub snapshots: Vec<Seq>,
    /// The age of the newest snapshot, by the wall clock. If no snapshot was made since the image was opened, this is the age of
    /// the snapshot or base from which replay started; `None` if replay started from genesis.
    pub snapshot_age: Option<Duration>,
    /// The length of the encoded state and of the remembered requests in this snapshot, in bytes.
    pub state_bytes: Option<u64>,
    /// The number of request keys that the image remembers. Keys that are no longer remembered count until their memory is released.
    pub requests: u64,
    /// The memory of the remembered requests, in bytes: of their keys, their encoded answers, and the index.
    pub requests_bytes: u64,
    /// The first event from which on each request is remembered: the first of the last
    /// [`Options::remember`](crate::Options::remember) events, or a later one if the image was opened with a smaller number before
    /// and the journal no longer has the events. A retry of an older request is executed again.
    pub requests_since: Seq,
    /// The error of the last snapshot that the [`SnapshotPolicy`](crate::SnapshotPolicy) started; `None` if a snapshot has
    /// succeeded since.
    pub snapshot_failure: Option<String>,
    /// The first snapshot that was not verified; `None` if the last snapshot was verified, or if the state was verified since.
    /// See [`Options::pause_budget`](crate::Options::pause_budget).
    pub unverified_since: Option<Seq>,
    /// The last event in the standing replica; `None` if there is no such replica at this moment. See
    /// [`Options::replica`](crate::Options::replica).
    pub replica_seq: Option<Seq>,
    /// The last event in the base; `None` if the journal was never pruned. The base is the state that replaces the events that
    /// the [`Retention`](crate::Retention) has pruned.
    pub base: Option<Seq>,
    /// If the image failed to prune the journal or to remove old snapshots after the last snapshot, this is the error. The
    /// image is still complete, and tries to prune again after the next snapshot.
    pub retention_failure: Option<String>,
    /// The named subscription for which the image keeps events that the [`Retention`](crate::Retention) would have pruned after
    /// the last snapshot. See [`Options::retain_for_subscriptions`](crate::Options::retain_for_subscriptions).
    pub pruning_held_by: Option<String>,
    /// The named subscriptions, with their acknowledged positions. Empty if their files cannot be read now;
    /// [`Journal::subscriptions`](crate::Journal::subscriptions) returns the error.
    pub subscriptions: Vec<SubscriptionInfo>,
    /// How far the wall clock has jumped ahead of the monotonic clock since the image was opened; `None` if it made no jump of
    /// more than an hour. Events recorded since the jump have the wall clock's time, but retention ignores the jump. A
    /// virtual machine that was paused reports a jump too. See [`Admin::correct_time`](crate::Admin::correct_time).
    pub clock_jumped: Option<Duration>,
    /// The report of the recovery that opened the image.
    pub recovery: RecoveryReport,
}

impl<M: Model> Shared<M> {
    pub(super) fn stats(&self) -> Stats {
        let (snapshot, snapshot_failure, unverified_since, base, (retention_failure, pruning_held_by)) = {
            // in a child made by `fork`, a lock that another thread of the parent held at the fork is never released
            let progress = match self.process.is_current() {
                true => Some(self.progress.lock()),
                false => self.progress.try_lock(),
            };
            progress.map_or_else(Default::default, |progress| {
                let pruning = (progress.retention_failure.clone(), progress.held_by.clone());
                (progress.newest, progress.failure.clone(), progress.unverified_since, progress.base, pruning)
            })
        };
        // read in this order, the figures satisfy durable <= written <= executed even while other threads execute commands
        let durable_seq = self.journal.durable();
        let written_seq = self.journal.written();
        let (seq, figures) = (self.journal.executed(), self.journal.figures());
        let newest = figures.snapshot();
        Stats {
            path: self.layout.root().to_owned(),
            model: M::NAME,
            uuid: self.identity.uuid,
            parent: Parent::of(&self.identity),
            seq,
            written_seq,
            durable_seq,
            epoch: self.life.epoch,
            batches: figures.batches(),
            bytes: figures.bytes(),
            batch_events: figures.batch_events(),
            batch_bytes: figures.batch_bytes(),
            sync_latency: figures.sync_latency(),
            journal_bytes: figures.journal_bytes(),
            snapshot,
            snapshots: self.snapshots.list().unwrap_or_default().into_iter().map(|(seq, _)| seq).collect(),
            snapshot_age: newest.map(|newest| Timestamp::wall_clock().since(newest.created)),
            state_bytes: newest.map(|newest| newest.state_bytes),
            requests: self.requests.keys(),
            requests_bytes: self.requests.bytes(),
            requests_since: self.requests.since(seq, self.remember),
            snapshot_failure,
            unverified_since,
            replica_seq: self.standing_replica(),
            base,
            retention_failure,
            pruning_held_by,
            subscriptions: SubscriptionInfo::list(&self.disk, &self.layout, &self.identity.uuid).unwrap_or_default(),
            clock_jumped: self.clock.jumped(),
            recovery: self.recovery.clone(),
        }
    }
}
