//! The model: indexes, unique values, references, times.
//!
//! # Indexes
//!
//! Articles are stored by id, and looked up by address and by tag. A scan of all articles would take too long.
//!
//! ```
//! use std::collections::{BTreeMap, BTreeSet};
//!
//! use memimage::{Context, Image, Model, Shape};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, Shape)]
//! struct Article {
//!     slug: String,
//!     tags: BTreeSet<String>,
//! }
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! #[model(rebuild = reindex)]
//! struct Blog {
//!     articles: BTreeMap<u64, Article>,
//!     #[model(derived)]
//!     #[serde(skip)]
//!     index: Index,
//! }
//!
//! #[derive(Default, PartialEq, Serialize, Deserialize, Shape)]
//! struct Index {
//!     by_slug: BTreeMap<String, u64>,
//!     by_tag: BTreeMap<String, BTreeSet<u64>>,
//! }
//!
//! impl Index {
//!     fn add(&mut self, id: u64, article: &Article) {
//!         self.by_slug.insert(article.slug.clone(), id);
//!         for tag in &article.tags {
//!             self.by_tag.entry(tag.clone()).or_default().insert(id);
//!         }
//!     }
//!
//!     fn remove(&mut self, id: u64, article: &Article) {
//!         self.by_slug.remove(&article.slug);
//!         for tag in &article.tags {
//!             let Some(ids) = self.by_tag.get_mut(tag) else { continue };
//!             ids.remove(&id);
//!             if ids.is_empty() {
//!                 self.by_tag.remove(tag); // a rebuilt index has no empty set
//!             }
//!         }
//!     }
//! }
//!
//! #[memimage::commands]
//! impl Blog {
//!     #[command]
//!     fn publish(&mut self, slug: String, tags: BTreeSet<String>, ctx: &Context) -> u64 {
//!         let id = ctx.seq().get();
//!         let article = Article { slug, tags };
//!         self.index.add(id, &article);
//!         self.articles.insert(id, article);
//!         id
//!     }
//!
//!     #[command]
//!     fn set_tags(&mut self, id: u64, tags: BTreeSet<String>) {
//!         let Some(article) = self.articles.get_mut(&id) else { return };
//!         self.index.remove(id, article);
//!         article.tags = tags;
//!         self.index.add(id, article);
//!     }
//! }
//!
//! impl Blog {
//!     fn reindex(&mut self) {
//!         let mut index = Index::default();
//!         for (id, article) in &self.articles {
//!             index.add(*id, article);
//!         }
//!         self.index = index;
//!     }
//! }
//!
//! let blog = Image::<Blog>::in_memory()?;
//! let id = blog.publish("hello".to_owned(), BTreeSet::from(["rust".to_owned()]))?;
//! blog.set_tags(id, BTreeSet::from(["news".to_owned()]))?;
//! assert!(blog.query(|blog| blog.index.by_tag.contains_key("news") && !blog.index.by_tag.contains_key("rust"))?);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! - An index is a [derived field](crate::guide::snapshots#derived-fields): it is in no snapshot and in no digest, and may change with
//!   each release.
//! - One function adds an entry, and one removes it. A change removes the old value and adds the new one. `reindex` calls the same
//!   `add`, so that both give the same index. Tests with `memimage::testing` compare the two.
//! - Avoid entries that only one of the two ways leaves behind, such as empty sets, and lists whose order depends on the history.
//!
//! # Unique values
//!
//! Two users must not have the same name.
//!
//! ```
//! # use std::collections::BTreeMap;
//! # use memimage::{CommandError, Context, Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # #[model(rebuild = reindex)]
//! # struct Blog {
//! #     users: BTreeMap<u64, String>,
//! #     #[model(derived)]
//! #     #[serde(skip)]
//! #     users_by_name: BTreeMap<String, u64>,
//! # }
//! #[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
//! struct NameTaken;
//!
//! #[memimage::commands]
//! impl Blog {
//!     #[command(check = can_register)]
//!     fn register(&mut self, name: String, ctx: &Context) -> u64 {
//!         let id = ctx.seq().get();
//!         self.users_by_name.insert(name.clone(), id);
//!         self.users.insert(id, name);
//!         id
//!     }
//!
//!     fn can_register(&self, name: &String) -> Result<(), NameTaken> {
//!         if self.users_by_name.contains_key(name) { Err(NameTaken) } else { Ok(()) }
//!     }
//! }
//! # impl Blog {
//! #     fn reindex(&mut self) { self.users_by_name = self.users.iter().map(|(id, name)| (name.clone(), *id)).collect(); }
//! # }
//!
//! # let blog = Image::<Blog>::in_memory()?;
//! blog.register("ada".to_owned()).unwrap();
//! assert_eq!(blog.register("ada".to_owned()), Err(CommandError::Refused(NameTaken)));
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! - The check looks into the index. No other command runs between the check and the body.
//! - Do not ask by a `query` before the command: another thread may register the name in between.
//! - If names that differ only in case are the same name, the key of the index is the lower-case form.
//! - If the program can choose another value, such as `hello-2` for a second article `hello`, the body chooses it by the index. Then no
//!   command is refused, and replay chooses the same value.
//!
//! # References
//!
//! A comment belongs to an article and to a user. Both may be deleted.
//!
//! ```
//! # use std::collections::BTreeMap;
//! # use memimage::{Context, Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Shape)]
//! struct UserId(u64); // the number of the event that registered the user
//!
//! # #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Shape)]
//! # struct ArticleId(u64);
//! #[derive(Serialize, Deserialize, Shape)]
//! struct Article {
//!     author: UserId,
//!     comments: BTreeMap<u64, (UserId, String)>,
//! }
//!
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Blog { users: BTreeMap<UserId, String>, articles: BTreeMap<ArticleId, Article> }
//! #[memimage::commands]
//! impl Blog {
//! #     #[command]
//! #     fn register(&mut self, name: String, ctx: &Context) -> UserId {
//! #         let id = UserId(ctx.seq().get());
//! #         self.users.insert(id, name);
//! #         id
//! #     }
//! #     #[command]
//! #     fn publish(&mut self, author: UserId, ctx: &Context) -> ArticleId {
//! #         let id = ArticleId(ctx.seq().get());
//! #         self.articles.insert(id, Article { author, comments: BTreeMap::new() });
//! #         id
//! #     }
//!     #[command(check = can_comment)]
//!     fn comment(&mut self, user: UserId, article: ArticleId, text: String, ctx: &Context) {
//!         if let Some(article) = self.articles.get_mut(&article) {
//!             article.comments.insert(ctx.seq().get(), (user, text));
//!         }
//!     }
//!
//!     fn can_comment(&self, user: UserId, article: ArticleId) -> Result<(), String> {
//!         let exist = self.users.contains_key(&user) && self.articles.contains_key(&article);
//!         if exist { Ok(()) } else { Err("there is no such user or article".to_owned()) }
//!     }
//!
//!     #[command]
//!     fn delete_user(&mut self, user: UserId) {
//!         self.users.remove(&user);
//!         self.articles.retain(|_, article| article.author != user);
//!         for article in self.articles.values_mut() {
//!             article.comments.retain(|_, (author, _)| *author != user);
//!         }
//!     }
//! }
//! # let blog = Image::<Blog>::in_memory()?;
//! # let (ada, bob) = (blog.register("ada".to_owned())?, blog.register("bob".to_owned())?);
//! # let article = blog.publish(ada)?;
//! # blog.comment(bob, article, "yes".to_owned()).unwrap();
//! # blog.delete_user(bob)?;
//! # assert!(blog.query(|blog| blog.articles[&article].comments.is_empty())?);
//! # assert!(blog.comment(bob, article, "no".to_owned()).is_err());
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! - A reference is an [id](crate::guide::determinism#ids), in a type of its own, never a name that may change, and never a position in
//!   a list.
//! - No database cleans up. One command deletes a thing and each reference to it. A test counts the references that lead nowhere.
//! - The check ensures that the target exists. The body tolerates that it does not: checks do not run on replay, and after an earlier
//!   event became [void](crate::guide::damage#an-event-that-cannot-be-replayed), the target may be missing. A body that panics there,
//!   by `self.articles[&id]` or `unwrap`, stops the opening.
//!
//! # Times
//!
//! A client asks for what has changed since a time. The API shows times in milliseconds. Two changes in one millisecond look like one.
//!
//! ```
//! # use memimage::{Context, Image, Model, Shape, Timestamp};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Page { text: String, updated: Option<Timestamp> }
//! #[memimage::commands]
//! impl Page {
//!     #[command]
//!     fn edit(&mut self, text: String, ctx: &Context) {
//!         self.text = text;
//!         let earliest = self.updated.map(|updated| Timestamp::from_micros(updated.as_micros() + 1_000));
//!         self.updated = Some(ctx.time()).max(earliest);
//!     }
//! }
//! # let page = Image::<Page>::in_memory()?;
//! # let edited = || -> Result<u64, memimage::Error> {
//! #     page.edit("x".to_owned())?;
//! #     page.query(|page| page.updated.unwrap().as_millis())
//! # };
//! let (first, second) = (edited()?, edited()?); // `edit`, and then the time that the API shows
//! assert!(first < second);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! - [`ctx.time()`](crate::Context::time) may be the same for two events, and goes back only by a
//!   [correction](crate::guide::damage#a-wrong-clock). Make a later change later by at least one unit of what the API shows.
//! - Sort by [`ctx.seq()`](crate::Context::seq) where the order matters. It is unique.
//! - A time that a client sends is a claim. Store it as an argument with a name of its own, such as `sent_at`, and do not order by it.
