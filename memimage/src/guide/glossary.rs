//! The terms of this library, and their names in other systems.
//!
//! # Models and commands
//!
//! | word | definition | elsewhere |
//! | --- | --- | --- |
//! | *model* | the Rust value that holds a program's whole state | state machine, aggregate; the prevalent system (Prevayler) |
//! | *command* | a method of the model that may change it, recorded when it is executed | transaction, operation |
//! | *check* | a method that may refuse a command before it is recorded | validation, precondition |
//! | *refusal* | the error that a check returns; it is not recorded | |
//! | *rejected* command | a command whose body returned an error; it is recorded, and runs again on replay | aborted transaction |
//! | *payload* | the arguments of a command as a struct | message body |
//! | *request* | a command with a *request key*, which is executed once and whose retries get the first answer | idempotency key |
//! | *event* | the journal's record of one executed command | log entry, redo record |
//! | *image* | a directory with journal and snapshots; in a program, [`Image<M>`](crate::Image), the running model whose events this directory stores | database |
//! | *query* | a read of the model whose result rests on durable events only | read concern `majority` (MongoDB) |
//! | *shape* | the structure of a type, stored with the events | schema |
//! | *fingerprint* | a 64-bit hash of a shape | schema id |
//! | *shape lock* | the committed file that holds the shapes of a program's events | schema registry |
//! | *upcaster* | a function from a past version of a payload, or of a model, to the next one | schema migration |
//! | *digest* | a 64-bit hash of a state, to compare two replays | state hash, checksum |
//!
//! # Journal
//!
//! | word | definition | elsewhere |
//! | --- | --- | --- |
//! | *journal* | the append-only record of all events | write-ahead log (WAL), redo log, commit log, AOF (Redis) |
//! | *seq* | the number of an event: 1, 2, 3 … | log sequence number (LSN), index (Raft), offset (Kafka) |
//! | *segment* | one file of the journal | WAL segment (PostgreSQL), log file |
//! | *batch* | the events that are written and synced together | group commit |
//! | *frame* | the form of a batch on disk, with header and checksums; some frames hold shapes, a digest or another mark instead of events | block, WAL record |
//! | *record* | one event inside a frame | log record |
//! | *origin* | the seq under which an event was first recorded; a rewrite keeps it, with a part number if one event became several | |
//! | *bridge* | a frame that a repair writes in place of damaged frames, so that the intact frames after it can be read | |
//! | *genesis* | the state before event 1 | initial state |
//! | *epoch* | a number that grows by one each time a process opens the image for writing or repairs it | term (Raft), leader epoch (Kafka) |
//! | *life* | the period from one opening of an image for writing to the next; it has an epoch and a random id | term (Raft) |
//! | *timeline* | one of several diverged histories of an image, for example after a copy was used on its own | timeline (PostgreSQL), fork |
//! | *durable watermark* | the last event that is known to be synced, stored in `journal/durable` | flushed LSN, commit index |
//! | *poisoned* image | a running image after a failed write or sync of its journal: every call fails until it is reopened | PANIC after a failed fsync (PostgreSQL) |
//! | *subscription* | a reader that gets each durable event, in order; a *named* one remembers what was acknowledged | consumer, consumer group (Kafka), durable consumer (NATS), replication slot (PostgreSQL) |
//! | *acknowledged* event | an event whose side effects are done, according to the subscriber | committed offset (Kafka) |
//! | *void* event | an event that replay skips, by a recorded decision | skipped transaction |
//!
//! # Snapshots and recovery
//!
//! | word | definition | elsewhere |
//! | --- | --- | --- |
//! | *snapshot* | a file with the whole state after one event | checkpoint; RDB file (Redis) |
//! | *verification* | comparing the running state with the state that a replay gives | restore test |
//! | *replica* | a second copy of the model in the same process, made by replay; snapshots are written from it | read replica |
//! | *follower* | a copy of the model in another process on the same machine, which follows the journal of the owner | read replica, hot standby (PostgreSQL), follower (Kafka, Raft) |
//! | *promotion* | a follower becomes the owner of its image | promotion, failover |
//! | *view* | a read of the replica, for which commands do not wait | long-running read, analytical query |
//! | *recovery* | loading the newest usable snapshot and replaying the later events | crash recovery |
//! | *replay* | executing recorded events again, without their checks | redo, roll forward |
//! | *retention* | how much of the journal is kept | log retention (Kafka) |
//! | *base* | the state at which a pruned journal begins, stored beside it in two copies | base backup |
//! | *backup* | a complete copy of an image up to a synced event; its first opening makes it an image of its own | base backup (PostgreSQL), checkpoint copy |
//! | *rewrite* | writing a new journal with each event at its newest version | log migration, copy-and-transform |
//!
//! # Replication
//!
//! | word | definition | elsewhere |
//! | --- | --- | --- |
//! | *log* | a sequence of entries on other machines, to which the owner of an image ships its journal; at each position, at most one append takes effect | replica URL, generation (Litestream); partition (Kafka); WAL archive (PostgreSQL) |
//! | *entry* | what one append adds to a log: some bytes of the journal, a claim or a heartbeat; it contains its position and the hash of the entry before it | log entry (Raft); record batch (Kafka) |
//! | *engine* | what holds a log: object storage, a stream of JetStream, a directory | replica client (Litestream) |
//! | *shipping* | reading the owner's journal and appending it to the log | log shipping, archiving (PostgreSQL) |
//! | *lag* | what the log, or a standby, lacks of the owner's journal | replication lag |
//! | *claim* | the entry by which an owner takes a log, at every opening and every takeover | becoming leader (Raft, Kafka) |
//! | *term* | the number of claims in a log so far | term (Raft), leader epoch (Kafka), timeline (PostgreSQL), generation (Litestream) |
//! | *fencing* | an owner finds the claim of another owner where it wanted to append, and is poisoned | fencing token, stepping down (Raft), `FENCED_LEADER_EPOCH` (Kafka), STONITH |
//! | *lease* | the time after which a silent owner may be superseded; it decides when a takeover is tried, never who owns the log | election timeout (Raft), lease (Litestream) |
//! | *heartbeat* | an entry without content, which shows that the owner lives | heartbeat, `AppendEntries` without entries (Raft) |
//! | *standby* | a copy of an image on another machine, which follows a log and can take over | hot standby (PostgreSQL), follower (Raft, Kafka) |
//! | *takeover* | a standby claims the log and becomes the owner | failover, election |
//! | *set aside* | an earlier owner's directory, with events that are not in the log, is renamed and kept as an image of its own | truncated, divergent log entries (Raft, Kafka); `pg_rewind` (PostgreSQL) discards them; rollback files (MongoDB) |
//! | *sidecar* | a process that ships the journal of an image beside its owner | Litestream |
//!
//! # Damage
//!
//! | word | definition | elsewhere |
//! | --- | --- | --- |
//! | *torn write* | a write that a crash cut short, so that only some of its sectors are on disk | partial write, torn page |
//! | *quarantine* | the directory with copies of all bytes that recovery or a repair removed | lost+found |
//! | *foreign* file | a file that belongs to another image, or to another timeline of the image | |
//! | *salvage* | reading a damaged journal past the damage, up to the next intact frame | |
//! | *repair* | a change to a damaged image that an operator chooses; the report of a check states its loss in advance | |
//! | *chained* image | an image whose frames contain keyed hashes of all earlier content, so that only somebody with the key can change it unnoticed | hash chain |
//! | *forged* | changed by somebody without the key: the checksums are correct, but the cipher's tag or the chain is wrong | tampered |
