//! The durability of recorded commands.

use std::time::Duration;

/// The time at which a command is answered, and thereby what a crash can lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// A command is answered once its event is synced to disk with `fdatasync`. Neither a process kill nor a power
    /// failure loses an answered command.
    #[default]
    Synced,
    /// A command is answered once the operating system has its event. A sync begins within this time. A process kill
    /// loses no answered command; a power failure can lose the commands answered since the last sync.
    Interval(Duration),
    /// A command is answered once the operating system has its event, which it writes to disk at a time of its choice.
    /// A process kill loses no answered command; a power failure can lose the commands answered since the last sync.
    Buffered,
}
