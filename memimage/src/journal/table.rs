//! The table of shapes: which event each number in the journal stands for, and the shape it was recorded with.
//!
//! It grows as events are first used, so a journal holds the shapes of just those events that occur in it.

use serde::{Deserialize, Serialize};

use crate::shape::ShapeTree;

/// The events of a journal by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    pub(super) rows: Vec<Row>,
}

/// One version of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) version: u32,
    pub(super) shape: ShapeTree,
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
pub(crate) struct TableFault(String);

impl Table {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let rows: Vec<StoredRow> = self
            .rows
            .iter()
            .map(|row| StoredRow { name: row.name.clone(), version: row.version, shape: row.shape.encode() })
            .collect();
        postcard::to_stdvec(&rows).expect("names, numbers and bytes can be encoded")
    }

    pub(crate) fn decode(body: &[u8]) -> Result<Table, TableFault> {
        let (rows, rest): (Vec<StoredRow>, _) =
            postcard::take_from_bytes(body).map_err(|error| TableFault(error.to_string()))?;
        if !rest.is_empty() {
            return Err(TableFault(format!("{} bytes are left over", rest.len())));
        }
        let row = |row: StoredRow| match ShapeTree::decode(&row.shape) {
            Ok(shape) => Ok(Row { name: row.name, version: row.version, shape }),
            Err(error) => Err(TableFault(format!("the shape of `{}` version {}: {error}", row.name, row.version))),
        };
        Ok(Table { rows: rows.into_iter().map(row).collect::<Result<_, _>>()? })
    }

    /// Whether this table says all that `other` says: the same events under the same numbers.
    pub(crate) fn continues(&self, other: &Table) -> bool {
        let same = |(a, b): (&Row, &Row)| a.name == b.name && a.version == b.version;
        self.rows.len() >= other.rows.len() && self.rows.iter().zip(&other.rows).all(same)
    }
}
