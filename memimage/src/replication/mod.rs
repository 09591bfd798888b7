//! What a crate needs to carry a journal to other machines: pieces of the journal of an image in use, copies that are made of them, and
//! the interface by which an image waits for its log.
//!
//! Programs use this by the crate `memimage-replication`.

// each module uses only the modules above it
mod piece;
mod piece_reader;
mod journal_copy;
mod acknowledge;
mod replicate;
mod option;

pub use acknowledge::{Acknowledge, MaxLag};
pub use journal_copy::JournalCopy;
pub use piece::{JournalPoint, Piece, PieceHead};
pub use piece_reader::{PieceLimit, PieceReader, Sought};
pub use replicate::{Claimed, LockedDirectory, OwnerJournal, Replicate, Shipping, error};

pub(crate) use option::ReplicationOption;
