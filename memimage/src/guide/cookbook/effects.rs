//! Effects outside the model, and work at a time.
//!
//! # Mails and other effects
//!
//! A user gets a mail when somebody follows. A body cannot send it: it runs again on replay.
//!
//! ```
//! # use std::collections::{BTreeMap, BTreeSet};
//! use memimage::{HistoryEvent, Image, Model, Seq, Shape};
//! use serde::{Deserialize, Serialize};
//!
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Blog { addresses: BTreeMap<u64, String>, follows: BTreeSet<(u64, u64)> }
//! #[memimage::commands]
//! impl Blog {
//! #     #[command]
//! #     fn register(&mut self, user: u64, address: String) { self.addresses.insert(user, address); }
//!     #[command]
//!     fn follow(&mut self, user: u64, followed: u64) {
//!         self.follows.insert((user, followed));
//!     }
//! }
//!
//! # #[derive(Default)]
//! # struct MailServer(BTreeMap<String, String>);
//! # impl MailServer {
//! #     fn send(&mut self, id: &str, to: &str) -> Result<(), std::io::Error> { self.0.insert(id.to_owned(), to.to_owned()); Ok(()) }
//! # }
//! fn handle(
//!     blog: &Image<Blog>,
//!     server: &mut MailServer,
//!     event: &HistoryEvent<Blog>,
//! ) -> Result<(), Box<dyn std::error::Error>> {
//!     let Some(BlogEvent::Follow(follow)) = event.event() else { return Ok(()) };
//!     // the address of now, and no mail if the user has left
//!     let Some(address) = blog.query(|blog| blog.addresses.get(&follow.followed).cloned())? else { return Ok(()) };
//!     let id = format!("{} follows {}", follow.user, follow.followed);
//!     server.send(&id, &address)?;
//!     Ok(())
//! }
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("blog.image");
//! # let mut server = MailServer::default();
//! let blog = Image::<Blog>::open(&path)?;
//! # blog.register(2, "bob@example.org".to_owned())?;
//! # blog.follow(1, 2)?;
//! let mut events = blog.journal().subscribe_as("mailer", Seq::ZERO)?;
//! // in a thread of its own: `while let Some(event) = events.next()`
//! # for _ in 0..2 {
//! let event = events.next().expect("the image is open")?;
//! handle(&blog, &mut server, &event)?;
//! events.acknowledge(&event)?; // after the effect, and for each event
//! # }
//! # assert_eq!(server.0["1 follows 2"], "bob@example.org");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - A [named subscription](crate::guide::subscriptions) delivers each durable event at least once. The receiver recognizes a repetition
//!   by an id: [`event.key()`](crate::HistoryEvent::key), or one with a meaning. With the id above, a user who follows again sends no
//!   second mail.
//! - The event has ids, and the handler reads the rest from the state when it sends. What must be as it was, such as the price on an
//!   invoice, is an argument.
//! - If the receiver is away, the handler waits and tries again, with growing pauses. It does not acknowledge. A message that the
//!   receiver refuses for ever is recorded by a command, and then acknowledged.
//! - An answer of another service comes back into the model as a command, with the answer as its argument, and the id of the event in
//!   its request key.
//! - Stop the thread before the image is closed, if its handler calls the image: [`stop_handle`](crate::Subscription::stop_handle).
//! - Avoid sending from the handler of the request: a crash between the command and the mail loses the mail.
//!
//! # Scheduled work
//!
//! An article appears at a time that its author chooses.
//!
//! ```
//! # use std::collections::{BTreeMap, BTreeSet};
//! # use std::sync::Arc;
//! # use std::sync::atomic::{AtomicU64, Ordering};
//! use memimage::{Context, Image, Model, Shape, Timestamp};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! struct Blog {
//!     /// The drafts that appear at a time.
//!     due: BTreeMap<Timestamp, Vec<String>>,
//!     articles: BTreeMap<String, Timestamp>,
//! }
//!
//! #[memimage::commands]
//! impl Blog {
//!     #[command]
//!     fn schedule(&mut self, slug: String, at: Timestamp) {
//!         self.due.entry(at).or_default().push(slug);
//!     }
//!
//!     /// Publishes what is due. It takes nothing but the time.
//!     #[command(check = is_due)]
//!     fn publish_due(&mut self, ctx: &Context) -> u64 {
//!         let mut published = 0;
//!         while let Some(entry) = self.due.first_entry().filter(|entry| *entry.key() <= ctx.time()) {
//!             for slug in entry.remove() {
//!                 self.articles.insert(slug, ctx.time());
//!                 published += 1;
//!             }
//!         }
//!         published
//!     }
//!
//!     /// Without this check, the clock would fill the journal.
//!     fn is_due(&self, ctx: &Context) -> Result<(), String> {
//!         match self.due.first_key_value() {
//!             Some((time, _)) if *time <= ctx.time() => Ok(()),
//!             _ => Err("nothing is due".to_owned()),
//!         }
//!     }
//! }
//!
//! let second = |number: u64| Timestamp::from_micros(number * 1_000_000);
//! let now = Arc::new(AtomicU64::new(10)); // a clock for this example
//! let clock = Arc::clone(&now);
//! let blog = Image::<Blog>::options().clock(move || second(clock.load(Ordering::Relaxed))).in_memory()?;
//! blog.schedule("hello".to_owned(), second(20))?;
//!
//! // a thread calls this each second, and once at the start
//! assert!(blog.publish_due().is_err());
//! now.store(25, Ordering::Relaxed);
//! assert_eq!(blog.publish_due().unwrap(), 1);
//! assert_eq!(blog.query(|blog| blog.articles["hello"])?, second(25));
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! - What is due is in the model, so a restart forgets nothing, and what became due meanwhile is done at the start.
//! - The thread with the clock knows nothing. It may call too often, too late, or twice. Only the owner's process runs it.
//! - If much can become due at once, take a part for each call, such as 100 entries, and call until the check refuses.
//! - If effects follow, such as a mail for each article, use a command for one item: the thread reads the due ids by a `query` and calls
//!   `publish_draft(id)`, whose check asks again whether it is due. Then each event names its item.
//! - Avoid a timer for each item in memory, and the time as an argument: the caller's clock may be wrong.
