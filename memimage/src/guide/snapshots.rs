//! Snapshots, restart times, memory, disk space, derived fields, and the retention of the journal.
//!
//! # What a snapshot is
//!
//! A *snapshot* is a file with the whole state after one event. Recovery loads the newest usable snapshot and replays the
//! later events. Snapshots only save time: if you delete all of them, the next start replays the whole journal. A
//! [pruned](#how-much-of-the-journal-is-kept) journal is replayed from its base.
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
//! # The speed of a restart
//!
//! Opening loads a snapshot and replays the later events. In one run of `cargo bench -p memimage --bench replay`, on a virtual
//! machine with two cores, replay took 47 ns for each event (a million events with four numbers each).
//!
//! # The cost of a snapshot
//!
//! 1. The state is hashed, serialized and synced in place, under the read lock. Commands wait until the read lock is released.
//!    Queries run until a command waits; new queries then wait behind that command. If snapshots are verified, [derived
//!    fields](#derived-fields) are hashed too.
//! 2. The snapshot is verified while commands go on: the library rebuilds the state from the previous snapshot and the events
//!    since, and compares it with the new snapshot. The rebuilt state takes as much memory as the model itself.
//!    [`verify_snapshots(false)`](crate::Options::verify_snapshots) turns verification off. Without verification, the journal
//!    gets no digests, and nothing finds a body that is not deterministic.
//!
//! # States that cannot be in a snapshot
//!
//! - A state must hold everything on which later commands depend. For example, the free list of a `slab::Slab` decides which
//!   key the next `insert` returns, but the `Serialize` of `Slab` does not write that list. If replay from a snapshot
//!   contradicts the journal, recovery goes back to an older snapshot, and finally to the first event. It moves the bad
//!   snapshot to the quarantine and reports it:
//!   [`RecoveryReport::unusable_snapshots`](crate::RecoveryReport::unusable_snapshots). From then on, the verification of a new
//!   snapshot also serializes and loads the replayed state at the bad snapshot's event. The image keeps the new snapshot only
//!   if replay from there still gives the state of the running image. Verification finds an incomplete snapshot only after a
//!   command has behaved differently on the loaded state. Use types that serialize completely, such as a `BTreeMap` and a
//!   counter.
//! - A state may be nested at most 512 levels deep, since hashing, loading and comparing it recurse on the stack. A value
//!   inside another one is a level: in a list of `Option<Box<Node>>`, each node counts as two levels. A deeper state gets no
//!   snapshot: [`ErrorKind::StateTooDeep`](crate::ErrorKind::StateTooDeep). Commands still run, and an opening replays all
//!   events since the last snapshot. Keep the nodes in a `Vec` or a map, and let them refer to each other by index. Dropping a
//!   deep state recurses on the stack too, unless the type has a `Drop` that does not recurse.
//!
//! # Failures
//!
//! If a snapshot cannot be written, or its verification fails, the library discards it and the image goes on.
//! [`Admin::snapshot`](crate::Admin::snapshot) returns the error;
//! [`Stats::snapshot_failure`](crate::Stats::snapshot_failure) holds the error of a snapshot that the policy started.
//!
//! # Memory and disk
//!
//! | | size |
//! | --- | --- |
//! | memory, while running | the model, and some MiB for batches |
//! | memory, while opening | the model, and one segment of the journal (up to 64 MiB) |
//! | memory, while a snapshot is verified, and after a panic in a body | the model a second time |
//! | disk, journal | all of it, unless a retention is set |
//! | disk, new image | less than 128 KiB |
//! | disk, next segment | preallocated once the current segment is half full: 256 KiB at first, later up to 64 MiB |
//! | disk, snapshots | two, or up to four with a retention, each with the size of the state |
//! | disk, base of a pruned journal | twice the size of the state |
//! | disk, each batch | at least 512 bytes; 4096 in the modes `Interval` and `Buffered`. If a thread waits for each command, each command is a batch |
//!
//! The options [`segment_bytes`](crate::Options::segment_bytes), [`batch_bytes`](crate::Options::batch_bytes) and
//! [`record_bytes_max`](crate::Options::record_bytes_max) change these sizes, in bytes.
//!
//! # Derived fields
//!
//! An index, a total, or other data that the stored fields determine, need not be stored. Mark the field, and specify a method
//! that fills it:
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use memimage::{Image, Model, Shape};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! #[model(rebuild = reindex)]
//! struct Staff {
//!     names: BTreeMap<u32, String>,
//!     #[model(derived)]
//!     #[serde(skip)]
//!     by_name: BTreeMap<String, u32>,
//! }
//!
//! impl Staff {
//!     fn reindex(&mut self) {
//!         self.by_name = self.names.iter().map(|(id, name)| (name.clone(), *id)).collect();
//!     }
//! }
//!
//! #[memimage::commands]
//! impl Staff {
//!     #[command]
//!     fn rename(&mut self, id: u32, name: String) {
//!         if let Some(before) = self.names.insert(id, name.clone()) {
//!             self.by_name.remove(&before);
//!         }
//!         self.by_name.insert(name, id);
//!     }
//! }
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("staff.image");
//! let staff = Image::<Staff>::open(&path)?;
//! staff.rename(7, "Ann".to_owned())?;
//! staff.admin().snapshot()?; // without `by_name`
//! Image::close(staff)?;
//!
//! let staff = Image::<Staff>::open(&path)?; // loads the snapshot and calls `reindex`
//! assert_eq!(staff.query(|staff| staff.by_name["Ann"])?, 7);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! The library calls the `rebuild` method on each state that it loads or creates (from a snapshot, a base, genesis, the model's
//! `Default`, or an upcaster), before any event is applied to that state. From then on the commands maintain the field. A
//! derived field is no part of the shape, the digest, snapshots and upcasters, so you can add, change or remove an index at any
//! time, and old snapshots stay usable.
//!
//! The method must produce the value that the commands maintain, including the order of a list, and empty entries. If the
//! method produced another value, a command could have another effect after a restart. Each test with `memimage::testing`
//! compares the rebuilt value with the maintained value, and reports the field, the difference, and the first event after which
//! the values differ. A running image compares the rebuilt and the maintained value when it verifies a snapshot, and discards
//! the snapshot if the values differ.
//!
//! - Tests and running images compare fields whose types derive `Shape` and `Serialize`. Tests also compare fields whose types
//!   are only `PartialEq`. A field of any other type is not compared. Use such a type for a cache whose content the stored
//!   fields do not determine.
//! - If the method panics on the state of a snapshot, recovery does not use this snapshot, and replays more of the journal.
//! - A type inside the model can have derived fields too; the model's `rebuild` method must fill them. Tests compare the
//!   derived fields of such a type if the model's field that contains the type is `PartialEq`; a running image does not compare
//!   them. An argument of a command cannot contain a type with derived fields.
//!
//! Do not hide a field from the library in another way, for example by a hand-written `Serialize` that leaves it out. A
//! snapshot loses such a field, and a digest, which is computed by the same `Serialize`, does not reveal the loss. Tests run
//! each command a second time, on a copy of the model that was loaded from a snapshot. The tests find a lost field only if a
//! later command uses the field.
//!
//! # How much of the journal is kept
//!
//! By default, the whole journal is kept. With [`Options::retention`](crate::Options::retention), the library deletes old
//! segments, and keeps at least a number of events (`Events`) or the events of a time span (`Period`):
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
//! Before the library deletes anything, it loads a snapshot that is old enough, replays the later events, and checks that the
//! result is the newest state. Then it stores two copies of this old snapshot, the *base*, and deletes the segments before the
//! base. With any retention, the state can be rebuilt from either of the two newest snapshots, and also from the base alone. A
//! retention has a price:
//!
//! - The events before the base are gone for good.
//! - Replay from the first event is impossible. If the model gets another shape, it needs an [upcaster of the
//!   state](super::changing_your_model#change-the-models-fields); without one, opening is refused.
//! - [`admin::rewrite`](crate::admin::rewrite()) is refused, because it needs the whole journal.
//!
//! Keep all events unless you are sure that nobody needs them.
