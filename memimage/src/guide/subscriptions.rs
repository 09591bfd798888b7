//! Subscriptions and side effects: mails, messages to other systems, a live page.
//!
//! # How do I send a mail once?
//!
//! Not in a command: a body runs again on each replay. Subscribe to the events under a name, and send the mail when the event
//! comes. An event comes only once it is durable, so no mail is sent for a change that a crash takes back.
//!
//! ```
//! use memimage::{Image, Model, Seq, Shape};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! struct Shop {
//!     orders: u64,
//! }
//!
//! #[memimage::commands]
//! impl Shop {
//!     #[command]
//!     fn order(&mut self, address: String) {
//!         self.orders += 1;
//!     }
//! }
//!
//! # struct Mailer(Vec<(String, String)>);
//! # impl Mailer {
//! #     fn send(&mut self, id: &str, address: &str) -> Result<(), memimage::Error> {
//! #         self.0.push((id.to_owned(), address.to_owned()));
//! #         Ok(())
//! #     }
//! # }
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("shop.image");
//! let shop = Image::<Shop>::open(&path)?;
//! let mut orders = shop.journal().subscribe_as("mailer", Seq::ZERO)?;
//! # let mut mailer = Mailer(Vec::new());
//! let thread = std::thread::spawn(move || {
//!     while let Some(event) = orders.next() {
//!         let event = event?;
//!         if let Some(ShopEvent::Order(order)) = event.event() {
//!             mailer.send(&event.key().to_string(), &order.address)?;
//!         }
//!         orders.acknowledge(&event)?;
//!     }
//!     # assert_eq!(mailer.0.len(), 1);
//!     Ok::<(), memimage::Error>(())
//! });
//! shop.order("ada@example.org".to_owned())?;
//! Image::close(shop)?; // ends the subscription after its last event
//! thread.join().unwrap()?;
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! The name stands for a position: the image remembers, in its directory, up to which event `mailer` has
//! [acknowledged](crate::Subscription::acknowledge). After a restart the subscription continues there. This is the *outbox* pattern,
//! without a table for it: the journal is the outbox.
//!
//! An event that was not acknowledged comes again. If the process is killed after the mail was sent and before the
//! acknowledgement, the mail is sent twice. So each event comes *at least once*, and the receiver must recognize an event that it
//! has already, by [`event.key()`](crate::HistoryEvent::key): it is the same each time, and no other event of any image has it, even
//! [after a restore](#restored-repaired-and-copied-images). Give it to the receiver as its idempotency key or message id, or keep it beside the effect in the receiver's own database.
//!
//! - Acknowledge after the effect, never before. An acknowledged event never comes again.
//! - Acknowledging an event acknowledges all events before it. To acknowledge less often, acknowledge every hundredth event.
//! - Acknowledge the events that you skip, too. Otherwise they come again, and the journal cannot be pruned.
//! - An acknowledgement is written and not synced: it survives a kill of the process, and a power cut may move the position back by
//!   some seconds, never forward. [`sync_acknowledged`](crate::Subscription::sync_acknowledged) syncs it.
//! - If an upcaster converts an event to several, each part has a key of its own, and the event is acknowledged with its last part.
//! - A rejected event comes too, and a void one: ask [`is_rejected`](crate::HistoryEvent::is_rejected) and
//!   [`is_void`](crate::HistoryEvent::is_void).
//!
//! If the receiver fails, do not acknowledge: drop the subscription, wait, and subscribe again. Events come in order, so a message
//! that the receiver refuses for ever stops all later ones. Record such an event somewhere, by a command, and acknowledge it.
//!
//! # How do I stream to a page?
//!
//! With a subscription without a name, as a [`Stream`](crate::SubscriptionStream), from the event that the page shows already. Each
//! reader has its own; a slow one holds up nobody, because the events wait in the journal and not in memory.
//!
//! ```
//! # use memimage::{Image, Model, Seq, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Shop { orders: u64 }
//! # #[memimage::commands]
//! # impl Shop {
//! #     #[command]
//! #     fn order(&mut self, address: String) { self.orders += 1; }
//! # }
//! # let shop = Image::<Shop>::in_memory()?;
//! # shop.order("ada@example.org".to_owned())?;
//! let last_seen = Seq::ZERO; // what the page sends back, for example in `Last-Event-ID`
//! let events = shop.journal().subscribe(last_seen)?.into_stream();
//! // axum: Sse::new(events.map(|event| …)); any other runtime takes the stream as well
//! # drop(events);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! # From another process
//!
//! [`Journal::open`](crate::Journal::open) has the same methods, beside the owner or without one. There the subscriber looks at the
//! files: every millisecond while events come, and every 20 milliseconds at rest. It gets the events that the files prove to be
//! synced, so under a steady load it may be one batch behind. It survives a restart and a crash of the owner. In the owner's process,
//! it is woken as soon as an event is durable, mostly within a tenth of a millisecond.
//!
//! In the modes [`Buffered`](crate::Durability::Buffered) and [`Interval`](crate::Durability::Interval), events come once they are
//! synced: at the next interval, at the end of a segment, or after [`sync`](crate::JournalHandle::sync). A subscription does not make
//! the image sync.
//!
//! # When it ends
//!
//! - When the image is closed, after the last event: the iterator returns `None`, so a thread that reads it ends. On `Journal::open` it
//!   goes on, and waits for the events of the next owner.
//! - When it is stopped, by the [handle](crate::Subscription::stop_handle), which another thread may keep.
//! - After an error, such as [`Poisoned`](crate::ErrorKind::Poisoned), [`Pruned`](crate::ErrorKind::Pruned) or a failed read. On
//!   `Journal::open` also after [`Replaced`](crate::ErrorKind::Replaced): a repair cut the journal, a backup was restored, or the
//!   directory was removed. Subscribe again after [`seq`](crate::Subscription::seq), or under the name.
//!
//! It does not end at a [gap](super::damage#repair-damage) that a repair recorded: it returns one error of the kind
//! [`LostEvents`](crate::ErrorKind::LostEvents), and goes on. Acknowledge the gap by
//! [`acknowledge_lost`](crate::Subscription::acknowledge_lost), or with a later event; otherwise the error comes again after a restart.
//!
//! # Forgotten subscriptions, and pruning
//!
//! With a [retention](crate::Options::retention), the image prunes its journal, but never an event that a named subscription has not
//! acknowledged. A name that nobody uses any more therefore keeps the journal growing. [`Stats::pruning_held_by`] names it,
//! [`Journal::subscriptions`](crate::Journal::subscriptions) lists all names with their positions and the time of their last
//! acknowledgement, and [`Journal::unsubscribe`](crate::Journal::unsubscribe) removes one. With
//! [`retain_for_subscriptions(false)`](crate::Options::retain_for_subscriptions) the journal is pruned anyway, and a subscriber that was
//! too slow gets an error that says what is left.
//!
//! # Restored, repaired and copied images
//!
//! The position contains a hash of the journal up to the acknowledged event. If the image is restored from a backup, or a repair cut
//! its journal, the position may be beyond the end, or the event with its number may be another one. Then subscribing under the name
//! is an error, and nothing is guessed: find out what the receiver has, remove the name, and make it again at the right event. A copy
//! of an image has the same names, so a copy that runs beside the original sends everything twice: remove the names of the copy. A
//! [rewritten](crate::admin::rewrite()) image begins without names, and so do a [branch](super::past_states#undo-a-mistaken-event) and
//! a [backup](super::backup): after a restore of a backup, `subscribe_as(name, Seq::ZERO)` begins at event 1, and everything is
//! delivered again. Pass the event that the receiver handled last.
//!
//! By the [keys](crate::EventKey) of the events, a receiver sees what happened. After a restore, the events that the backup has come with
//! the same keys as before. An event that the restored image records has another key than the lost event with its seq, so the receiver
//! handles it. The receiver keeps the effects of lost events, whose keys never come again. Every event of a rewritten image or of a
//! [branch](super::past_states#undo-a-mistaken-event) has a new key: a receiver that gets them from the first event on handles all of
//! them again.
//!
//! [`Stats::pruning_held_by`]: crate::Stats::pruning_held_by
