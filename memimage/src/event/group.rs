//! Groups: several blocks of commands of one model.

use super::event_type::{self, EventType};
use super::lock_location::ShapeLock;
use super::name::same;

/// One of several blocks of commands of the model `M`, marked `#[memimage::commands(group = …)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a group of commands of `{M}`",
    label = "not a group of `{M}`",
    note = "a group is the name in `#[memimage::commands(group = {Self})]`, on an impl block of the model"
)]
pub trait Group<M: 'static> {
    /// The enum of the group's events: one variant for each command.
    type Event;

    /// The group's rows of the dispatch table.
    const EVENTS: &'static [EventType<M>];

    /// The shape lock of the model.
    const LOCK: Option<ShapeLock> = None;

    /// All of the model's events in the shape lock, including the events of other groups.
    const LOCKED: &'static [(&'static str, u32)] = &[];
}

/// Whether the model's dispatch table contains the commands of a block. Also true if the table or the block is empty, because
/// some other compile error may have emptied it.
pub const fn is_listed<M>(table: &[EventType<M>], block: &[EventType<M>]) -> bool {
    match (table, block) {
        ([], _) | (_, []) => true,
        (_, [first, ..]) => event_type::find(table, first.name, first.version).is_some(),
    }
}

/// The total number of rows in the parts of a table.
pub const fn count<M>(parts: &[&'static [EventType<M>]]) -> usize {
    let (mut count, mut part) = (0, 0);
    while part < parts.len() {
        count += parts[part].len();
        part += 1;
    }
    count
}

/// Concatenates the parts of a table.
///
/// # Panics
///
/// Panics if no part has a row; in a constant, this is a compile error.
pub const fn concat<M, const N: usize>(parts: &[&'static [EventType<M>]]) -> [EventType<M>; N] {
    let mut table = match first(parts) {
        Some(row) => [row; N],
        None => panic!("no group of this model has a command"),
    };
    let (mut row, mut part) = (0, 0);
    while part < parts.len() {
        let mut i = 0;
        while i < parts[part].len() {
            table[row] = parts[part][i];
            (row, i) = (row + 1, i + 1);
        }
        part += 1;
    }
    table
}

const fn first<M>(parts: &[&'static [EventType<M>]]) -> Option<EventType<M>> {
    let mut part = 0;
    while part < parts.len() {
        if !parts[part].is_empty() {
            return Some(parts[part][0]);
        }
        part += 1;
    }
    None
}

/// Returns the name of an event that both groups contain in the same version; `None` if there is no such event.
pub const fn shared<M>(a: &[EventType<M>], b: &[EventType<M>]) -> Option<&'static str> {
    let mut i = 0;
    while i < a.len() {
        let mut j = 0;
        while j < b.len() {
            if a[i].version == b[j].version && same(a[i].name, b[j].name) {
                return Some(a[i].name);
            }
            j += 1;
        }
        i += 1;
    }
    None
}
