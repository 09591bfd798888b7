//! Reads a part of a value, such as a past state, without serializing the rest of it.
//!
//! [`inspect`] returns the part at a [`Path`] as a tree of bounded size: one page of its entries, down to some depth. It skips everything
//! else, so that a value with millions of entries costs no more than a pass over them.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use memimage::inspect::{Bounds, inspect};
//! use serde::Serialize;
//!
//! #[derive(Serialize)]
//! struct Account {
//!     owner: String,
//!     cents: u64,
//! }
//!
//! #[derive(Serialize)]
//! struct Bank {
//!     accounts: BTreeMap<u32, Account>,
//! }
//!
//! let account = |owner: &str, cents| Account { owner: owner.to_owned(), cents };
//! let bank = Bank { accounts: BTreeMap::from([(7, account("Ann", 100)), (8, account("Bob", 50))]) };
//!
//! let part = inspect(&bank, &"accounts.7.cents".parse()?, Bounds::default())?;
//! assert_eq!(part.to_string(), "100");
//!
//! let page = Bounds { depth: 1, offset: 1, limit: 1, ..Bounds::default() };
//! let part = inspect(&bank, &"accounts".parse()?, page)?;
//! assert_eq!(part.len, 2);
//! assert_eq!(part.entries()[0].key, "8");
//!
//! let error = inspect(&bank, &"accounts.9".parse()?, page).unwrap_err();
//! assert_eq!(error.to_string(), "there is nothing at `accounts.9`: `accounts` has no entry `9` among its 2");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`compare`] returns the differences between two values, such as two past states. [`observe`] finds the changes of a part over the
//! history.
//!
//! The value is read in the form that serde calls human readable: times and UUIDs are texts.

// each module uses only the modules above it
mod kind;
mod path;
mod error;
mod part;
mod json;
mod visitor;
mod walk;
mod key_text;
mod key_match;
mod capture;
mod locate;
#[cfg(feature = "json")]
mod json_text;
mod comparison;

#[cfg(test)]
mod tests;

pub use comparison::{Comparison, Difference, Observation, compare, observe};
pub use error::InspectError;
#[cfg(feature = "json")]
pub use json_text::write_json;
pub use kind::Kind;
pub use locate::inspect;
pub use part::{Bounds, Content, Entry, Part};
pub use path::{Path, PathError};
