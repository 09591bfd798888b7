//! The names of the systems.

use std::fmt;

use clap::ValueEnum;

use super::shape::Shape;

/// A system, by its name on the command line and in the results.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum SystemName {
    Bare,
    #[value(name = "bare+disk")]
    BareDisk,
    Memimage,
    Sqlite,
    Redb,
    Fjall,
    Airomem,
}

impl SystemName {
    /// Whether the system can run a shape. Databases replay no events when they are opened.
    pub(crate) fn runs(self, shape: Shape) -> bool {
        match shape {
            Shape::Replay => !matches!(self, SystemName::Sqlite | SystemName::Redb | SystemName::Fjall),
            _ => true,
        }
    }
}

impl fmt::Display for SystemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.to_possible_value().expect("no system is hidden").get_name())
    }
}
