//! The durability modes of an image.

use std::time::Duration;

/// The point at which a command is answered, which determines what a crash can lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// A command is answered once its event is synced to disk with `fdatasync`. Neither a process kill nor a power
    /// failure loses an answered command.
    #[default]
    Synced,
    /// A command is answered once its event has been handed to the operating system. A sync of the journal begins within this
    /// duration after the event was handed over. A process kill loses no answered command; a power failure can lose the
    /// commands answered since the last sync.
    Interval(Duration),
    /// A command is answered once its event has been handed to the operating system, which decides when it writes the event to
    /// disk. A process kill loses no answered command; a power failure can lose the commands answered since the last sync.
    Buffered,
}
