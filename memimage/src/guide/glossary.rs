//! The words of this library, and what other systems call the same thing.
//!
//! # What a program works with
//!
//! | word | definition | elsewhere |
//! | --- | --- | --- |
//! | *model* | the Rust value that holds a program's whole state | state machine, aggregate; the prevalent system (Prevayler) |
//! | *command* | a method of the model that may change it, recorded when it is executed | transaction, operation |
//! | *check* | a method that may refuse a command before it is recorded | validation, precondition |
//! | *refusal* | the answer of a check that says no; it leaves no trace | |
//! | *rejected* command | a command whose body returned an error; it is recorded, and runs again on replay | aborted transaction |
//! | *payload* | the arguments of a command as a struct | message body |
//! | *event* | the journal's record of one executed command | log entry, redo record |
//! | *image* | a directory with journal and snapshots; as a value, [`Image<M>`](crate::Image), a model that is running on it | database |
//! | *query* | a look at the model that shows durable facts only | read concern `majority` (MongoDB) |
//! | *shape* | the structure of a type, as it is stored with the events | schema |
//! | *fingerprint* | a hash of a shape, of 64 bits | schema id |
//! | *shape lock* | the committed file that holds the shapes of a program's events | schema registry |
//! | *upcaster* | a function from a past version of a payload, or of a model, to the next one | schema migration |
//! | *digest* | a hash of a state, of 64 bits, by which two replays are compared | state hash, checksum |
//!
//! # Journal
//!
//! | word | definition | elsewhere |
//! | --- | --- | --- |
//! | *journal* | the append-only record of all events | write-ahead log (WAL), redo log, commit log, AOF (Redis) |
//! | *seq* | the number of an event: 1, 2, 3 … | log sequence number (LSN), index (Raft), offset (Kafka) |
//! | *segment* | one file of the journal | WAL segment (PostgreSQL), log file |
//! | *batch* | the events that are written and synced together | group commit |
//! | *frame* | a batch as it is on disk, with header and checksums; some frames hold other things, such as shapes or a digest | block, WAL record |
//! | *record* | one event inside a frame | log record |
//! | *genesis* | the state before event 1 | initial state |
//! | *epoch* | one period in which a process has the image open for writing; its number grows each time | term (Raft), leader epoch (Kafka) |
//! | *timeline* | one of several histories of an image that parted, as after a copy went its own way | timeline (PostgreSQL), fork |
//! | *durable watermark* | how far the journal is known to be synced, stored in `journal/durable` | flushed LSN, commit index |
//! | *poisoned* | the condition of a running image after a failed write or sync: every call fails until it is reopened | PANIC after a failed fsync (PostgreSQL) |
//! | *void* event | an event that a recorded decision excludes from replay | skipped transaction |
//!
//! # Snapshots and recovery
//!
//! | word | definition | elsewhere |
//! | --- | --- | --- |
//! | *snapshot* | a file with the whole state after one event | checkpoint; RDB file (Redis) |
//! | *snapshot verification* | rebuilding the state from the snapshot before, and comparing it with the new one | restore test |
//! | *recovery* | loading the newest usable snapshot and replaying the events after it | crash recovery |
//! | *replay* | executing recorded events again, without their checks | redo, roll forward |
//! | *retention* | how much of the journal is kept | log retention (Kafka) |
//! | *base* | the state from which a pruned journal goes on, stored beside it in two copies | base backup |
//! | *rewrite* | writing a new journal with each event at its newest version | log migration, copy-and-transform |
//!
//! # Damage
//!
//! | word | definition | elsewhere |
//! | --- | --- | --- |
//! | *torn write* | a write that a crash cut short, so that only some of its sectors are on disk | partial write, torn page |
//! | *quarantine* | the directory with copies of all bytes that recovery or a repair took out | lost+found |
//! | *salvage* | reading a damaged journal past the damage, up to the next intact frame | |
//! | *repair* | a change of a damaged image that somebody chose, with its loss stated before | |
//! | *forged* | changed by somebody without the key: checksums are right, and the cipher's tag or the chain is not | tampered |
//!
//! # Not built
//!
//! PostgreSQL's *warm standby*, Kafka's and Raft's *followers*: memimage has no process or machine that follows the
//! journal of another.
