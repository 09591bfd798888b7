//! Where the shape lock of a model is, and what it holds.

use super::row::{EventType, same};
use crate::shape::Text;

/// Where the [shape lock](crate::lock) of a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeLock {
    pub(crate) path: &'static str,
    pub(crate) model: &'static str,
}

impl ShapeLock {
    /// The file, and what the model's lines in it begin with.
    pub const fn new(path: &'static str, model: &'static str) -> ShapeLock {
        ShapeLock { path, model }
    }

    /// The file, as it was found when the program was compiled.
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// What the model's lines in it begin with: `shop::Bank`.
    pub const fn model(&self) -> &'static str {
        self.model
    }
}

impl ShapeLock {
    /// Whether two blocks of one model are locked alike. (After an error in one of them, its lock has no path.)
    pub const fn agree(a: Option<ShapeLock>, b: Option<ShapeLock>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => a.path.is_empty() || b.path.is_empty() || same(a.path.as_bytes(), b.path.as_bytes()),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

/// The message about the first event of a lock that no row of the table is for. None after an error in one of the
/// blocks, whose rows are missing from the table.
pub const fn forgotten<M>(
    blocks: &[Option<ShapeLock>],
    locked: &[(&'static str, u32)],
    events: &[EventType<M>],
) -> Option<Text> {
    let mut i = 0;
    while i < blocks.len() {
        if let Some(lock) = blocks[i]
            && lock.path.is_empty()
        {
            return None;
        }
        i += 1;
    }
    let mut i = 0;
    while i < locked.len() {
        let (name, version) = locked[i];
        let (mut row, mut is_there, mut has_later) = (0, false, false);
        while row < events.len() {
            if same(events[row].name.as_bytes(), name.as_bytes()) {
                is_there |= events[row].version == version;
                has_later |= events[row].version > version;
            }
            row += 1;
        }
        if !is_there {
            return Some(Text::forgotten(name, version, has_later));
        }
        i += 1;
    }
    None
}
