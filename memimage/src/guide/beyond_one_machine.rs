//! The machine dies: how does another machine have the data, and take over?
//!
//! The owner of an image can *ship* its journal to a [log](super::glossary#replication) on other machines. From the log, standbys
//! keep copies that can take over, and an image can be restored as of any time. The log is an engine that exists already: object
//! storage, or a stream of NATS JetStream. Replication is in the crate
//! [`memimage-replication`](https://docs.rs/memimage-replication). Its first page has a tested example; those here that need the
//! crate are not compiled.
//!
//! To survive the death of a process, a [follower](super::standby) on the same machine is enough. Against mistakes and for
//! archives, [backups](super::backup) are enough.
//!
//! # Which engine?
//!
//! | | object storage: `s3://`, `gs://`, `az://` | JetStream: `nats://` | a directory: `file://` |
//! | --- | --- | --- | --- |
//! | for | backup by the second, restore by time, cheap standbys | answers that must be on several machines, fast takeover | tests; a disk that another machine can mount |
//! | an append takes | tens of milliseconds in a cloud | a round trip between three servers, and their syncs | a sync |
//! | costs | each request, and the bytes | three servers, and three times the bytes on their disks | the disk |
//! | an acknowledged entry is lost with | the provider | two of three servers, or all, [as they are set](#what-the-promises-of-an-engine-are-worth) | that disk |
//! | needs | a store that honours `If-None-Match: *`; each handle verifies this before its first append | three servers with `sync_interval: always`; other settings are refused, unless allowed by name | a file system with exclusive creation and `fsync` |
//!
//! An engine of one's own implements the trait `RemoteLog`, and passes the suite in `memimage_replication::testing` (feature
//! `testing`). An engine needs to promise one thing: of all appends at one position, at most one takes effect.
//!
//! # The owner
//!
//! ```ignore
//! use std::time::Duration;
//! use memimage::replication::{Acknowledge, MaxLag};
//! use memimage_replication::Log;
//!
//! let log = Log::open("s3://backups/bank")?     // credentials come from the environment
//!     .lease(Duration::from_secs(6))            // for standbys that take over by themselves
//!     .retain(Duration::from_secs(30 * 86_400)) // restores go back at least 30 days
//!     .ship_snapshots(true);                    // the default
//! let status = log.clone();                     // clones share what is known about the log
//!
//! let bank = Image::<Bank>::options()
//!     .replicate(log, Acknowledge::Local { max_lag: MaxLag::default() })
//!     .open("bank.image")?;
//! bank.deposit(7, 100)?;
//! println!("shipped: {}", status.status().shipped);
//! ```
//!
//! The URL of a stream also says how its servers sync: `nats://10.0.0.1:4222,10.0.0.2:4222/BANK?sync_interval=always`.
//!
//! Opening *claims* the log: it appends an entry that names this owner. The image opens only if the claim is in the log. If the
//! local disk has lost events that the log has, opening brings them back first.
//!
//! Closing ships the rest, for up to ten seconds. If the log does not get it in this time, the image is closed nevertheless,
//! and [`Image::close`](crate::Image::close) returns an error of the kind `Replication` that names the events that are on the
//! local disk only. Only opening the directory as the owner again ships them; until then, the loss of the machine loses them.
//! A snapshot that is not in the log yet is not waited for: the next owner ships it, and a restore without it reads more
//! entries. An image that is dropped is closed in the same way, but the error only goes to the log of the program.
//!
//! [`Acknowledge`](crate::replication::Acknowledge) determines when a command is answered:
//!
//! | | [`Local`](crate::replication::Acknowledge::Local) | [`Remote`](crate::replication::Acknowledge::Remote) |
//! | --- | --- | --- |
//! | an answer means | the local disk has the event | the local disk and the log have it |
//! | latency of a command | that of the disk | the longer one of the disk's and the log's: both run side by side |
//! | commands a second | as without a log | as many, if enough callers wait at once: one append carries all frames that gathered during the append before |
//! | while the log cannot be reached | commands go on, up to `max_lag` | no command is answered |
//! | the loss of the machine loses (RPO) | the events that were not shipped: those of some tens of milliseconds, at most `max_lag` | no answered command |
//! | a standby takes over after (RTO) | the [lease](#figures) | the same |
//!
//! With `Remote`, queries, views and subscriptions also show only what the log has. The *lag* of `Local` is bounded by bytes and
//! by time. Beyond the bound, commands wait, or fail and are not executed:
//!
//! ```
//! use std::time::Duration;
//! use memimage::replication::{Acknowledge, MaxLag};
//!
//! let max_lag = MaxLag::new(16 << 20, Duration::from_secs(5)).fail();
//! let acknowledge = Acknowledge::Local { max_lag };
//! # assert_eq!(max_lag.time(), Duration::from_secs(5));
//! # drop::<Acknowledge>(acknowledge);
//! ```
//!
//! | [`ErrorKind`](crate::ErrorKind) | when | what to do |
//! | --- | --- | --- |
//! | `Fenced` | another owner has taken over. The image is poisoned; the outcome of the commands that waited is unknown | [become a standby](#when-the-old-owner-comes-back) |
//! | `OtherOwner` | opening: another directory has claimed the log last, or the log is that of another image | open a standby and promote it; or stop the other owner, and claim by `Log::take_over(true)` |
//! | `Locked` | opening, or a sidecar: another process ships this directory to this log, or has it open | the message names the process: end it, or do without a second one |
//! | `InvalidOption` | opening: the log is a directory inside the image's | a directory of its own, better on another disk |
//! | `Replaced` | opening: the directory and the log have different histories | the message names the choices |
//! | `Replication` | opening, `confirm_owner`: the log cannot be reached, or refuses the call. `close`: the log lacks the last events | correct the cause; a running owner tries again by itself; after a close, open the directory as the owner again |
//! | `Corrupt` | opening, or a standby: an entry is damaged or missing; the message contains its position | `memimage remote check`; a new log from an intact image |
//! | `ReplicationLag` | `MaxLag::fail`: the log is too far behind | try again later |
//!
//! If a running owner cannot read its own journal for a while, such as because the process has too many open files, it ships
//! nothing, and tries again. Commands with `Remote` wait meanwhile, `Log::status` shows the failure, and the log of the
//! program warns. The owner keeps its lease. A journal that is damaged, gone, or replaced by another one poisons the image.
//!
//! Which directory owns a log is recorded in the directory, in the file `replication/<id of the log>`. So a restart of the same
//! directory claims the log again, and a new directory on another machine does not take it by mistake. A plain copy of the
//! directory (`cp -r`) has the file too, and takes the log like the original. Copy with `memimage backup`, which leaves the
//! file out, or delete `replication/` in the copy before you open it. On one machine, a lock beside this file
//! (`<id of the log>.lock`) belongs to the process that ships the directory to the log: a second one, such as a sidecar beside a
//! program that replicates, is refused with the kind `Locked`, also with `take_over(true)`.
//!
//! An owner does not read the middle of its log: after a restart it reads the end, and what its disk has lost. Run
//! `memimage remote check URL --deep` regularly, so that damage is known before a restoration needs the entries.
//!
//! If the target is full, commands with `Remote` wait, and those with `Local` go on up to `max_lag`. The owner tries again
//! until there is space. Watch `status().failure` of the log: it is the reason, as long as there is one.
//! `status().position` is the position at which the owner appends next, one more than that of the last entry.
//!
//! # Standbys
//!
//! ```ignore
//! let log = Log::open("s3://backups/bank")?.lease(Duration::from_secs(6)).poll(Duration::from_millis(500));
//! let standby = Standby::<Bank>::options().acknowledge(acknowledge).open(log, "bank-standby.image")?;
//!
//! println!("{}", standby.query(|bank| bank.accounts[&7])?);
//! println!("{} events, read {:?} ago", standby.lag()?.events, standby.lag()?.time);
//! let bank = standby.promote()?;                           // now, by your decision
//! // or: let bank = standby.auto(Duration::from_secs(6))?; // once the owner's lease has run out
//! ```
//!
//! A standby has a directory of its own. It begins with the newest snapshot in the log, and reads the entries from the
//! beginning of the segment with the snapshot's last event on, so some of them are older than the snapshot. It writes a journal
//! of its own, byte for byte that of the owner, and replays it in memory. After a restart it goes on where it was. Any number
//! of standbys can follow one log. A [sidecar](#the-verbs) can also ship the directory of a standby to a second log, which
//! further standbys read. `Standby::options().image(…)` takes the [`Options`](crate::Options) of the image that a promotion
//! opens, with its keys. A promoted image has `Acknowledge::Remote`, unless `acknowledge` says otherwise.
//! [`examples/failover`](https://github.com/OWNER/memimage/blob/main/examples/failover/README.md) is a service whose members
//! are owner and standbys in turn.
//!
//! A standby shows what the log had at its last poll, so its answers can be old. `wait(seq)` waits for an event, such as the
//! client's last write.
//!
//! # What happens in a takeover?
//!
//! 1. The owner dies, is poisoned, or loses its connection. It appends nothing any more, not even the *heartbeat* that an owner
//!    with a lease appends when it has appended nothing else for a third of the lease.
//! 2. A standby in `auto` reads the end of the log again and again. Once all reads of a whole lease have succeeded and shown no
//!    new entry, it tries to take over. A read that fails starts the lease again: who cannot see the log cannot judge the owner.
//! 3. The standby reads the log to its end, and appends a *claim* there, with the next *term*. If the owner or another standby is
//!    faster, the position is taken; then the standby reads on, and follows whoever has it.
//! 4. The claim is in the log. The standby opens its copy as an image, and begins to ship.
//! 5. If the earlier owner still lives, its next append finds its position taken by the claim. It is *fenced*: its image is
//!    poisoned, with an error that names the new owner and the term, and no command that waited gets an answer. It cannot append
//!    elsewhere, because each owner appends only behind its own last entry.
//!
//! Clocks decide only *when* somebody tries to take over. If they are wrong, or if the owner was paused and goes on, a takeover
//! may be needless or late, but there are never two owners at one position: that follows from the append alone. An owner that
//! does not know yet that it is fenced can answer with `Local`, and these are the events that are set aside later; with `Remote`
//! it answers no command.
//!
//! After an append that timed out, nobody knows whether the entry is in the log. The owner reads that position. If its own bytes
//! are there, the append is done. If other bytes are there, it is fenced. If nothing is there, it appends the same bytes at the
//! same position again.
//!
//! # Reads that are not stale
//!
//! A query on an owner needs no round trip, so an owner that was just superseded can still answer queries from its old state.
//! Where that matters, confirm first:
//!
//! ```ignore
//! log.confirm_owner(Duration::from_secs(1))?; // appends an entry, and waits until the log has it
//! let balance = bank.query(|bank| bank.accounts[&7])?;
//! ```
//!
//! With `Remote`, the query then shows the effect of every command that any owner has acknowledged before the call. One
//! confirmation serves all callers that wait at the same time.
//!
//! # When the old owner comes back
//!
//! Opening its directory as an owner is refused with `OtherOwner`. Open it as a standby. If all its events are in the log, it
//! goes on as a copy. If not, they are *set aside*, by the choice of an operator:
//!
//! ```ignore
//! let standby = Standby::<Bank>::options().set_aside_unshipped(true).open(log, "bank.image")?;
//! if let Some(aside) = standby.set_aside() {
//!     eprintln!("{} events are in {}", aside.events(), aside.path.display());
//! }
//! ```
//!
//! ```sh
//! memimage set-aside bank.image --from s3://backups/bank   # the same, before the program is started
//! memimage log bank.image.aside-1 --from 1235              # what was not shipped
//! ```
//!
//! The directory is renamed, and is an image of its own. The directory of the present owner is refused: nobody has taken over,
//! so open it as the owner, or `ship` it. Nothing is merged: later events of the new owner may contradict the set-aside ones.
//! Read the list, and execute again what is still wanted. With `Remote`, no acknowledged command is among them, but commands
//! can be whose callers got an error with an unknown outcome.
//!
//! # The verbs
//!
//! ```sh
//! memimage ship bank.image --to s3://backups/bank --retain 30d  # a sidecar: beside the owner, without its program and keys
//! memimage restore bank.image --from s3://backups/bank
//! memimage restore before.image --from s3://backups/bank --until "2026-11-30 12:00"  # or the number of an event
//! memimage remote info s3://backups/bank           # owner, term, events, snapshots; what of it is damaged
//! memimage remote check s3://backups/bank --deep   # reads and verifies everything; exit code 1 if anything is damaged
//! memimage remote prune s3://backups/bank --older-than 30d --dry-run
//! ```
//!
//! - `ship` makes any image replicated, as with `Local`, but without `max_lag`: the owner does not know about it, and does
//!   not wait for it. It is refused if the program replicates to the same log, or if another sidecar ships to it. A takeover
//!   fences the sidecar, but not the owner: end the owner first. The owner must not prune what is not shipped yet.
//! - `restore` begins with the newest snapshot that is old enough, and needs the entries from the beginning of its segment on.
//!   It verifies each entry, and checks the image before it gets its name. The restored image has a history of its own, and
//!   needs a log of its own.
//! - `remote check` also says up to which events an image can be restored. If the log is damaged, restore there, or let an
//!   owner whose journal is intact begin a new log at another URL.
//! - The verbs that read create nothing: a directory or stream that does not exist is an error.
//! - `memimage_replication::add_verbs` adds these verbs to one's own [tool](super::looking_inside). `Restore` is the same in
//!   code.
//!
//! # Retention
//!
//! Without `retain`, the log keeps everything. With it, each new snapshot in the log is followed by a pruning: the log keeps
//! the newest snapshot that is at least as old as `retain`, all later ones, and the entries from the beginning of its segment
//! on, so a restore to any time within `retain` works, and there is never a gap. Without snapshots, nothing is pruned. A
//! standby that was down for longer than the log reaches back says so (`Pruned`): open it in an empty directory.
//!
//! # What it costs
//!
//! | request | object storage | JetStream |
//! | --- | --- | --- |
//! | an append | 1 HEAD, to verify that the entry before is still there, and 1 PUT, with all frames that have gathered: with `Local` for 20 ms (`Log::gather`), with `Remote` during the append before. If the owner's last append is ten seconds old, some 5 GETs more | 1 message, stored three times |
//! | an owner at rest with a lease `L` | 1 HEAD and 1 PUT each `L`/3 | 1 message each `L`/3 |
//! | a standby's poll, each `Log::poll` (100 ms for paid storage opened by `Log::open`, otherwise 10 ms, unless set) | 1 GET, and each 16th poll 3 requests or 5 | 1 request |
//! | merging of 256 old entries into one object | 256 GETs, 1 PUT, and the removals; to look for such entries, some 3 GETs each ten seconds | none |
//! | a snapshot | its bytes, in parts | its bytes, in messages of 128 KiB |
//!
//! A PUT is some ten times as expensive as a GET or HEAD. With 5 USD for a million PUTs and 0.40 USD for a million of the
//! others (about the prices of the standard class of S3):
//!
//! | setting | requests a month of 30 days | USD |
//! | --- | --- | --- |
//! | a standby with the default poll of 100 ms | 29 million GETs and more | 12 |
//! | a standby with `poll(1 s)` | 2.9 million GETs | 1.20 |
//! | an owner at rest, `lease(3 s)` | 2.6 million PUTs and HEADs | 14 |
//! | an owner at rest, `lease(24 s)` | 0.32 million PUTs and HEADs | 1.70 |
//! | an owner under constant load, `Local`, `gather(20 ms)`, appends of 20 ms | 65 million PUTs and HEADs, merged later | 380 |
//! | the same with `gather(1 s)` | 2.5 million PUTs and HEADs | 15 |
//!
//! So on paid storage, set `poll` and `gather` to what the data are worth: together they are the time that a loss of the machine
//! can take, and the age of a standby's answers. Requests within a region usually carry no price for bytes; those out of it do.
//!
//! The log has the bytes of the journal as they are on disk, plus some 200 bytes for each entry and the padding between frames:
//! with small batches, half a sector each.
//!
//! # Figures
//!
//! Three `nats-server` nodes with `sync_interval: always`, or one SeaweedFS server, on the loopback of one virtual machine with
//! two cores, on which the owner, two standbys and the clients run too. A lease of 500 ms, 4 clients, 50 kills of the owner. A
//! takeover is measured from the kill to the first answer of the new owner.
//!
//! | engine and mode | takeover, median | takeover, worst | lost | unshipped events at a kill |
//! | --- | --- | --- | --- | --- |
//! | JetStream, `Remote` | 536 ms | 570 ms | 0 of 23,134 | - |
//! | JetStream, `Local` | 538 ms | 574 ms | 1,838 of 225,027, all set aside | 37 |
//! | S3 (SeaweedFS), `Remote` | 541 ms | 555 ms | 0 of 23,705 | - |
//! | S3 (SeaweedFS), `Local` | 537 ms | 549 ms | 3,256 of 465,801, all set aside | 65 |
//! | an append of 1 KiB, JetStream | 1.6 ms | 3.2 ms (99 %) | | |
//! | an append of 4 KiB, SeaweedFS | 2.3 ms | 2.9 ms (99 %) | | |
//!
//! The first four rows are the last lines of these commands; the last column is `set_aside` divided by `rounds`:
//!
//! ```sh
//! examples/failover/run.sh --engine nats --mode remote --rounds 50
//! examples/failover/run.sh --engine nats --mode local --rounds 50
//! examples/failover/run.sh --engine s3 --mode remote --rounds 50
//! examples/failover/run.sh --engine s3 --mode local --rounds 50
//! cargo test -p memimage-replication --test nats an_append_takes -- --nocapture
//! cargo test -p memimage-replication --test object_store an_append_takes -- --nocapture
//! ```
//!
//! Most of a takeover is the lease. A takeover takes between two thirds of the lease and the whole lease plus an eighth, then
//! a poll, an append, and the replay of what the standby has not replayed yet. `auto` refuses a poll that is longer than an
//! eighth of the lease. A lease should be several times as long as the longest append, or standbys take over from an owner
//! that is only slow: harmless, but needless.
//!
//! # What the promises of an engine are worth
//!
//! The log is a copy. The local journal stays the truth: in [`Durability::Synced`](crate::Durability::Synced) it is synced before
//! an answer in both modes, it has checksums and a chain of its own, and the library proves after each crash which events it must
//! have. An engine is somebody else's software with somebody else's settings:
//!
//! - **NATS JetStream.** [Jepsen's report on NATS 2.12.1](https://jepsen.io/analyses/nats-2.12.1) (December 2025) found that
//!   acknowledged messages were lost when servers lost power, because the servers sync every two minutes by default, and not
//!   before they acknowledge. It also found losses after damage to the files of a minority of servers. So all servers must sync
//!   always. Opening a log asks how it is set: say it in the URL (`?sync_interval=always`), let the servers be asked
//!   (`SyncInterval::Ask`), or accept what is unknown by name. Against damaged files, that setting does not help: readers verify
//!   each entry, and refuse a log that lacks any.
//! - **S3.** Reads and listings are strongly consistent since December 2020, and a PUT can require that the object does not exist
//!   (`If-None-Match: *`) since August 2024. Google Cloud Storage and Azure have had such preconditions for longer. Stores that
//!   are compatible with S3 may ignore the header; a handle finds that out before its first append, and refuses the store. A
//!   listing is never relied upon for correctness.
//! - **A directory** (`LocalFileSystem` of the crate `object_store`) links a complete file to a free name, and the handle syncs
//!   it. It is as good as the disk. On NFS, it depends on the server.
//!
//! Each entry contains its position, the term, the id of the log, the hash of the entry before it, and its own hash (BLAKE3). So
//! a reader notices an entry that is damaged, missing, repeated or swapped, and refuses it with its position.
//!
//! If the log lost its end, the owner notices. Before each append, and so before each acknowledgement, heartbeat and answer
//! of `confirm_owner`, the engine verifies that the owner's entry before is still there: JetStream by the sequence that the
//! append expects, object storage and a directory by a request of their own. A close verifies it, too. So a bucket that is
//! emptied, files that are removed, or a directory that shows because a disk was unmounted from it, cost no later command:
//! with `Remote`, no command is acknowledged after the loss, except those of an append that was in flight at that moment;
//! with `Local`, those of the time until the next append (`Log::gather`) are, by the local disk. Nothing is appended behind
//! the gap. The image is poisoned, and the error names the position. Its journal has all events: bring the storage back, if
//! it was unmounted or moved, and open the image again, which ships what the log lacks. An owner that appends nothing, such
//! as one without a lease and without commands, notices at its next append or at its close. Only the last entry is looked at:
//! damage further back is found by `memimage remote check`, by readers, and by the next opening.
//!
//! A standby notices it, too, also if nothing is appended: it reads its last entry again now and then, and before a takeover.
//! Then `lag` and `auto` return an error of the kind `Corrupt` with the choices, and an operator decides; queries are still
//! answered. If a majority of servers and the owner are lost together, what only they had is lost.
//!
//! # How far does it go?
//!
//! One owner writes, and everything it executes is in one order. That is simple to reason about, and it is the limit. Before you
//! share the load of a model between several images (*sharding*), measure what limits it. A simulation of one writer a model with
//! N shards:
//!
//! ```sh
//! cargo run --release -p memimage-benches -- sharding
//! ```
//!
//! A batch takes 2 ms until it is durable, 4,096 commands are in flight, and 5 % of the second steps are refused and compensated.
//! A command that touches two shards has two durable steps: reserve on one, then commit on the other. Each shard has a machine of
//! its own, and all keys are equally busy. Thousand commands a second: median and 99 % latency in ms.
//!
//! Small commands, 0.5 µs each, as in [performance](super::performance#what-things-cost):
//!
//! | on two shards | 1 shard | 2 shards | 4 shards | 8 shards | 16 shards |
//! | --- | --- | --- | --- | --- | --- |
//! | 0 % | 1,024: 4.0 4.0 | 1,024: 4.0 4.0 | 1,024: 4.0 4.0 | 1,024: 4.0 4.0 | 1,024: 4.0 4.0 |
//! | 1 % | 1,024: 4.0 4.0 | 1,024: 4.0 4.0 | 1,024: 4.0 4.0 | 1,024: 4.0 8.0 | 1,024: 4.0 4.0 |
//! | 10 % | 1,024: 4.0 4.0 | 931: 4.0 8.0 | 931: 4.0 8.0 | 931: 4.0 8.0 | 931: 4.0 8.0 |
//! | 50 % | 1,024: 4.0 4.0 | 661: 4.0 12.0 | 661: 8.0 12.0 | 661: 8.0 12.0 | 661: 4.0 12.0 |
//!
//! Long commands, 50 µs each:
//!
//! | on two shards | 1 shard | 2 shards | 4 shards | 8 shards | 16 shards |
//! | --- | --- | --- | --- | --- | --- |
//! | 0 % | 20: 204.0 206.0 | 40: 102.0 114.0 | 80: 50.0 70.0 | 160: 26.0 42.0 | 320: 12.0 22.0 |
//! | 1 % | 20: 204.0 206.0 | 40: 102.0 108.0 | 79: 48.0 86.0 | 158: 24.0 42.0 | 318: 12.0 26.0 |
//! | 10 % | 20: 204.0 206.0 | 36: 114.0 208.0 | 72: 56.0 120.0 | 144: 28.0 64.0 | 288: 14.0 36.0 |
//! | 50 % | 20: 204.0 206.0 | 26: 200.0 312.0 | 52: 82.0 160.0 | 105: 36.0 82.0 | 209: 18.0 46.0 |
//!
//! With 64 waiting callers, 0.15 ms a batch and one shard, the simulation gives 213,000 commands a second; an image measured
//! 197,000.
//!
//! - **Sharding does not pay while callers wait for durability**, as in the first table: the batches limit the rate, and they are
//!   as frequent with one shard. More commands in flight raise it, up to the rate of execution (2 million a second here).
//!   Commands across shards only lose.
//! - **It pays when execution limits the rate**, or memory does: N shards execute N times as much, if few commands cross.
//! - **Commands that cross cost twice**: a second execution, and a second wait. With half of them crossing, two shards give 1.3
//!   times one shard. If more than a tenth of the commands would cross, look for another key, or stay with one image.
//!
//! How to shard by image:
//!
//! - Give each shard an image, a directory and a log of its own. Choose the shard by a stable hash of the key that most commands
//!   have in common (the account, the tenant). Begin with more shards than machines, because the number of shards is hard to
//!   change later: it is easy to move a whole image, by promoting its standby elsewhere.
//! - A command across shards is a *saga*: the first shard reserves, the second commits, and if it refuses, the first compensates.
//!   Give each step a [request key](super::retries), so that each is executed once, however often it is sent. Send the steps from
//!   a named [subscription](super::subscriptions) of the first shard, so that a crash between them is made up for.
//! - Between the steps, others see the reservation. If no one may, both keys must be in one shard.
//!
//! # What it does not do
//!
//! - *Several writers.* One owner executes commands; standbys answer queries.
//! - *Automatic membership.* Nobody assigns roles, restarts machines or moves addresses. `auto` decides who owns the log; that
//!   clients find the owner is up to you. A name server, a proxy or a list to try in turn does it.
//! - *Consistent reads of several shards at once*, or transactions across them.
//! - *Snapshots by a standby.* It copies the journal, and does not prune its copy or make snapshots of it before it is promoted.
//!   After a restart it replays from where its copy begins. Give a standby an empty directory now and then, or its restarts
//!   become slow.
//! - *Automatic return.* A fenced owner stays poisoned until the program opens it as a standby.
//! - *A merge* of what was set aside.
//! - *Two logs in step.* A [sidecar](#the-verbs) can ship an image to object storage whose owner replicates to JetStream. It
//!   ships what the local disk has. After a takeover that set events aside, its log has these events, and the new owner's sidecar
//!   needs a new log.
