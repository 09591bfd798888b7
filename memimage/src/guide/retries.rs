//! A client did not get the answer and tries again: how is its request not executed twice?
//!
//! A client that loses its connection, runs into a time-out, or gets an error with an [unknown
//! outcome](crate::Error::is_outcome_unknown), does not know whether its command was executed. If it sends the command again, the
//! command may be executed twice; if it does not, perhaps never. With a *request key*, it can send the command again until it has an
//! answer:
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use memimage::{CommandError, ErrorKind, Image, Model, Shape};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! struct Bank {
//!     accounts: BTreeMap<u32, u64>,
//! }
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
//! struct Overdrawn {
//!     balance: u64,
//! }
//!
//! #[memimage::commands]
//! impl Bank {
//!     #[command]
//!     fn deposit(&mut self, account: u32, cents: u64) -> u64 {
//!         let balance = self.accounts.entry(account).or_default();
//!         *balance += cents;
//!         *balance
//!     }
//!
//!     #[command]
//!     fn withdraw(&mut self, account: u32, cents: u64) -> Result<u64, Overdrawn> {
//!         let balance = self.accounts.entry(account).or_default();
//!         *balance = balance.checked_sub(cents).ok_or(Overdrawn { balance: *balance })?;
//!         Ok(*balance)
//!     }
//! }
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("bank.image");
//! let bank = Image::<Bank>::open(&path)?;
//! assert_eq!(bank.once("request 81a3").deposit(7, 100)?, 100);
//! bank.deposit(7, 1)?;
//! assert_eq!(bank.once("request 81a3").deposit(7, 100)?, 100); // a retry: the first answer, and nothing is added
//!
//! Image::close(bank)?; // or a crash
//! let bank = Image::<Bank>::open(&path)?;
//! assert_eq!(bank.once("request 81a3").deposit(7, 100)?, 100);
//! assert_eq!(bank.query(|bank| bank.accounts[&7])?, 101);
//!
//! let error = bank.once("request 81a3").deposit(7, 200).unwrap_err(); // another request with the same key
//! assert_eq!(error.kind(), ErrorKind::RequestKeyReused);
//! # assert_eq!(bank.once("w").withdraw(7, 500), Err(CommandError::Refused(Overdrawn { balance: 101 })));
//! # bank.deposit(7, 900).unwrap();
//! # assert_eq!(bank.once("w").withdraw(7, 500), Err(CommandError::Refused(Overdrawn { balance: 101 })));
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! The key is recorded with the event, in its metadata ([`Metadata::REQUEST`](crate::Metadata::REQUEST)). So there is no moment at
//! which a crash could keep one of them and lose the other. Replay computes the answers again; snapshots contain them.
//! [`with`](crate::Image::with) adds further metadata: `bank.with(Metadata::actor("teller 3")).once(key).deposit(7, 100)`. `submit` and
//! the async calls work in the same way.
//!
//! `submit_all` and `submit_each` cannot share a key; [`Bulk::once`](crate::Bulk::once) gives each command of a `submit_each` a key of
//! its own.
//!
//! # What to use as a key
//!
//! - *The client chooses the key*, before it sends the request for the first time, and keeps it until it has the answer: a random
//!   UUID, for example, or the header `Idempotency-Key` of an HTTP request. A key that the server makes for each call is useless,
//!   because a retry gets another one.
//! - *If the request has an identity already, use it*: the id of an order, or topic, partition and offset of a message that is
//!   consumed from a queue. Then a message that is delivered twice is executed once.
//! - *Keys of several clients must not meet.* All commands of an image share their keys. Put the name of the client in front, and
//!   let no client choose that part: `format!("{client}/{key}")`.
//! - A key is from 1 to 255 bytes long. It is stored as it is, and shown in error messages, so it should be no secret.
//! - *One key, one command.* A request that takes several commands needs a key for each of them, such as `key/1` and `key/2`, or
//!   better one command that does [all of it](super::grouping_commands).
//!
//! # What a retry gets
//!
//! | the first call | a call with the same key, command and arguments |
//! | --- | --- |
//! | returned a value | gets this value |
//! | was rejected: its body returned an error | gets this error; the state may have changed since, but the request is settled |
//! | was refused by its [check](super::quick_start), or could not be recorded | is judged anew, because nothing was recorded |
//! | panicked | runs the command again |
//! | is still in flight | waits for it, and gets its answer |
//! | was left out of a [branch](super::past_states#undo-a-mistaken-event) | on the branch, gets [`ErrorKind::AlreadyExecuted`](crate::ErrorKind::AlreadyExecuted), also with other arguments: the branch does not hold those of the first call |
//! | did not return, because the image was poisoned, closed or killed | after the next opening: the answer if the event is on disk; otherwise runs the command |
//!
//! A retry records nothing, and returns once the first event is as durable as the image's [durability](super::durability) asks for.
//! [`Pending::seq`](crate::Pending::seq) is the seq of the first event. Under `Buffered` and `Interval`, a power cut may lose an event
//! that was answered, and its key with it; then a retry executes the command again, as it should.
//!
//! With the same key and another command or other arguments, a call returns
//! [`ErrorKind::RequestKeyReused`](crate::ErrorKind::RequestKeyReused): the client has a bug. The metadata may differ.
//!
//! The image can remember an answer if its type implements `Serialize`, `Deserialize` and [`Shape`](crate::Shape), like an argument, and
//! if it is at most 64 KiB long. This holds for the error of a body too. Otherwise a retry still executes nothing, and returns
//! [`ErrorKind::AlreadyExecuted`](crate::ErrorKind::AlreadyExecuted), with the seq of the first event in its
//! [position](crate::Error::position); [`Error::is_rejected`](crate::Error::is_rejected) tells whether the body rejected it. So it does
//!
//! - if the type of the answer has another shape than when a snapshot was made, or the command has another version;
//! - if the event was upcast to several events or to none, or became [void](super::damage);
//! - if an earlier opening remembered fewer events, and had forgotten the request.
//!
//! The shape of an [opaque](crate::Shape) type is only a name. If its serialization changes, give it another name: under the same name, an
//! answer in a snapshot is decoded as the new form, and may be misread.
//!
//! On a [poisoned](super::durability) image, a retry of a request that was in flight gets an error with an unknown outcome, like the first
//! call: repeat it after the next opening.
//!
//! # How long is long enough
//!
//! The image remembers a request while its event is one of the last million events; [`Options::remember`](crate::Options::remember)
//! sets another number. Events count, and not time, so that each replay remembers the same requests. Choose the number by the longest
//! time after which a client may still retry: with 500 commands a second and clients that give up after ten minutes, 300,000
//! events. A retry that comes later is executed as a new request.
//!
//! Give the same number at each opening, also of a [follower](super::standby). With a smaller number, older requests are forgotten: their
//! retries are executed again. With a larger number than before, the image reads the keys that it had forgotten from the journal, but not
//! the answers. It cannot read the keys of events that were [pruned](super::snapshots).
//! [`Stats::requests_since`](crate::Stats::requests_since) is the first event from which on each request is remembered.
//!
//! An entry takes about 65 bytes of memory beside its key and its encoded answer: some 110 MB for a million requests with UUIDs as keys
//! and short answers. Each snapshot contains the entries too. No option limits the bytes: an answer of 64 KiB is kept as long as a short one.
//! [`Stats::requests`](crate::Stats::requests) and [`Stats::requests_bytes`](crate::Stats::requests_bytes) show the number of keys and
//! their memory.
//!
//! If duplicates may come after any time, store the ids in the model, and let the check of the command refuse an id that the model
//! has. That costs memory for ever, so remove old ids by a command.
