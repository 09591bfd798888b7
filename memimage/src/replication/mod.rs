//! What a crate needs to carry a journal to other machines: pieces of the journal of an image in use, and copies that are made of them.
//!
//! Programs use this by the crate `memimage-replication`.

// each module uses only the modules above it
mod piece;
mod piece_reader;
mod journal_copy;

pub use journal_copy::JournalCopy;
pub use piece::{JournalPoint, Piece, PieceHead};
pub use piece_reader::{PieceLimit, PieceReader, Sought};
