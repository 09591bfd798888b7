//! Secrets and personal data.
//!
//! # Secrets
//!
//! Users log in with passwords, and the server signs their sessions. The journal and its backups keep every argument for ever, and
//! more people read them than the server's memory.
//!
//! ```
//! # use std::collections::BTreeMap;
//! use std::fs::OpenOptions;
//! use std::io::Write;
//! use std::os::unix::fs::OpenOptionsExt;
//!
//! use memimage::{Image, Model, Shape};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! struct Blog {
//!     password_hashes: BTreeMap<String, String>,
//! }
//!
//! #[memimage::commands]
//! impl Blog {
//!     #[command]
//!     fn register(&mut self, name: String, password_hash: String) {
//!         self.password_hashes.insert(name, password_hash);
//!     }
//! }
//!
//! /// Makes the file that signs the sessions. Only this user can read it.
//! fn new_secret(path: &std::path::Path, random: [u8; 32]) -> std::io::Result<()> {
//!     let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
//!     file.write_all(&random)?;
//!     file.sync_all()
//! }
//!
//! # fn argon2(_password: &str, _salt: [u8; 16]) -> String { "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned() }
//! # let directory = tempfile::tempdir()?;
//! # let (path, salt) = (directory.path().join("blog.image"), [7; 16]);
//! let blog = Image::<Blog>::open(&path)?;
//! new_secret(&path.with_extension("secret"), [7; 32])?; // beside the image, never in it; the bytes come from the system
//! blog.register("ada".to_owned(), argon2("correct horse", salt))?; // hashed before the command
//! # Image::close(blog)?;
//! # let journal = std::fs::read_dir(path.join("journal"))?.flat_map(|entry| std::fs::read(entry.unwrap().path())).flatten();
//! # assert!(!journal.collect::<Vec<u8>>().windows(7).any(|bytes| bytes == b"correct"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - No secret is in an argument, an answer, a refusal, the [metadata](crate::Metadata) or a request key: each of them is stored.
//! - The caller hashes a password before the command, on a thread that may block: a good hash takes many milliseconds, and in a body all
//!   other commands would wait.
//! - A session is a signed token with the user's id. A token that must be stored, such as one for a password reset, is stored as a hash.
//! - The secret is backed up apart from the image. Who has both can forge sessions.
//! - [Encryption](crate::guide::encryption) of the image does not replace this: who has the keys reads every argument.
//!
//! # Personal data
//!
//! A user leaves, and the email address must be erased: from the state, the journal, the snapshots and all backups. The feature
//! `erasure` seals each `Personal` value with a key that can be destroyed; see [personal
//! data](crate::guide::personal_data).
//!
//! ```
//! # #[cfg(feature = "erasure")] {
//! # use std::collections::BTreeMap;
//! use memimage::{CommandError, Context, Image, Model, Personal, Shape};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! struct Blog {
//!     emails: BTreeMap<u64, Personal<String>>,
//!     /// The subjects whose data have still to be erased.
//!     leaving: BTreeMap<u64, String>,
//! }
//!
//! #[memimage::commands]
//! impl Blog {
//!     #[command]
//!     fn register(&mut self, email: Personal<String>, ctx: &Context) -> u64 {
//!         self.emails.insert(ctx.seq().get(), email);
//!         ctx.seq().get()
//!     }
//!
//!     #[command]
//!     fn leave(&mut self, user: u64) {
//!         if let Some(email) = self.emails.remove(&user) {
//!             self.leaving.insert(user, email.subject().to_string());
//!         }
//!     }
//!
//!     #[command(check = is_leaving)]
//!     fn forget(&mut self, user: u64) {
//!         self.leaving.remove(&user);
//!     }
//!
//!     fn is_leaving(&self, user: u64) -> Result<(), String> {
//!         if self.leaving.contains_key(&user) { Ok(()) } else { Err("it was done already".to_owned()) }
//!     }
//! }
//!
//! /// Is called after each `leave`, and at each start.
//! fn erase_leaving(blog: &Image<Blog>) -> Result<(), memimage::Error> {
//!     for (user, subject) in blog.query(|blog| blog.leaving.clone())? {
//!         blog.admin().erase(subject)?; // may be repeated
//!         match blog.forget(user) {
//!             Ok(()) | Err(CommandError::Refused(_)) => {}
//!             Err(CommandError::Image(error)) => return Err(error),
//!         }
//!     }
//!     Ok(())
//! }
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("blog.image");
//! let blog = Image::<Blog>::open(&path)?;
//! erase_leaving(&blog)?; // what a crash has left
//! let subject = "5f0c9e1d"; // random; of a request with a key, derived from the key
//! let register = |email: &str| blog.once("81a3").register(Personal::new(subject, email.to_owned()));
//! let ada = register("ada@example.org")?;
//!
//! // a retry, which may be another request: `once` does not compare the content
//! let email = "eve@example.org";
//! assert_eq!(register(email)?, ada);
//! let is_theirs = blog.query(|blog| blog.emails.get(&ada).and_then(Personal::get).is_some_and(|known| known == email))?;
//! assert!(!is_theirs); // so answer that the key was used, and open no session
//!
//! blog.leave(ada)?;
//! erase_leaving(&blog)?;
//! assert!(blog.query(|blog| blog.leaving.is_empty())?);
//! # }
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! - The subject is a random id of each user. It stays readable after the erasure, so it is no name, no address, and no hash of one.
//! - A body never decides by the content, because replay after the erasure does not have it. A check may: it does not run on replay. A
//!   derived index may, and an erased value has no entry in it.
//! - `erase` is no command, so a crash may come between the deletion and the erasure. The model knows what is left to do, and the start
//!   of the program repeats it.
//! - [`once`](crate::Image::once) compares the subjects of personal arguments, and not their contents. If the answer gives rights, such
//!   as a session, compare the stored content with that of the request before you answer. For a registration, compare the password's
//!   hash too: with a salt that is derived from the key, a true retry gives the same hash.
//! - An erasure reaches no copies outside: mails, projections that store the content in plain fields, exports, logs. A
//!   [subscription](super::effects) that sees the deletion tells them.
//! - Avoid `Personal` for what others must still see, such as the text of a comment on somebody else's article: delete it, or keep it
//!   without the name.
