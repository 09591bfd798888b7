//! Compares two transcripts, and finds the first part in which they differ.

use std::cmp::Ordering;

use super::ValueDifference;
use super::reader::{Bytes, Outermost};
use crate::digest::error::shortened_path;
use crate::value::text::{one_line, truncated};

/// The maximum length of a value in a message, in characters.
const MAX_VALUE: usize = 120;

/// A message shows a value only if the value's transcript is not longer than this number of bytes.
const MAX_SHOWN: usize = 1 << 16;

/// The first difference between the transcripts of two values of one type; `None` if they are equal.
pub(super) fn first_difference(a: &[u8], b: &[u8]) -> Option<ValueDifference> {
    (a != b).then(|| Comparison::default().differing(Bytes(a), Bytes(b)))
}

/// The key and the value of an entry of a map.
type Entry<'a> = (Bytes<'a>, Bytes<'a>);

#[derive(Default)]
struct Comparison {
    /// The steps of the path to the two values that are being compared.
    path: Vec<String>,
}

impl Comparison {
    /// Finds the first difference between two values whose bytes differ.
    fn differing(mut self, a: Bytes<'_>, b: Bytes<'_>) -> ValueDifference {
        match (a.outermost(), b.outermost()) {
            (Outermost::Some(a), Outermost::Some(b)) => self.inside("?".to_owned(), a, b),
            (Outermost::Newtype(a), Outermost::Newtype(b)) => self.differing(a, b),
            (Outermost::Variant(name, a), Outermost::Variant(other, b)) if name == other => {
                self.inside(format!("::{name}"), a, b)
            }
            (Outermost::Tuple(a), Outermost::Tuple(b)) => self.items(&a, &b, |at| format!(".{at}")),
            (Outermost::List(a), Outermost::List(b)) => self.items(&a, &b, |at| format!("[{at}]")),
            (Outermost::Set(a), Outermost::Set(b)) => self.sets(&a, &b),
            (Outermost::Map(a), Outermost::Map(b)) => self.maps(&a, &b),
            (Outermost::OrderedMap(a), Outermost::OrderedMap(b)) => self.ordered_maps(&a, &b),
            (Outermost::Struct(fields), Outermost::Struct(others)) => {
                match fields.iter().zip(&others).find(|(field, other)| field != other) {
                    Some(((name, a), (other, b))) if name == other => {
                        self.path.push(format!(".{name}"));
                        self.differing(*a, *b)
                    }
                    _ => self.here(Some(a), Some(b)),
                }
            }
            _ => self.here(Some(a), Some(b)),
        }
    }

    fn inside(mut self, step: String, a: Bytes<'_>, b: Bytes<'_>) -> ValueDifference {
        self.path.push(step);
        self.differing(a, b)
    }

    fn items(self, a: &[Bytes<'_>], b: &[Bytes<'_>], step: impl Fn(usize) -> String) -> ValueDifference {
        let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        self.at(step(same), a.get(same).copied(), b.get(same).copied())
    }

    /// Compares the items of two sets. Both slices are sorted, and may contain an item several times.
    fn sets(self, a: &[Bytes<'_>], b: &[Bytes<'_>]) -> ValueDifference {
        let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        let (a, b) = (a.get(same).copied(), b.get(same).copied());
        let (a, b) = match (a, b) {
            (Some(in_a), Some(in_b)) if in_a.0 < in_b.0 => (a, None),
            (Some(_), Some(_)) => (None, b),
            _ => (a, b),
        };
        self.at("[]".to_owned(), a, b)
    }

    /// Compares the entries of two maps. Both slices are sorted by their keys.
    fn maps(self, a: &[Entry<'_>], b: &[Entry<'_>]) -> ValueDifference {
        let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        let (key, a, b) = match (a.get(same), b.get(same)) {
            (Some((key, a)), Some((other, b))) => match key.0.cmp(other.0) {
                Ordering::Less => (key, Some(*a), None),
                Ordering::Equal => (key, Some(*a), Some(*b)),
                Ordering::Greater => (other, None, Some(*b)),
            },
            (Some((key, a)), None) => (key, Some(*a), None),
            (None, Some((key, b))) => (key, None, Some(*b)),
            (None, None) => unreachable!("the maps differ"),
        };
        self.at(format!("[{}]", text(*key)), a, b)
    }

    /// Compares the entries of two ordered maps. If two keys at the same place differ, reports these keys, because the order of
    /// the entries is part of the value.
    fn ordered_maps(self, a: &[Entry<'_>], b: &[Entry<'_>]) -> ValueDifference {
        let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        match (a.get(same), b.get(same)) {
            (Some((key, a)), Some((other, b))) if key == other => {
                self.at(format!("[{}]", text(*key)), Some(*a), Some(*b))
            }
            (a, b) => self.at(format!("[key {same}]"), a.map(|entry| entry.0), b.map(|entry| entry.0)),
        }
    }

    /// Adds a step to the path, and finds the first difference between the two parts at the new path. A part is `None` if only
    /// the other value has it.
    fn at(mut self, step: String, a: Option<Bytes<'_>>, b: Option<Bytes<'_>>) -> ValueDifference {
        self.path.push(step);
        match (a, b) {
            (Some(a), Some(b)) => self.differing(a, b),
            _ => self.here(a, b),
        }
    }

    fn here(self, a: Option<Bytes<'_>>, b: Option<Bytes<'_>>) -> ValueDifference {
        let part = |part: Option<Bytes<'_>>| part.map_or_else(|| "absent".to_owned(), text);
        ValueDifference { path: shortened_path(self.path.iter()), parts: [part(a), part(b)] }
    }
}

fn text(value: Bytes<'_>) -> String {
    match value.0.len() <= MAX_SHOWN {
        true => truncated(one_line(&value.to_value()), MAX_VALUE),
        false => "a value too long to show".to_owned(),
    }
}
