//! Commands: several changes at once, valid values, rules that change, retries.
//!
//! # Several changes as one command
//!
//! A form changes any of an article's title, text and picture. A command for each field would leave half of the form after a crash.
//!
//! ```
//! # use std::collections::BTreeMap;
//! use memimage::{Image, Model, Shape};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape)]
//! struct ArticleChange {
//!     title: Option<String>,
//!     text: Option<String>,
//!     picture: Change<String>, // may be absent in the article
//! }
//!
//! #[derive(Default, Serialize, Deserialize, Shape)]
//! enum Change<T> {
//!     #[default]
//!     Keep,
//!     Clear,
//!     Set(T),
//! }
//!
//! # #[derive(Default, Serialize, Deserialize, Shape)]
//! # struct Article { title: String, text: String, picture: Option<String> }
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Blog { articles: BTreeMap<u64, Article> }
//! #[memimage::commands]
//! impl Blog {
//!     #[command]
//!     fn edit(&mut self, id: u64, change: ArticleChange) {
//!         let article = self.articles.entry(id).or_default();
//!         if let Some(title) = change.title {
//!             article.title = title;
//!         }
//!         if let Some(text) = change.text {
//!             article.text = text;
//!         }
//!         match change.picture {
//!             Change::Keep => {}
//!             Change::Clear => article.picture = None,
//!             Change::Set(picture) => article.picture = Some(picture),
//!         }
//!     }
//! }
//!
//! # let blog = Image::<Blog>::in_memory()?;
//! blog.edit(1, ArticleChange { title: Some("Hello".to_owned()), ..ArticleChange::default() })?;
//! # blog.edit(1, ArticleChange { picture: Change::Set("p".to_owned()), text: Some("t".to_owned()), title: None })?;
//! # blog.edit(1, ArticleChange { picture: Change::Clear, ..ArticleChange::default() })?;
//! # assert!(blog.query(|blog| blog.articles[&1].title == "Hello" && blog.articles[&1].picture.is_none())?);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! - One request is one command. The event says what the user did. [Grouping commands](crate::guide::grouping_commands) has the rules.
//! - Record what changes, and not the whole article: of two users who change different fields at the same time, both changes stay.
//! - Avoid a command that reads by a `query`, computes a new value outside, and writes it. Put the computation into the body.
//!
//! # Valid values
//!
//! A title is not blank, and has at most 60 characters. Next year it may have 20.
//!
//! ```
//! # use memimage::{Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape)]
//! struct Title(String);
//!
//! impl Title {
//!     fn new(text: &str) -> Result<Title, String> {
//!         match text.trim() {
//!             "" => Err("a title is not blank".to_owned()),
//!             text if text.chars().count() > 20 => Err("a title has at most 20 characters".to_owned()), // was 60
//!             text => Ok(Title(text.to_owned())),
//!         }
//!     }
//! }
//!
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Blog { titles: Vec<Title> }
//! #[memimage::commands]
//! impl Blog {
//!     #[command]
//!     fn publish(&mut self, title: Title) {
//!         self.titles.push(title);
//!     }
//! }
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("blog.image");
//! # let blog = Image::<Blog>::open(&path)?;
//! # blog.publish(Title("How to train your dragon in a week".to_owned()))?;
//! # Image::close(blog)?;
//! assert!(Title::new("How to train your dragon in a week").is_err());
//! let blog = Image::<Blog>::open(&path)?; // an event of last year has this title
//! assert_eq!(blog.query(|blog| blog.titles[0].0.len())?, 34);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! | a rule | is in | may become stricter |
//! | --- | --- | --- |
//! | about one value | the constructor of its type | at any time |
//! | about the state | the [check](crate::guide::determinism#put-rules-into-a-check) | at any time |
//!
//! - `Deserialize` does not check. If it did, by `#[serde(try_from = "String")]`, an old event would not decode under a stricter rule,
//!   and the image would not open.
//! - The body has no rules. It works for each value that any version of the rules has let through.
//!
//! # Rules that change
//!
//! An article's address is made from its title. A later release makes better addresses. The old articles must keep theirs.
//!
//! ```
//! # use std::collections::BTreeMap;
//! # use memimage::{Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Blog { articles: BTreeMap<String, String> }
//! #[memimage::commands]
//! impl Blog {
//!     #[command(version = 2, history(PublishV1))]
//!     fn publish(&mut self, slug: String, title: String) {
//!         self.articles.insert(slug, title);
//!     }
//! }
//!
//! /// The rule for new articles, which may change. The caller applies it: `blog.publish(slug_of(&title), title)`.
//! fn slug_of(title: &str) -> String {
//!     let words: Vec<_> = title.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
//!     words.join("-").to_lowercase()
//! }
//!
//! /// In version 1, the body made the address from the title.
//! #[derive(Deserialize, Shape)]
//! struct PublishV1 {
//!     title: String,
//! }
//!
//! #[memimage::upcast]
//! fn publish_1_to_2(old: PublishV1) -> BlogPublish {
//!     BlogPublish { slug: old.title.replace(' ', "_"), title: old.title } // the rule of version 1, which never changes
//! }
//! #
//! # mod old {
//! #     use memimage::{Model, Shape};
//! #     use serde::{Deserialize, Serialize};
//! #     #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! #     pub struct Blog { articles: std::collections::BTreeMap<String, String> }
//! #     #[memimage::commands]
//! #     impl Blog {
//! #         #[command]
//! #         pub fn publish(&mut self, title: String) { self.articles.insert(title.replace(' ', "_"), title); }
//! #     }
//! # }
//! # use old::BlogCommands as _;
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("blog.image");
//! # let blog = Image::<old::Blog>::open(&path)?;
//! # blog.publish("First post!".to_owned())?;
//! # Image::close(blog)?;
//! let blog = Image::<Blog>::open(&path)?;
//! blog.publish(slug_of("Second post!"), "Second post!".to_owned())?;
//! assert_eq!(blog.query(|blog| blog.articles.keys().cloned().collect::<Vec<_>>())?, ["First_post!", "second-post"]);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! - What a rule computes that may change (an address, a price, a tax, a default, a normal form) is computed by the caller, and is an
//!   argument. The journal then says what was decided.
//! - What needs the newest state, such as the number behind an address that is taken, is computed by the body.
//! - If a body contains such a rule already, do as above: a new version with the argument, and an
//!   [upcaster](crate::guide::changing_your_model) that applies the old rule.
//! - Avoid a change of the rule in place: replay would move the old articles, and the recorded digests would refuse the state.
//!
//! # Retries
//!
//! A client sends a request again because it did not get the answer. The header `Idempotency-Key` has the client's key.
//!
//! ```
//! # use std::collections::BTreeMap;
//! # use memimage::{Context, Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Blog { articles: BTreeMap<String, u64> }
//! #[memimage::commands]
//! impl Blog {
//! #     #[command]
//! #     fn publish(&mut self, slug: String, ctx: &Context) { self.articles.insert(slug, ctx.seq().get()); }
//!     /// Moves an article to another address. The command finds the article by the old one.
//!     #[command(check = can_move)]
//!     fn move_to(&mut self, slug: String, new: String) -> Option<u64> {
//!         let id = self.articles.remove(&slug)?;
//!         self.articles.insert(new, id);
//!         Some(id)
//!     }
//!
//!     fn can_move(&self, slug: &String) -> Result<(), String> {
//!         if self.articles.contains_key(slug) { Ok(()) } else { Err("there is no such article".to_owned()) }
//!     }
//! }
//!
//! # let blog = Image::<Blog>::in_memory()?;
//! # blog.publish("draft".to_owned())?;
//! // the handler of `PUT /articles/draft`: `user` comes from the session, `key` from the header
//! let (user, key) = (7, "81a3");
//! let handle = || blog.once(format!("user {user}/{key}")).move_to("draft".to_owned(), "hello".to_owned());
//! assert_eq!(handle().unwrap(), Some(1));
//! assert_eq!(handle().unwrap(), Some(1)); // the retry: the first answer, although `draft` does not exist any more
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! - The key begins with the [user](crate::guide::retries#what-to-use-as-a-key): the keys of two users cannot meet.
//! - The arguments of a retry are those of the first call. So the command takes the address as the request has it, and the body finds the
//!   article. A handler that finds the article by a `query` first answers the retry with "no such article".
//! - Random arguments, such as a salt, are derived from the key: a keyed hash (HMAC, or BLAKE3 with a key) of the purpose and of the
//!   request's key, under the server's [secret](super::secrets#secrets). New random bytes for each attempt would make the retry another
//!   request ([`ErrorKind::RequestKeyReused`](crate::ErrorKind::RequestKeyReused)).
//! - A command that has nothing to change, such as a second follow, is refused by its check with a refusal of its own (`Already`). The
//!   handler answers it as a success, and the journal does not grow.
