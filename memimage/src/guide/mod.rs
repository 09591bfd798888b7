//! The guide: how to use memimage, one chapter for each subject.
//!
//! Each chapter is the documentation of a module without code, and the tests compile and run its examples. Read [`quick_start`]
//! first, and the other chapters in any order.
//!
//! | chapter | questions |
//! | --- | --- |
//! | [`quick_start`] | How do I write a model, execute commands and read the state? |
//! | [`cookbook`] | How do I build an application: indexes, unique values, validation, paging, erasure, mails, scheduled work, upgrades? |
//! | [`durability`] | What is on disk when a call returns? What if a write fails? Why should a request carry a key? |
//! | [`changing_your_model`] | How does a new program read old journals? How is a command changed or removed? |
//! | [`determinism`] | What may a command do? Ids, hash maps, integer overflow, floats, panics. |
//! | [`snapshots`] | How fast is a restart? How much memory and disk does an image take? How is the journal shortened? |
//! | [`past_states`] | What was the state yesterday, and who changed a value? How is a mistaken event undone? |
//! | [`subscriptions`] | How do I send a mail once? How do I stream to a page? |
//! | [`projections`] | I need the same data in another form, or a part of it: how do I keep it up to date? |
//! | [`standby`] | How does another process take over when the owner's process dies? |
//! | [`beyond_one_machine`] | How do the data survive the machine? How does another machine take over? How is an image restored as of a time? How far does one image go? |
//! | [`retries`] | A client did not get its answer and tries again: how is its request not executed twice? |
//! | [`backup`] | How is a running image backed up, and how is it restored? |
//! | [`damage`] | What happens after a crash or a disk error? How is an image checked and repaired? |
//! | [`looking_inside`] | What is in an image, who changed it, and how do people see it? |
//! | [`encryption`] | How is an image encrypted, and how is tampering detected? |
//! | [`personal_data`] | How are the data of a person erased from a journal that keeps everything? |
//! | [`async_and_tokio`] | Which calls block a runtime's thread? |
//! | [`performance`] | What do a command, a query, a replay and a snapshot cost? What is memimage not good at? |
//! | [`grouping_commands`] | How do several changes become one atomic command? How are many commands organised? |
//! | [`glossary`] | What does a term mean, and what do other systems call it? |
//!
//! The repository has further documents, in `memimage/docs/`:
//!
//! | document | content |
//! | --- | --- |
//! | `ARCHITECTURE.md` | the code: its modules, invariants and decisions |
//! | `CLI.md` | the JSON that the command `memimage` prints |
//! | `ERRORS.md` | each error of the macros, with its fix |
//! | `FORMAT.md` | the format on disk |
//! | `PERFORMANCE.md` | the profiles of the hot paths, and what was tried |
//! | `RELIABILITY.md` | the tests of crashes and failing disks, and the bugs that they found |
//! | `SECURITY.md` | the threat model |
//!
//! `examples/` has seven programs: `bank` (the quick start), `orderbook` (a real feed of orders, pipelined and resumable),
//! `exchange` (a matching engine under load, beside the same engine without an image), `gitlog` (the history of a git repository,
//! with its past states), `standby` (a service that survives the death of its process), `failover` (one that survives the death of its
//! machine) and `upgrade` (a model in five stages of its life, with the journals of each).

pub mod quick_start;
pub mod cookbook;
pub mod durability;
pub mod changing_your_model;
pub mod determinism;
pub mod snapshots;
pub mod past_states;
pub mod subscriptions;
pub mod projections;
pub mod standby;
pub mod beyond_one_machine;
pub mod retries;
pub mod backup;
pub mod damage;
pub mod looking_inside;
pub mod encryption;
pub mod personal_data;
pub mod async_and_tokio;
pub mod performance;
pub mod grouping_commands;
pub mod glossary;
