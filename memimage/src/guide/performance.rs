//! What a command, a query, a replay and a snapshot cost, how to choose between them, and what memimage is not good at.
//!
//! # What things cost
//!
//! Measured on 2026-11-29 on a virtual machine with two cores, where a write with a sync takes 0.13 to 0.17 ms, with a model of
//! 10,000 accounts in a `HashMap`. `memimage/docs/PERFORMANCE.md` in the repository has the profiles.
//!
//! | what | a second | measured by |
//! | --- | --- | --- |
//! | the method alone, on a plain struct | 31 million | `cargo bench -p memimage` |
//! | a hand-written log with encoding, checksums, and one sync for each 100,000 commands | 19.5 million | |
//! | [`submit_all`](crate::Image::submit_all) of 100,000 commands, then a wait | 12 million | |
//! | [`submit`](crate::Image::submit) of 100,000 commands, then a wait | 7.6 million | |
//! | 64 threads, each with 40 unanswered commands | 2 million | |
//! | 64 threads that each wait for each command | 200,000 | |
//! | one thread that waits for each command | 7,700 | |
//! | a hand-written log with one write and one sync for each command | 7,200 | |
//! | replayed events, of a model that costs next to nothing | 11 to 14 million | `cargo bench -p memimage --bench replay` |
//!
//! All of these are in [`Durability::Synced`](crate::Durability::Synced): an answer is on disk. `cargo run --release -p
//! memimage-benches -- compare` runs the same transfers in other systems.
//!
//! # How to choose
//!
//! - **A call that waits** costs one sync, and shares it with all calls that wait at the same time. The more threads or tasks call
//!   the image, the more commands each sync carries.
//! - **A thread with much to do** should not wait for each command. Use `submit` and keep the [`Pending`](crate::Pending)s, or
//!   `submit_all` and [`submit_each`](crate::Image::submit_each), which take the image's lock once for up to 64 commands.
//! - **Durability**: [`Interval`](crate::Durability::Interval) and [`Buffered`](crate::Durability::Buffered) do not wait for
//!   syncs, so a power cut may take back answers. See [`durability`](super::durability).
//! - **Arguments**: numbers, texts and collections of them are passed to the body as they are. Arguments of your own types are
//!   encoded and decoded again first, which takes some 30 ns for a few numbers.
//! - **Reads**: a [`query`](crate::Image::query) takes the image's lock for reading, runs its closure on the model, and waits until
//!   what it saw is durable. Keep closures short, since commands wait meanwhile. For anything that takes more than a millisecond, use
//!   a [`view`](super::snapshots#long-reads), for which no command waits.
//! - **Snapshots**: the [source](super::snapshots#the-cost-of-a-snapshot) decides who waits.
//!
//! # What it is not good at
//!
//! - **Memory**: a snapshot and a view take the memory of a second model.
//! - **State that does not fit in memory**, and queries that nobody has written as a method: use a database.
//!
//! # Many images in one process
//!
//! An image that nobody uses has two open files, no thread, and less than 128 KiB on disk while its journal is short. It starts a
//! thread when it needs one, which ends after two seconds without work. An image in use has up to six open files, so an open file
//! limit (`ulimit -n`) of two per image and some dozens more is enough if few images are in use at once. At the limit, a call
//! returns an error that names the limit, and loses no event.
//!
//! To create an image takes ten syncs, and to open one takes four: some 2 ms and 1 ms on a good SSD. `cargo run --release -p
//! memimage-benches -- many` measures it.
//!
//! # Figures
//!
//! [`Admin::stats`](crate::Admin::stats) returns the figures of a running image: how many batches were written, how large they
//! were, how long their syncs took ([`Histogram`](crate::Histogram)s), how long the journal is on disk, how old the newest
//! snapshot is and how long its state, and how fast the last opening replayed the journal. They cost a few atomic operations for
//! each batch, and nothing for each command.
//!
//! With the feature `metrics`, the image also reports its figures to the recorder of the crate
//! [`metrics`](https://docs.rs/metrics), for example an exporter for Prometheus. Install the recorder before you open the image.
//! Each metric has two labels: `model`, the name of the model, and `path`, the directory of the image. So each image in a process
//! has its own series; drop the label `path` in the recorder if the process opens very many images.
//!
//! | metric | kind | what |
//! | --- | --- | --- |
//! | `memimage_events_total` | counter | events written to the journal |
//! | `memimage_batches_total` | counter | batches written to the journal |
//! | `memimage_journal_bytes_total` | counter | bytes of the batches |
//! | `memimage_batch_events` | histogram | events in a batch |
//! | `memimage_batch_bytes` | histogram | bytes of a batch |
//! | `memimage_sync_seconds` | histogram | the duration of a sync |
//! | `memimage_journal_disk_bytes` | gauge | the length of all segments on disk |
//! | `memimage_snapshots_total` | counter | snapshots made |
//! | `memimage_snapshot_failures_total` | counter | snapshots that were begun and could not be made |
//! | `memimage_snapshot_seconds` | histogram | the time from the start of writing a snapshot until it is installed |
//! | `memimage_snapshot_timestamp_seconds` | gauge | when the newest snapshot was made, since the Unix epoch; its age is the time since |
//! | `memimage_state_bytes` | gauge | the length of the encoded state in the newest snapshot |
//! | `memimage_recovery_seconds` | gauge | how long the opening took |
//! | `memimage_recovery_events_total` | counter | events replayed by openings |
//! | `memimage_recovery_bytes_total` | counter | bytes of replayed batches |
//!
//! The thread that writes a batch also reports it, after the callers that waited for the batch have been woken. A recorder that
//! panics harms no command. A recorder may submit commands, but a call in it that would wait for the journal returns an error.
