//! Compares two transcripts, and finds the parts in which they differ.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::ControlFlow;

use super::reader::{Bytes, Outermost};

/// Two values of one type that differ, at the end of a path. A value is `None` if only the other value has this part.
pub(super) struct DifferentParts<'a> {
    pub(super) path: &'a [String],
    pub(super) parts: [Option<Bytes<'a>>; 2],
}

/// Passes each difference between the transcripts of two values of one type to `visit`, until `visit` breaks.
pub(super) fn each_difference(a: &[u8], b: &[u8], visit: &mut dyn FnMut(DifferentParts<'_>) -> ControlFlow<()>) {
    if a != b {
        // whether the visitor has seen enough does not matter here
        let _ = Comparison { path: Vec::new(), visit }.differing(Bytes(a), Bytes(b));
    }
}

/// The key and the value of an entry of a map.
type Entry<'a> = (Bytes<'a>, Bytes<'a>);

struct Comparison<'v> {
    /// The steps of the path to the two values that are being compared.
    path: Vec<String>,
    visit: &'v mut dyn FnMut(DifferentParts<'_>) -> ControlFlow<()>,
}

impl Comparison<'_> {
    /// Finds the differences between two values whose bytes differ.
    fn differing(&mut self, a: Bytes<'_>, b: Bytes<'_>) -> ControlFlow<()> {
        match (a.outermost(), b.outermost()) {
            (Outermost::Some(a), Outermost::Some(b)) => self.at("?".to_owned(), Some(a), Some(b)),
            (Outermost::Newtype(a), Outermost::Newtype(b)) => self.differing(a, b),
            (Outermost::Variant(name, a), Outermost::Variant(other, b)) if name == other => {
                self.at(format!("::{name}"), Some(a), Some(b))
            }
            (Outermost::Tuple(a), Outermost::Tuple(b)) => self.items(&a, &b, |at| format!(".{at}")),
            (Outermost::List(a), Outermost::List(b)) => self.items(&a, &b, |at| format!("[{at}]")),
            (Outermost::Set(a), Outermost::Set(b)) => self.sets(&a, &b),
            (Outermost::Map(a), Outermost::Map(b)) => self.maps(&a, &b),
            (Outermost::OrderedMap(a), Outermost::OrderedMap(b)) => self.ordered_maps(&a, &b),
            (Outermost::Struct(a), Outermost::Struct(b)) if have_same_fields(&a, &b) => {
                let mut fields = a.into_iter().zip(b);
                fields.try_for_each(|((name, a), (_, b))| self.at(format!(".{name}"), Some(a), Some(b)))
            }
            _ => self.report(Some(a), Some(b)),
        }
    }

    fn items(&mut self, a: &[Bytes<'_>], b: &[Bytes<'_>], step: impl Fn(usize) -> String) -> ControlFlow<()> {
        (0..a.len().max(b.len())).try_for_each(|at| self.at(step(at), a.get(at).copied(), b.get(at).copied()))
    }

    /// Compares the items of two sets. Both slices are sorted, and may contain an item several times.
    fn sets(&mut self, a: &[Bytes<'_>], b: &[Bytes<'_>]) -> ControlFlow<()> {
        merge(a, b, |item| *item, |a, b| self.at("[]".to_owned(), a.copied(), b.copied()))
    }

    /// Compares the entries of two maps. Both slices are sorted by their keys.
    fn maps(&mut self, a: &[Entry<'_>], b: &[Entry<'_>]) -> ControlFlow<()> {
        merge(
            a,
            b,
            |(key, _)| *key,
            |a, b| {
                let (key, _) = a.or(b).expect("at least one of them has the entry");
                self.at(step(*key), a.map(|entry| entry.1), b.map(|entry| entry.1))
            },
        )
    }

    /// Compares the entries of two ordered maps. If both maps have the same keys in another order, reports the first two keys that
    /// differ, because the order of the entries is part of the value.
    fn ordered_maps(&mut self, a: &[Entry<'_>], b: &[Entry<'_>]) -> ControlFlow<()> {
        let (in_a, in_b) = (by_key(a), by_key(b));
        for (key, value) in a {
            self.at(step(*key), Some(*value), in_b.get(key.0).copied())?;
        }
        for (key, value) in b.iter().filter(|(key, _)| !in_a.contains_key(key.0)) {
            self.at(step(*key), None, Some(*value))?;
        }
        let moved = a.iter().zip(b).position(|((key, _), (other, _))| key != other);
        match moved.filter(|_| a.iter().all(|(key, _)| in_b.contains_key(key.0)) && a.len() == b.len()) {
            Some(at) => self.at(format!("[key {at}]"), Some(a[at].0), Some(b[at].0)),
            None => ControlFlow::Continue(()),
        }
    }

    /// Adds a step to the path, and finds the differences between the two parts at the new path. A part is `None` if only the
    /// other value has it.
    fn at(&mut self, step: String, a: Option<Bytes<'_>>, b: Option<Bytes<'_>>) -> ControlFlow<()> {
        if a == b {
            return ControlFlow::Continue(());
        }
        self.path.push(step);
        match (a, b) {
            (Some(a), Some(b)) => self.differing(a, b)?,
            _ => self.report(a, b)?,
        }
        self.path.pop();
        ControlFlow::Continue(())
    }

    fn report(&mut self, a: Option<Bytes<'_>>, b: Option<Bytes<'_>>) -> ControlFlow<()> {
        (self.visit)(DifferentParts { path: &self.path, parts: [a, b] })
    }
}

fn have_same_fields(a: &[(&str, Bytes<'_>)], b: &[(&str, Bytes<'_>)]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|((name, _), (other, _))| name == other)
}

/// The step to the value of a key. A path may be long, but not unreadable.
fn step(key: Bytes<'_>) -> String {
    format!("[{}]", super::text(key))
}

fn by_key<'a>(entries: &[Entry<'a>]) -> HashMap<&'a [u8], Bytes<'a>> {
    entries.iter().map(|(key, value)| (key.0, *value)).collect()
}

/// Walks through two slices that are sorted by `key`, and passes the items with the same key to `visit` together.
fn merge<'s, 'a, T>(
    mut a: &'s [T],
    mut b: &'s [T],
    key: impl Fn(&T) -> Bytes<'a>,
    mut visit: impl FnMut(Option<&'s T>, Option<&'s T>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    loop {
        let order = match (a.first(), b.first()) {
            (Some(in_a), Some(in_b)) => key(in_a).0.cmp(key(in_b).0),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return ControlFlow::Continue(()),
        };
        let (in_a, in_b) = match order {
            Ordering::Less => (a.split_off_first(), None),
            Ordering::Equal => (a.split_off_first(), b.split_off_first()),
            Ordering::Greater => (None, b.split_off_first()),
        };
        visit(in_a, in_b)?;
    }
}
