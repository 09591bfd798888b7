//! Queries: long reads, and pages of a list.
//!
//! # Long reads
//!
//! An export reads the whole model for seconds. In a [`query`](crate::Image::query), all commands would wait for it.
//!
//! ```
//! use memimage::{Image, Model, Replica, Shape};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! struct Blog {
//!     articles: Vec<String>,
//! }
//!
//! # #[memimage::commands]
//! # impl Blog {
//! #     #[command]
//! #     fn publish(&mut self, text: String) { self.articles.push(text); }
//! # }
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("blog.image");
//! let blog = Image::<Blog>::options().replica(Replica::Standing).open(&path)?;
//! # blog.publish("Hello".to_owned())?;
//! let words: usize = blog.view(|blog| blog.articles.iter().map(|text| text.split_whitespace().count()).sum())?;
//! # assert_eq!(words, 1);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! | the read | use |
//! | --- | --- |
//! | takes microseconds | `query` |
//! | takes milliseconds and more, now and then | [`view`](crate::guide::snapshots#long-reads), from a thread that may block |
//! | computes the same sums again and again | a derived field, or a [projection](crate::guide::projections) |
//! | comes from very many readers | [followers](crate::guide::standby), in processes of their own |
//!
//! A closure returns the values that the answer needs, and not the model's types: build the view, leave the closure, serialize. Avoid
//! writing to a socket or a file in a `query`.
//!
//! # Pages of a list
//!
//! A page shows ten articles with a tag, the newest first, and the number of all.
//!
//! ```
//! # use std::collections::{BTreeMap, BTreeSet};
//! # use memimage::{Context, Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # #[model(rebuild = reindex)]
//! # struct Blog {
//! #     articles: BTreeMap<u64, (String, String)>,
//! #     #[model(derived)]
//! #     #[serde(skip)]
//! #     by_tag: BTreeMap<String, BTreeSet<u64>>,
//! # }
//! # #[memimage::commands]
//! # impl Blog {
//! #     #[command]
//! #     fn publish(&mut self, title: String, tag: String, ctx: &Context) {
//! #         self.by_tag.entry(tag.clone()).or_default().insert(ctx.seq().get());
//! #         self.articles.insert(ctx.seq().get(), (title, tag));
//! #     }
//! # }
//! struct Page {
//!     titles: Vec<String>,
//!     count: usize,
//!     /// Where the next page begins.
//!     before: Option<u64>,
//! }
//!
//! impl Blog {
//! #     fn reindex(&mut self) {
//! #         for (id, (_, tag)) in &self.articles { self.by_tag.entry(tag.clone()).or_default().insert(*id); }
//! #     }
//!     fn page(&self, tag: &str, before: Option<u64>, limit: usize) -> Page {
//!         let none = BTreeSet::new();
//!         let ids = self.by_tag.get(tag).unwrap_or(&none);
//!         let page: Vec<u64> = ids.range(..before.unwrap_or(u64::MAX)).rev().take(limit.min(100)).copied().collect();
//!         Page {
//!             titles: page.iter().filter_map(|id| Some(self.articles.get(id)?.0.clone())).collect(),
//!             count: ids.len(),
//!             before: page.last().copied(),
//!         }
//!     }
//! }
//!
//! # let blog = Image::<Blog>::in_memory()?;
//! # for number in 1..=3 { blog.publish(format!("Part {number}"), "rust".to_owned())?; }
//! let first = blog.query(|blog| blog.page("rust", None, 2))?;
//! assert_eq!((first.titles, first.count), (vec!["Part 3".to_owned(), "Part 2".to_owned()], 3));
//! let second = blog.query(|blog| blog.page("rust", first.before, 2))?;
//! assert_eq!(second.titles, ["Part 1"]);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! - Ids from `ctx.seq()` grow, so an ordered set of ids is a list by age. Another order, such as by title, is another index, with the id
//!   in its key: `BTreeSet<(String, u64)>`.
//! - Items and count come from one `query`, so they fit each other.
//! - A page that begins at an id takes the same time wherever it is, and shows no article twice when new ones are added. An API with
//!   offsets uses `.rev().skip(offset)`, which walks over what it skips.
//! - For two filters, walk over the smaller set, and ask the larger one.
//! - Avoid sorting and copying all articles in a `query`. Let the server set the greatest `limit`.
