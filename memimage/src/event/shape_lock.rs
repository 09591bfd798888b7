//! Where the shape lock of a model is, and what it holds.

use super::event_type::EventType;
use super::name::same;
use crate::shape::Text;

/// Where the [shape lock](crate::shape_lock) of a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeLock {
    pub(crate) path: &'static str,
    pub(crate) model: &'static str,
    pub(crate) package: &'static str,
    pub(crate) selection: &'static str,
    pub(crate) is_shared: bool,
}

impl ShapeLock {
    /// The file; what the model's lines in it begin with; the directory of the package's `Cargo.toml`; the arguments of
    /// `cargo test` that select the model's target, such as `--lib`; and whether other packages may have lines in the file.
    pub const fn new(
        path: &'static str,
        model: &'static str,
        package: &'static str,
        selection: &'static str,
        is_shared: bool,
    ) -> ShapeLock {
        ShapeLock { path, model, package, selection, is_shared }
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
            (Some(a), Some(b)) => a.path.is_empty() || b.path.is_empty() || same(a.path, b.path),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

/// The message about the first event of a lock that no row of the table is for. None after an error in one of the
/// blocks, whose rows are missing from the table.
pub const fn missing_event<M>(
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
            return Some(Text::forgotten(name, version, newest));
        }
        i += 1;
    }
    None
}
