//! A difference between two values.

use std::fmt;

use crate::inspect::part::Part;
use crate::inspect::path::Path;

/// A part that differs between two values.
///
/// `Display` writes it in one line: `accounts.7: 100 → 70`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// The path to the part. For an item of a set, the path to the set.
    pub path: Path,
    /// The part in the first value; `None` if only the second value has it.
    pub before: Option<Part>,
    /// The part in the second value; `None` if only the first value has it.
    pub after: Option<Part>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.is_root() {
            true => f.write_str("the whole value: ")?,
            false => write!(f, "{}: ", self.path)?,
        }
        let part = |part: &Option<Part>| part.as_ref().map_or_else(|| "absent".to_owned(), ToString::to_string);
        write!(f, "{} → {}", part(&self.before), part(&self.after))
    }
}
