//! The requests that the image remembers: the keys of [`Image::once`](crate::Image::once), each with the answer.
//!
//! The table is computed from the journal, like the model, but is not part of it: no digest covers the table, and its size is an
//! option. Snapshots contain the table. An entry takes 36 bytes, its key and its answer in the log, and 18 to 37 bytes in the index.

mod entry;
mod log;
mod figures;
mod comparison;
mod table;
mod stored;

pub(crate) use comparison::SameKey;
pub(crate) use figures::RequestFigures;
pub(crate) use log::RequestLog;
pub(crate) use stored::{LogAfter, StoredTable};
pub(crate) use table::{KEY_MAX, OlderRequest, RequestTable};
