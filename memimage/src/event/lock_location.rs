//! The location of a model's shape lock, and the check that the program replays every locked event.

use super::event_type::EventType;
use super::name::same;
use crate::shape::ConstText;

/// The location of a model's [shape lock](crate::shape_lock).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeLock {
    pub(crate) path: &'static str,
    pub(crate) model: &'static str,
    pub(crate) package: &'static str,
    pub(crate) selection: &'static str,
    pub(crate) is_shared: bool,
}

impl ShapeLock {
    /// `path` is the file; `model` is the prefix of the model's lines in it; `package` is the directory of the package's
    /// `Cargo.toml`; `selection` holds the arguments of `cargo test` that select the model's target, such as `--lib`;
    /// `is_shared` is true if the file may also contain lines of other packages.
    pub const fn new(
        path: &'static str,
        model: &'static str,
        package: &'static str,
        selection: &'static str,
        is_shared: bool,
    ) -> ShapeLock {
        ShapeLock { path, model, package, selection, is_shared }
    }

    /// The path that the lock file had when the program was compiled.
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// The prefix of the model's lines in the file: `shop::Bank`.
    pub const fn model(&self) -> &'static str {
        self.model
    }
}

impl ShapeLock {
    /// Whether two blocks of one model have the same lock. After any other compile error in a block, the block's lock has no
    /// path and agrees with every lock.
    pub const fn agree(a: Option<ShapeLock>, b: Option<ShapeLock>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => a.path.is_empty() || b.path.is_empty() || same(a.path, b.path),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

/// Returns the message about the first locked event that has no row in the table; `None` if there is none. Also returns `None`
/// after an error in one of the blocks, because the table then lacks that block's rows.
pub const fn missing_event<M>(
    blocks: &[Option<ShapeLock>],
    locked: &[(&'static str, u32)],
    events: &[EventType<M>],
) -> Option<ConstText> {
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
        let (mut row, mut newest, mut is_replayed) = (0, None, false);
        while row < events.len() {
            let found = events[row].version;
            if same(events[row].name, name) {
                is_replayed |= found == version;
                newest = match newest {
                    Some(newest) if newest > found => Some(newest),
                    _ => Some(found),
                };
            }
            row += 1;
        }
        if !is_replayed {
            return Some(ConstText::missing_event(name, version, newest));
        }
        i += 1;
    }
    None
}
