//! When an answer is given.

use std::time::Duration;

/// When an answer is given, and so what a crash may take back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// An answer is given once it is on disk by fdatasync. Nothing answered is lost by a process kill or a power cut.
    #[default]
    Synced,
    /// An answer is given once the operating system has it, and a sync begins at the latest after this time. Nothing
    /// answered is lost by a process kill; a power cut may take back what was answered since the last sync.
    Interval(Duration),
    /// An answer is given once the operating system has it, which writes it to disk when it likes. Nothing answered is lost
    /// by a process kill; a power cut may take back whatever was answered since the last sync.
    Buffered,
}
