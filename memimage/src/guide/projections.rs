//! I need the same data in another form, or a part of it: how do I keep it up to date?
//!
//! # `query`, `view`, or a projection
//!
//! | | reads | use it for |
//! | --- | --- | --- |
//! | [`Image::query`](crate::Image::query) | the model, under its lock: commands wait meanwhile | a look at what the model holds, in microseconds |
//! | [`Image::view`](crate::Image::view) | a copy of the model: commands do not wait | a report over the whole model, in milliseconds to minutes |
//! | a projection | a model of its own, made from the events | data that the model does not hold: sums over time, a search index, a list for each customer; or a part of the data in another process |
//!
//! A field of the model that its other fields determine is a [derived field](super::snapshots#derived-fields): commands can read it.
//! A projection can use what the model forgets, such as the time and the author of each event, and the model does not grow by it.
//!
//! # A projection
//!
//! A projection is a plain type with a handler for each event that matters to it. A thread hands it each event once the event is
//! durable. The payload has its newest version, after [upcasting](super::changing_your_model).
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use memimage::{EventInfo, Image, Model, Projection, Shape};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! struct Bank {
//!     accounts: BTreeMap<u32, u64>,
//! }
//!
//! #[memimage::commands]
//! impl Bank {
//!     #[command]
//!     fn deposit(&mut self, account: u32, cents: u64) {
//!         *self.accounts.entry(account).or_default() += cents;
//!     }
//! }
//!
//! /// The cents that were deposited in each minute since 1970.
//! #[derive(Default, Serialize, Deserialize, Shape)]
//! struct Volume {
//!     by_minute: BTreeMap<u64, u64>,
//! }
//!
//! #[memimage::projection(of = Bank)]
//! impl Volume {
//!     #[on]
//!     fn deposit(&mut self, event: &BankDeposit, info: &EventInfo) {
//!         let minute = info.time().as_micros() / 60_000_000;
//!         *self.by_minute.entry(minute).or_default() += event.cents;
//!     }
//! }
//!
//! # let directory = tempfile::tempdir()?;
//! # let _ = std::env::set_current_dir(&directory);
//! let bank = Image::<Bank>::open("bank.image")?;
//! let volume = Projection::<Volume>::open(&bank.journal(), "volume.projection")?;
//! bank.deposit(7, 100)?;
//! volume.wait(bank.journal().durable_seq())?; // to see one's own deposit
//! assert_eq!(volume.query(|volume| volume.by_minute.values().sum::<u64>())?, 100);
//! volume.close()?;
//! Image::close(bank)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - `#[on]` handles the events whose command succeeded, and `#[on(rejected)]` those whose command returned an error. The recorded
//!   outcome counts, also after an earlier event became void, even if a replay of the model now gives another outcome. Events without a
//!   handler are skipped, and so are [void](super::damage) events.
//! - A handler that does not fit its event does not compile: the payload was renamed, an argument has another type, or the event
//!   belongs to another model.
//! - The last argument, [`EventInfo`](crate::EventInfo), is optional: the event's key, time and metadata.
//! - Handlers should be as [deterministic](super::determinism) as commands, so that a projection that is built anew is the same.
//! - A projection sees events, not states: what [`Options::genesis`](crate::Options::genesis) put into the model is not among them.
//!
//! # In which process
//!
//! `Projection::open(&image.journal(), …)` runs in the owner's process and is woken when events are durable. In another process, give
//! it a [`Journal`](crate::Journal): `Projection::open(&Journal::<Bank>::open("bank.image")?, …)`. It then looks at the journal's files
//! every 1 to 20 ms, beside the owner or while no owner runs. Either way, commands never wait for a projection.
//!
//! A directory has one projection, which one process has open at a time. Give each projection a directory of its own, outside the image's
//! directory.
//!
//! # What it costs, and what a crash takes
//!
//! A projection makes a snapshot after a million events ([`snapshot_every`](crate::ProjectionOptions::snapshot_every)) and when it is
//! closed. Afterwards it continues from there, and after a crash it handles the events since the last snapshot again, on the state of
//! that snapshot: in its state, each event counts once. So a handler must do nothing but change the state. To send mail or call other
//! services, read events by a subscription.
//!
//! A snapshot is loaded once before it gets its name, so while it is made, the projection needs twice its memory. Queries continue
//! meanwhile, and new events wait. If the image is encrypted, so are the snapshots of its projections.
//!
//! # Changing a projection
//!
//! Raise its version, `#[memimage::projection(of = Bank, version = 2)]`, whenever you change its fields or what its handlers do. The next
//! opening then builds it from the first event, which takes about as long as a replay of the journal; `open` returns once it has caught
//! up. The state of the old version stays in the directory until then, so if you go back to the old program before, it continues. Once the new version is
//! built, the old state is removed, and the old program is refused ([`ErrorKind::Incompatible`](crate::ErrorKind::Incompatible)). If the
//! shape has changed and the version has not, opening is refused. A change of the handlers alone is not noticed: raise the version.
//!
//! A projection is also built anew, with a warning in the log, if the history that it has handled is no longer that of the image: an
//! event was made void, a repair gave up events, or a backup was restored.
//!
//! # What can go wrong
//!
//! - *A handler panics*: the projection stops before that event, and each query returns an error that names it. The image is not
//!   affected. Correct the handler and open the projection again.
//! - *Events were pruned*: a projection is built from the first event. Keep all events
//!   ([`Retention::Everything`](crate::Retention::Everything), the default). If old events are pruned, a projection that has handled them
//!   continues, but cannot be built anew or change its version.
//! - *The disk is full*: the projection continues without a new snapshot, and
//!   [`stats`](crate::Projection::stats) shows why.
