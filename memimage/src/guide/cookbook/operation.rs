//! Operation: many tenants, tests, upgrades, backups.
//!
//! # Many tenants
//!
//! A service has a thousand customers, whose data never meet.
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::path::PathBuf;
//! use std::sync::{Arc, Mutex};
//!
//! use memimage::{Error, Image, Model, Shape};
//! use serde::{Deserialize, Serialize};
//!
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Blog { titles: Vec<String> }
//! # #[memimage::commands]
//! # impl Blog {
//! #     #[command]
//! #     fn publish(&mut self, title: String) { self.titles.push(title); }
//! # }
//! /// The number of a tenant: no name from a request becomes a path.
//! #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
//! struct Tenant(u64);
//!
//! /// The image of one tenant, once it is open.
//! type Slot = Arc<Mutex<Option<Image<Blog>>>>;
//!
//! struct Tenants {
//!     directory: PathBuf,
//!     slots: Mutex<BTreeMap<Tenant, Slot>>,
//! }
//!
//! impl Tenants {
//!     fn get(&self, tenant: Tenant) -> Result<Image<Blog>, Error> {
//!         let slot = Arc::clone(self.slots.lock().unwrap().entry(tenant).or_default());
//!         let mut image = slot.lock().unwrap(); // an opening holds up this tenant only
//!         if image.is_none() {
//!             *image = Some(Image::open(self.directory.join(format!("{}.image", tenant.0)))?);
//!         }
//!         Ok(image.clone().expect("it was opened"))
//!     }
//! }
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let directory = directory.path().to_owned();
//! let tenants = Tenants { directory, slots: Mutex::default() };
//! tenants.get(Tenant(7))?.publish("Hello".to_owned())?;
//! assert_eq!(tenants.get(Tenant(7))?.query(|blog| blog.titles.len())?, 1);
//! assert_eq!(tenants.get(Tenant(8))?.query(|blog| blog.titles.len())?, 0);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! - Each tenant has a backup, an export, a restore and a deletion of its own. A mistake of one tenant stops no other.
//! - Each open image has memory, files, threads and syncs of its own. Close the images that nobody has used for a while.
//! - The registration of tenants, and users of several tenants, are in an image of their own.
//! - A command cannot change two images at once: see [how far it goes](crate::guide::beyond_one_machine#how-far-does-it-go).
//! - Avoid an image for each of very many small customers who are all busy. A map in one image then costs less, and shares the syncs.
//!
//! # Tests
//!
//! How do you know that the rules are right, that old events still replay to the same state, and that a crash loses nothing?
//!
//! ```
//! # #[cfg(feature = "testing")] {
//! # use memimage::{Context, Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Blog { slugs: std::collections::BTreeSet<String> }
//! # #[memimage::commands]
//! # impl Blog {
//! #     #[command(check = can_publish)]
//! #     fn publish(&mut self, slug: String) { self.slugs.insert(slug); }
//! #     fn can_publish(&self, slug: &String) -> Result<(), String> {
//! #         if self.slugs.contains(slug) { Err("it is taken".to_owned()) } else { Ok(()) }
//! #     }
//! # }
//! # let directory = tempfile::tempdir()?;
//! # let fixture = directory.path().join("version1.image");
//! # let blog = Image::<Blog>::open(&fixture)?;
//! # blog.publish("hello".to_owned()).unwrap();
//! # Image::close(blog)?;
//! use memimage::testing::{determinism, given, golden_image};
//!
//! let hello = || BlogPublish { slug: "hello".to_owned() };
//! given::<Blog>()
//!     .when(hello())
//!     .then_ok(())
//!     .when(hello())
//!     .then_refused("it is taken")
//!     .then_no_event();
//! determinism(given::<Blog>().event(hello()));
//!
//! // fixture = "tests/version1.image", which version 1 wrote, committed at its release
//! golden_image::<Blog>(&fixture, |blog| {
//!     assert!(blog.query(|blog| blog.slugs.contains("hello")).unwrap());
//! });
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to test | use |
//! | --- | --- |
//! | a command and its check | `given` and `when`, without files |
//! | that replay gives the same state | `determinism`, in a test with each command |
//! | each version of each event | `golden`, with a sample for each; an image of each release by `golden_image` |
//! | derived indexes, personal data | nothing: each of these tests compares them |
//! | the program | a kill test |
//!
//! A kill test starts the real program, sends random requests with keys from several threads, kills the process by SIGKILL again and
//! again, and restarts it. A client repeats a request until it has an answer. At the end it compares: everything acknowledged is there,
//! and nothing is there twice. `examples/conduit` has one.
//!
//! Avoid tests that set up states by hand. Set them up by events: then the tests also test replay.
//!
//! # Deployment and upgrades
//!
//! The new program must read the journal of the old one, and the old one cannot read what only the new one writes.
//!
//! ```
//! # use memimage::{Image, Journal, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Blog { titles: Vec<String> }
//! # #[memimage::commands]
//! # impl Blog {
//! #     #[command]
//! #     fn publish(&mut self, title: String) { self.titles.push(title); }
//! # }
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("blog.image");
//! # let owner = Image::<Blog>::open(&path)?;
//! # owner.publish("Hello".to_owned())?;
//! # Image::close(owner)?; // what a running owner has synced is seen a batch later
//! // the new program, beside the running old one: reads, and changes nothing
//! let journal = Journal::<Blog>::open(&path)?;
//! let state = journal.at(journal.durable_seq()?)?;
//! assert_eq!(state.titles.len(), 1); // a figure that you know
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! 1. In the pull request: the [lock](crate::guide::changing_your_model#lock-the-shapes) shows each new shape as a line, and the
//!    golden tests replay the old events.
//! 2. Before the deployment, on the real image: `blog admin replay --dry-run` by the new program. It replays the
//!    [whole journal](crate::guide::looking_inside#before-a-deployment), and names the first event whose outcome differs.
//! 3. Make a backup.
//! 4. Upgrade the [followers](crate::guide::standby) first: an old follower stops at the first event that it does not know.
//! 5. Stop the old owner by SIGTERM, so that it closes its image. Start the new one when the old one has ended: before, it is
//!    [refused](crate::guide::durability#one-owner). A follower of the new version can take over within milliseconds.
//! 6. Keep the old program. It can take the image back as long as the journal has no event that it does not know. After that, the way
//!    back is the backup of step 3, without the events since; or a correction of the new program.
//!
//! Avoid a new version of an event and the removal of its old code in one release. Remove nothing that a journal still contains.
//!
//! # Backups
//!
//! A disk dies, or somebody deletes the wrong directory.
//!
//! ```
//! # use memimage::{Image, Journal, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Blog { titles: Vec<String> }
//! # #[memimage::commands]
//! # impl Blog {
//! #     #[command]
//! #     fn publish(&mut self, title: String) { self.titles.push(title); }
//! # }
//! # let directory = tempfile::tempdir()?;
//! # let (path, backups) = (directory.path().join("blog.image"), directory.path().join("backups"));
//! # std::fs::create_dir(&backups)?;
//! # let blog = Image::<Blog>::open(&path)?;
//! # blog.publish("Hello".to_owned())?;
//! let expected = blog.query(|blog| blog.titles.len())?;
//! let report = blog.admin().backup(backups.join("tuesday"))?; // a directory for each day of the week
//!
//! // the drill, on another machine, with the deployed program
//! let backup = Journal::<Blog>::open(backups.join("tuesday"))?;
//! assert_eq!(backup.at(report.seq)?.titles.len(), expected);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`backup`](crate::guide::backup) runs beside the owner, and verifies what it copies. Copy the finished backup to another machine.
//!   To lose no event, [ship the journal](crate::guide::beyond_one_machine).
//! - Keys and secrets are backed up apart: who finds a backup finds no keys. Each erasure must reach the copies of the directory
//!   `personal.keys` too: replace them, and keep no old ones. A restored old copy brings erased data back.
//! - Do the drill each month, from the copy that you would use, with its keys. Measure how long it takes.
//! - Before a restored image goes into service, give each named subscription its position: the
//!   [restore](crate::guide::backup#restoring) does not have them.
//! - Avoid a copy of the directory by `cp` while the program runs.
