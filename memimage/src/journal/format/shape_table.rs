//! The table of shapes: the name, version and shape of each event number in the journal. No I/O.
//!
//! The writer adds an event to the table when the event is first used. So a journal has the shapes of exactly the events that
//! occur in it.

use serde::{Deserialize, Serialize};

use super::record::EventId;
use crate::shape::ShapeTree;

/// The table of shapes. The index of a row is the number of its event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShapeTable {
    pub(crate) rows: Vec<ShapeRow>,
}

/// A version of an event, and its shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShapeRow {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) shape: ShapeTree,
}

/// A row as it is stored in the journal.
#[derive(Serialize, Deserialize)]
struct StoredRow {
    name: String,
    version: u32,
    shape: Vec<u8>,
}

/// The error for a shape table that does not decode.
#[derive(Debug, thiserror::Error)]
#[error("the shape table does not decode: {0}")]
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
            return Err(ShapeTableError(format!("{} bytes follow the table", rest.len())));
        }
        let row = |row: StoredRow| match ShapeTree::decode(&row.shape) {
            Ok(shape) => Ok(ShapeRow { name: row.name, version: row.version, shape }),
            Err(error) => Err(ShapeTableError(format!("the shape of `{}` version {}: {error}", row.name, row.version))),
        };
        Ok(ShapeTable { rows: rows.into_iter().map(row).collect::<Result<_, _>>()? })
    }

    /// The name, version and shape of the event with this number.
    pub(crate) fn event(&self, event: EventId) -> Option<(&str, u32, &ShapeTree)> {
        self.rows.get(event.0 as usize).map(|row| (&*row.name, row.version, &row.shape))
    }

    /// This table and all its prefixes, encoded to be compared with the bodies of frames.
    pub(crate) fn prefixes(&self) -> TablePrefixes {
        let mut prefixes = TablePrefixes { rows: Vec::new(), ends: vec![0] };
        for row in &self.rows {
            let stored = StoredRow { name: row.name.clone(), version: row.version, shape: row.shape.encode() };
            let rows = std::mem::take(&mut prefixes.rows);
            prefixes.rows = postcard::to_extend(&stored, rows).expect("a name, a number and bytes can be encoded");
            prefixes.ends.push(prefixes.rows.len());
        }
        prefixes
    }

    /// Whether `other` is a prefix of this table. Compares only the names and versions of events.
    pub(crate) fn continues(&self, other: &ShapeTable) -> bool {
        let same = |(a, b): (&ShapeRow, &ShapeRow)| a.name == b.name && a.version == b.version;
        self.rows.len() >= other.rows.len() && self.rows.iter().zip(&other.rows).all(same)
    }
}

/// The encoded rows of a table, for comparison with its prefixes. A journal repeats its table whenever the table grows, and
/// decoding each copy would take time quadratic in the length of the table.
#[derive(Debug)]
pub(crate) struct TablePrefixes {
    /// The encoded rows, concatenated.
    rows: Vec<u8>,
    /// The length of the first 0, 1, 2 … rows in `rows`, in bytes.
    ends: Vec<usize>,
}

impl TablePrefixes {
    /// Whether the body of a frame of shapes is, byte by byte, a prefix of the table.
    pub(crate) fn contains(&self, body: &[u8]) -> bool {
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
    fn earlier_versions_of_a_table_are_prefixes_of_it() {
        let all = ["deposit", "withdraw", ""];
        let prefixes = table(&all).prefixes();
        for len in 0..=all.len() {
            assert!(prefixes.contains(&table(&all[..len]).encode()), "{len}");
        }
        for other in [&["withdraw"][..], &["deposit", ""], &["deposit", "withdraw", "", ""]] {
            assert!(!prefixes.contains(&table(other).encode()), "{other:?}");
        }
    }

    #[test]
    fn bytes_that_end_within_a_row_are_not_a_prefix() {
        let prefixes = table(&["deposit", "withdraw"]).prefixes();
        let body = table(&["deposit", "withdraw"]).encode();
        for len in 0..body.len() {
            assert!(!prefixes.contains(&body[..len]), "{len}");
        }
        assert!(!prefixes.contains(&[&body[..], &[0]].concat()));
    }
}
