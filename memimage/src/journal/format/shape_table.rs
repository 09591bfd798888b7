//! The table of shapes: which event each number in the journal stands for, and the shape it was recorded with.
//!
//! It grows as events are first used, so a journal holds the shapes of just those events that occur in it.

use serde::{Deserialize, Serialize};

use super::record::EventId;
use crate::shape::ShapeTree;

/// The events of a journal by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShapeTable {
    pub(crate) rows: Vec<ShapeRow>,
}

/// One version of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShapeRow {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) shape: ShapeTree,
}

/// The form of a row in the journal.
#[derive(Serialize, Deserialize)]
struct StoredRow {
    name: String,
    version: u32,
    shape: Vec<u8>,
}

/// A frame of shapes that does not decode.
#[derive(Debug, thiserror::Error)]
#[error("its table of shapes does not decode: {0}")]
pub(crate) struct ShapeTableError(String);

impl ShapeTable {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let rows: Vec<StoredRow> = self
            .rows
            .iter()
            .map(|row| StoredRow { name: row.name.clone(), version: row.version, shape: row.shape.encode() })
            .collect();
        postcard::to_stdvec(&rows).expect("names, numbers and bytes can be encoded")
    }

    pub(crate) fn decode(body: &[u8]) -> Result<ShapeTable, ShapeTableError> {
        let (rows, rest): (Vec<StoredRow>, _) =
            postcard::take_from_bytes(body).map_err(|error| ShapeTableError(error.to_string()))?;
        if !rest.is_empty() {
            return Err(ShapeTableError(format!("{} bytes are left over", rest.len())));
        }
        let row = |row: StoredRow| match ShapeTree::decode(&row.shape) {
            Ok(shape) => Ok(ShapeRow { name: row.name, version: row.version, shape }),
            Err(error) => Err(ShapeTableError(format!("the shape of `{}` version {}: {error}", row.name, row.version))),
        };
        Ok(ShapeTable { rows: rows.into_iter().map(row).collect::<Result<_, _>>()? })
    }

    /// The name, the version and the shape of the event with this number.
    pub(crate) fn event(&self, event: EventId) -> Option<(&str, u32, &ShapeTree)> {
        self.rows.get(event.0 as usize).map(|row| (&*row.name, row.version, &row.shape))
    }

    /// This table as bytes, beside which others are held.
    pub(crate) fn to_beginnings(&self) -> ShapeTables {
        let mut beginnings = ShapeTables { rows: Vec::new(), ends: vec![0] };
        for row in &self.rows {
            let stored = StoredRow { name: row.name.clone(), version: row.version, shape: row.shape.encode() };
            let rows = std::mem::take(&mut beginnings.rows);
            beginnings.rows = postcard::to_extend(&stored, rows).expect("a name, a number and bytes can be encoded");
            beginnings.ends.push(beginnings.rows.len());
        }
        beginnings
    }

    /// Whether this table says all that `other` says: the same events under the same numbers.
    pub(crate) fn continues(&self, other: &ShapeTable) -> bool {
        let same = |(a, b): (&ShapeRow, &ShapeRow)| a.name == b.name && a.version == b.version;
        self.rows.len() >= other.rows.len() && self.rows.iter().zip(&other.rows).all(same)
    }
}

/// The bytes of a table, and of each that it may have grown from. A journal repeats its table whenever that grows, and
/// decoding each would take time with the square of its length.
#[derive(Debug)]
pub(crate) struct ShapeTables {
    /// The rows, one after the other.
    rows: Vec<u8>,
    /// Where in them the first row begins, and where each ends.
    ends: Vec<usize>,
}

impl ShapeTables {
    /// Whether the body of a frame of shapes is the beginning of the table, byte by byte.
    pub(crate) fn has(&self, body: &[u8]) -> bool {
        let Ok((count, rows)) = postcard::take_from_bytes::<usize>(body) else { return false };
        self.ends.get(count).is_some_and(|&end| self.rows[..end] == *rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Shape;

    fn table(names: &[&str]) -> ShapeTable {
        let row = |name: &&str| ShapeRow { name: (*name).to_owned(), version: 1, shape: ShapeTree::of(u32::SHAPE) };
        ShapeTable { rows: names.iter().map(row).collect() }
    }

    #[test]
    fn what_a_table_grew_from_is_its_beginning() {
        let all = ["deposit", "withdraw", ""];
        let beginnings = table(&all).to_beginnings();
        for len in 0..=all.len() {
            assert!(beginnings.has(&table(&all[..len]).encode()), "{len}");
        }
        for other in [&["withdraw"][..], &["deposit", ""], &["deposit", "withdraw", "", ""]] {
            assert!(!beginnings.has(&table(other).encode()), "{other:?}");
        }
    }

    #[test]
    fn bytes_that_end_within_a_row_are_no_beginning() {
        let beginnings = table(&["deposit", "withdraw"]).to_beginnings();
        let body = table(&["deposit", "withdraw"]).encode();
        for len in 0..body.len() {
            assert!(!beginnings.has(&body[..len]), "{len}");
        }
        assert!(!beginnings.has(&[&body[..], &[0]].concat()));
    }
}
