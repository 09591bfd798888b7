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
//! | a hand-written log with encoding, checksums, and one sync for each 100,000 commands | 18 million | |
//! | [`submit_all`](crate::Image::submit_all) of 100,000 commands, then a wait | 10.5 to 12 million | |
//! | [`submit`](crate::Image::submit) of 100,000 commands, then a wait | 7.3 million | |
//! | 64 threads, each with 40 unanswered commands | 2 million | |
//! | 64 threads that each wait for each command | 200,000 | |
//! | one thread that waits for each command | 7,700 | |
//! | a hand-written log with one write and one sync for each command | 7,200 | |
//! | replayed events, of a model that costs next to nothing | 11 to 14 million | `cargo bench -p memimage --bench replay` |
//!
//! All of these are in [`Durability::Synced`](crate::Durability::Synced): an answer is on disk.
//!
//! # Beside other systems
//!
//! Transfers between 10,000 accounts, each refused if the account is short of money, a second; each is on disk before it is
//! answered. Medians of five interleaved rounds of `cargo run --release -p memimage-benches -- compare --rounds 5`, on 2026-11-29, on
//! a virtual machine with two cores. In the same process (a hand-written log encodes, checksums, writes and syncs each command or
//! batch, and has no lock in the two shapes with one thread):
//!
//! | shape | memimage | a hand-written log | SQLite | redb | fjall | airomem |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | one thread waits | 7.6 k | 7.5 k | 7.0 k | 4.5 k | 7.0 k | 4.3 k |
//! | 8 threads wait | 34.2 k | 25.6 k | 21.4 k | 14.3 k | 22.4 k | 17.2 k |
//! | 64 threads wait | 197 k | 183 k | 102 k | 71.2 k | 78.2 k | 115 k |
//! | 64 threads, 40 deep | 2.0 M | 4.3 M | 936 k | 548 k | 146 k | 864 k |
//! | one thread, 100,000 together | 12.3 M | 17.5 M | 1.2 M | 715 k | 243 k | 1.4 M |
//! | a writer beside readers | 5.9 k | 7.9 k | 6.2 k | 4.7 k | 7.9 k | 1.8 k |
//! | replay of the events | 10.5 M | 35.7 M | - | - | - | 16.3 M |
//!
//! Behind a socket, with clients in another process: the same model behind a small server, Redis with `appendfsync always` and a Lua
//! script, PostgreSQL with `synchronous_commit = on` and a prepared function:
//!
//! | shape, served | memimage | Redis | PostgreSQL |
//! | --- | --- | --- | --- |
//! | one client waits | 4.7 k | 4.5 k | 4.2 k |
//! | 64 clients wait | 89.4 k | 51.3 k | 15.2 k |
//! | 64 clients, 40 deep | 1.5 M | 157 k | 18.4 k |
//!
//! # Marks
//!
//! | mark | measured | |
//! | --- | --- | --- |
//! | bulk of one thread: 0.6 of the hand-written log | 0.70 with `submit_all`, 0.41 with `submit` | met with `submit_all` |
//! | 64 threads, each waiting: 25 times one thread | 26 times | met |
//! | one thread, waiting: 0.95 of a raw write and sync | 1.01 | met |
//! | 64 threads, 40 deep: 3 million a second | 2.0 million | missed: two cores for 64 threads and one lock |
//! | behind a socket, 40 deep: 3 times Redis | 9.5 times | met |
//! | behind a socket, waiting: 1.5 times Redis, 10 times PostgreSQL | 1.7 times, 5.9 times | missed for PostgreSQL |
//! | replay: 1.5 times decoding and applying by hand | 3.4 times | missed: [PERFORMANCE.md](https://docs.rs/crate/memimage/latest/source/docs/PERFORMANCE.md) has the profile |
//! | a matching engine: 0.5 of the bare engine, 6 million a second where that does 12 | 0.44, 4.1 million where it does 9.5 | missed: decoding its arguments |
//! | a snapshot of 1 GiB: p99.9 of commands at most 2 ms more | 3.4 ms more (5.2 ms instead of 1.9 ms) | missed: the disk syncs the snapshot too |
//! | an image at rest: 2 open files; 128 KiB on disk; 5 ms to make, 2 ms to open | 2; 88 KiB; 3.0 ms; 1.0 ms | met |
//!
//! # Growth and pauses
//!
//! Medians of five runs of `pause`, in milliseconds that a command took, with 1,000 commands a second of 8 threads:
//!
//! | model | beside | p50 | p99 | p99.9 | longest |
//! | --- | --- | --- | --- | --- | --- |
//! | 64 MiB | nothing | 0.21 | 0.83 | 4.7 | 5.7 |
//! | 64 MiB | snapshots, 0.8 s each | 0.26 | 6.5 | 14 | 15 |
//! | 64 MiB | views of 2 s, with a replica on demand | 0.27 | 1.1 | 4.6 | 5.5 |
//! | 64 MiB | queries of 2 s | 2,000 | 4,000 | 4,000 | 4,000 |
//! | 1 GiB | nothing | 0.21 | 0.50 | 1.9 | 2.7 |
//! | 1 GiB | a snapshot of 13.6 s | 0.27 | 1.6 | 5.2 | 7.9 |
//! | 1 GiB | views of 2 s, each with 4 s to make the replica | 0.25 | 0.94 | 4.3 | 5.5 |
//!
//! The longest wait beside snapshots comes from the removal of an old snapshot: a file system that is mounted with `discard` tells
//! the disk about all freed blocks at once. Without the removal, p99.9 was 5 ms.
//!
//! Medians of five runs of `scale`, with 10 bytes of snapshot an entry:
//!
//! | entries | open from a snapshot | snapshot | memory | p99 of a command |
//! | --- | --- | --- | --- | --- |
//! | 1,000 | 1.8 ms | 5.6 ms | 7 MiB | 0.22 ms |
//! | 100,000 | 7.0 ms | 21 ms | 11 MiB | 0.22 ms |
//! | 1,000,000 | 132 ms | 295 ms | 48 MiB | 0.22 ms |
//! | 10,000,000 | 1.8 s | 3.9 s | 293 MiB | 0.22 ms |
//!
//! | events to replay | open | events a second |
//! | --- | --- | --- |
//! | 10,000 | 3.4 ms | 3.0 million |
//! | 100,000 | 12 ms | 8.0 million |
//! | 1,000,000 | 97 ms | 10 million |
//! | 10,000,000 | 0.90 s | 11 million |
//!
//! A standing replica took 17 % from a thread in bulk, which replayed as much as it executed and left no core free, and nothing that
//! could be measured from eight threads that wait.
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
//! To create an image takes ten syncs, and to open one takes four: 3.0 ms and 1.0 ms here. `cargo run --release -p
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
//! | `memimage_state_bytes` | gauge | the length of the encoded state and of the remembered requests in the newest snapshot |
//! | `memimage_recovery_seconds` | gauge | how long the opening took |
//! | `memimage_recovery_events_total` | counter | events replayed by openings |
//! | `memimage_recovery_bytes_total` | counter | bytes of replayed batches |
//!
//! The thread that writes a batch also reports it, after the callers that waited for the batch have been woken. A recorder that
//! panics harms no command. A recorder may submit commands, but a call in it that would wait for the journal returns an error.
