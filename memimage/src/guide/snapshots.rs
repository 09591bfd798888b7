//! Restarts, memory and disk: what snapshots do, and how much of the journal is kept.
//!
//! # What a snapshot is
//!
//! A *snapshot* is a file with the whole state after one event. Recovery loads the newest usable one and replays the
//! events after it. Snapshots only save time: the journal is the truth. Delete all of them, and the next start replays
//! the whole journal. (Exception: a journal that was [pruned](#how-much-of-the-journal-is-kept).)
//!
//! By default the library makes a snapshot after each 64 MiB of journal, and keeps the newest two.
//! [`Options::snapshots`](crate::Options::snapshots) sets another [policy](crate::SnapshotPolicy), and
//! [`Admin::snapshot`](crate::Admin::snapshot) makes one at once:
//!
//! ```
//! # use memimage::{Image, Model, Shape, SnapshotPolicy};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Counter { count: u64 }
//! # #[memimage::commands]
//! # impl Counter {
//! #     #[command]
//! #     fn add(&mut self) { self.count += 1; }
//! # }
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("counter.image");
//! let counter = Image::<Counter>::options().snapshots(SnapshotPolicy::AfterEvents(1_000_000)).open(&path)?;
//! counter.add()?;
//! counter.admin().snapshot()?;
//! counter.add()?;
//! Image::close(counter)?;
//!
//! let counter = Image::<Counter>::open(&path)?;
//! let recovery = counter.admin().stats().recovery;
//! assert_eq!(recovery.snapshot.map(|seq| seq.get()), Some(1)); // loaded the state after event 1
//! assert_eq!(recovery.replayed, 1); // and replayed one more
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! # How fast a restart is
//!
//! Opening takes as long as loading a snapshot and replaying the events after it. In one run of
//! `cargo bench -p memimage --bench replay`, on a virtual machine with two cores, replay took 47 ns an event (a million
//! events of four numbers each).
//!
//! # What making one costs
//!
//! 1. The state is hashed, serialized and synced in place, under the read lock. Commands wait for that long. Queries go
//!    on until a command waits; from then on new queries wait behind it.
//! 2. The snapshot is verified, while commands go on: the library rebuilds the state from the snapshot before and the
//!    events since, and compares the two. This takes the model's memory a second time.
//!    [`verify_snapshots(false)`](crate::Options::verify_snapshots) turns it off; then only a later replay finds a body
//!    that is not deterministic.
//!
//! A snapshot that cannot be written, or differs, is thrown away, and the image goes on. `Admin::snapshot` returns the
//! error. For a snapshot made by the policy, [`Stats::snapshot_failure`](crate::Stats::snapshot_failure) has it.
//!
//! # Memory and disk
//!
//! | | how much |
//! | --- | --- |
//! | memory, while running | the model, and some MiB of batches |
//! | memory, while opening | the model, and one segment of the journal (up to 64 MiB) |
//! | memory, while a snapshot is verified, and after a panic in a body | the model a second time |
//! | disk, journal | all of it, unless a retention is set |
//! | disk, next segment | made in advance: 2 MiB for a new image, later 64 MiB |
//! | disk, snapshots | two of them, each with the size of the state |
//! | disk, each batch | at least 512 bytes; 4096 in the modes `Interval` and `Buffered`. Commands that wait one by one cost that much each |
//!
//! [`segment_bytes`](crate::Options::segment_bytes), [`batch_bytes`](crate::Options::batch_bytes) and
//! [`record_bytes_max`](crate::Options::record_bytes_max) change these sizes; all are in bytes.
//!
//! # How much of the journal is kept
//!
//! All of it, by default. [`Options::retention`](crate::Options::retention) lets the library delete old segments, and
//! keeps at least so many events (`Events`) or so long a time (`Period`):
//!
//! ```
//! # use memimage::{Image, Model, Retention, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Counter { count: u64 }
//! # #[memimage::commands]
//! # impl Counter {
//! #     #[command]
//! #     fn add(&mut self) { self.count += 1; }
//! # }
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("counter.image");
//! let counter = Image::<Counter>::options().retention(Retention::Events(10_000_000)).open(&path)?;
//! # counter.add()?;
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! Once a snapshot is old enough, and the newest state was rebuilt from it, the library stores it beside the journal in
//! two copies, as the *base*, and deletes the segments before it. Whatever is chosen, the state can still be rebuilt:
//! from the two newest snapshots, and from the base without any snapshot. What is lost:
//!
//! - the record of how the base came about, for good;
//! - replay from the first event. A program whose model has another shape needs an [upcaster of the
//!   state](super::changing_your_model#change-the-models-fields), or is refused;
//! - [`admin::rewrite`](crate::admin::rewrite()), which needs the whole journal.
//!
//! Keep everything unless you know that you need not.
