//! Snapshots, restart times, memory, disk space, derived fields, and the retention of the journal.
//!
//! # What a snapshot is
//!
//! A *snapshot* is a file with the whole state after one event. Recovery loads the newest usable snapshot and replays the
//! later events. Snapshots only save time: if you delete all of them, the next start replays the whole journal. A
//! [pruned](#how-much-of-the-journal-is-kept) journal is replayed from its base.
//!
//! By default the library makes a snapshot after each 64 MiB of journal, and keeps the newest two. (To look at [past
//! states](super::past_states#the-cost-of-a-past-state), keep more of them.)
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
//! A program with a large image can show how far the opening has come. [`Options::on_progress`](crate::Options::on_progress) sets
//! a callback, which gets the phase (loading the snapshot, then replaying the later events) and the share of it that is done:
//!
//! ```
//! # use memimage::{Image, Model, Shape};
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
//! let counter = Image::<Counter>::options()
//!     .on_progress(|progress| eprintln!("{:?}: {:.0} %", progress.phase, 100.0 * progress.share()))
//!     .open(&path)?;
//! # counter.add()?;
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! # The cost of a snapshot
//!
//! Commands go on while a snapshot is made, because it is written from a *replica*: the library loads the previous snapshot,
//! replays the events since, and writes the result. [`Options::snapshot_source`](crate::Options::snapshot_source) sets another
//! [source](crate::SnapshotSource):
//!
//! | source | commands wait while | memory | for |
//! | --- | --- | --- | --- |
//! | `Replica` | the running state is hashed, if that fits the [budget](#verification) | the model a second time | most models |
//! | `Clone(function)` | the function clones the model | a clone, then the replayed state | models that are cheap to clone, such as those of `imbl` or `Arc` trees |
//! | `InPlace` | the state is hashed, serialized and synced | the replayed state, afterwards | models of a few hundred KiB |
//!
//! A new snapshot is loaded once before it gets its name.
//!
//! # Verification
//!
//! The library compares the running state with the state that a replay of the journal gives. So it finds a body that is not
//! deterministic, or a snapshot that lacks part of the state, while the older snapshots still exist. If the states are equal, the
//! journal gets their digest.
//!
//! - `Clone` and `InPlace` write the running state, and a replay must give the same state.
//! - `Replica` writes the replayed state. To compare it, the running state must be hashed while commands wait. That is done if it
//!   takes at most the [`pause_budget`](crate::Options::pause_budget), which is 5 ms by default, enough for a state of a few MiB.
//!   Otherwise the states are compared when the image is closed, and whenever the program calls
//!   [`Admin::verify`](crate::Admin::verify). [`Stats::unverified_since`](crate::Stats::unverified_since) reports that a
//!   comparison is due. A program that is killed does not close its image: if your state is large, call `verify` when few commands
//!   run.
//!
//! [`verify_snapshots(false)`](crate::Options::verify_snapshots) turns verification off. Without verification, the journal gets no
//! digests, and nothing finds a body that is not deterministic.
//!
//! # Long reads
//!
//! [`Image::view`](crate::Image::view) reads the replica, so commands do not wait for it:
//!
//! ```
//! # use memimage::{Image, Model, Replica, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Shop { orders: Vec<u64> }
//! # #[memimage::commands]
//! # impl Shop {
//! #     #[command]
//! #     fn order(&mut self, cents: u64) { self.orders.push(cents); }
//! # }
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("shop.image");
//! let shop = Image::<Shop>::options().replica(Replica::Standing).open(&path)?;
//! shop.order(1_250)?;
//! let revenue = shop.view(|shop| shop.orders.iter().sum::<u64>())?; // however long it takes
//! assert_eq!(revenue, 1_250);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! By default the replica is made when a view or a snapshot needs it, which takes as long as opening the image, and is dropped
//! afterwards. That is enough for an occasional report. A [`Replica::Standing`](crate::Replica::Standing) always exists, and a
//! thread keeps it up to date. It takes the memory of a second model and part of a second core. Views run side by side, but a view
//! that needs newer events than the replica has, and a snapshot from the replica, wait for the views in progress. It also replaces the model after a
//! panic in a body, which otherwise takes a recovery from disk.
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
//! [`Stats::snapshot_failure`](crate::Stats::snapshot_failure) holds the error of a snapshot that the policy started. If the replica
//! was wrong, the next use makes another one.
//!
//! # Memory and disk
//!
//! | | size |
//! | --- | --- |
//! | memory, while running | the model, and some MiB for batches |
//! | memory, while opening | the model, and one segment of the journal (up to 64 MiB) |
//! | memory, while a snapshot is made, during a view, and after a panic in a body | the model a second time |
//! | memory, while a snapshot is made beside a standing replica | the model a second and a third time |
//! | disk, journal | all of it, unless a retention is set |
//! | disk, new image | less than 128 KiB |
//! | disk, next segment | 256 KiB once the first segment is half full, later up to 64 MiB, preallocated |
//! | disk, snapshots | two, or as many as [`keep_snapshots`](crate::Options::keep_snapshots) says; up to four with a retention if that is more; each with the size of the state |
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
//! result is the newest state. If all that is known about the newest state was computed from that snapshot or a later one, a
//! replay from a still older state must give the newest state too. If it does not,
//! [`Stats::retention_failure`](crate::Stats::retention_failure) reports it, and nothing is removed after this snapshot. Look into
//! it at once: a later snapshot may be pruned up to a state that was computed since the image was opened. Then it stores two copies of this old snapshot, the *base*, and deletes the segments before the
//! base. With any retention, the state can be rebuilt from either of the two newest snapshots, and also from the base alone. A
//! retention has a price:
//!
//! - The events before the base are gone for good.
//! - Replay from the first event is impossible. If the model gets another shape, it needs an [upcaster of the
//!   state](super::changing_your_model#change-the-models-fields); without one, opening is refused.
//! - [`admin::rewrite`](crate::admin::rewrite()) is refused, because it needs the whole journal.
//!
//! Keep all events unless you are sure that nobody needs them.
