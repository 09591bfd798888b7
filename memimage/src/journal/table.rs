//! The table of shapes: which event each number in the journal stands for, and the shape it was recorded with.
//!
//! It grows as events are first used, so a journal holds the shapes of just those events that occur in it.

use serde::{Deserialize, Serialize};

use super::record::EventId;
use crate::event::EventType;
use crate::shape::{ShapeTree, differences};

/// The events of a journal by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

/// One version of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    name: String,
    version: u32,
    shape: ShapeTree,
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

/// A journal's table side by side with a program's.
#[derive(Clone, Debug)]
pub(crate) struct Dispatch {
    table: Table,
    /// For each number in the journal, the row of the program's table.
    rows: Vec<usize>,
    /// For each row of the program's table, the number in the journal, if it stands there with the program's shape.
    ids: Vec<Option<EventId>>,
}

impl Dispatch {
    /// Compares a journal's table with the program's.
    ///
    /// # Errors
    ///
    /// Every difference that would make the program misread the journal, each as a line of text.
    pub(crate) fn new<M>(table: Table, events: &[EventType<M>]) -> Result<Dispatch, Vec<String>> {
        let mut found = Vec::new();
        let mut rows = Vec::new();
        let mut ids = vec![None; events.len()];
        for (id, journal) in table.rows.iter().enumerate() {
            let same_name: Vec<_> = events.iter().filter(|event| event.name == journal.name).collect();
            let Some(row) =
                events.iter().position(|event| event.name == journal.name && event.version == journal.version)
            else {
                found.push(unknown(journal, &same_name));
                continue;
            };
            let Some(shape) = events[row].shape else {
                rows.push(row);
                continue;
            };
            let program = ShapeTree::of(shape);
            let root = format!("{} v{}: payload", journal.name, journal.version);
            let mut differing = differences(&root, &journal.shape, &program).into_iter().peekable();
            if differing.peek().is_some() {
                found.extend(differing.map(|difference| difference.to_string()));
                found.push(format!(
                    "to change `{}`, raise its version and keep version {} for replay",
                    journal.name, journal.version
                ));
                continue;
            }
            rows.push(row);
            // a shape that has grown is written anew before the event is next used
            if journal.shape == program {
                ids[row] = Some(EventId(id as u32));
            }
        }
        if found.is_empty() { Ok(Dispatch { table, rows, ids }) } else { Err(found) }
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// The row of the program's table for a number in the journal, and the shape that the journal says.
    pub(crate) fn row(&self, event: EventId) -> Option<(usize, &ShapeTree)> {
        let number = event.0 as usize;
        Some((*self.rows.get(number)?, &self.table.rows.get(number)?.shape))
    }

    /// The number in the journal of a row of the program's table; `None` if it must be [declared](Dispatch::declare).
    #[inline]
    pub(crate) fn id(&self, row: usize) -> Option<EventId> {
        self.ids[row]
    }

    /// A table that also has the event in this row of the program's.
    #[must_use]
    pub(crate) fn declare<M>(&self, row: usize, event: &EventType<M>) -> Dispatch {
        let mut grown = self.clone();
        let shape = ShapeTree::of(event.shape.expect("what is recorded has a shape"));
        let declared = Row { name: event.name.to_owned(), version: event.version, shape };
        let known =
            grown.table.rows.iter().position(|row| row.name == declared.name && row.version == declared.version);
        let id = known.unwrap_or(grown.table.rows.len());
        match known {
            Some(id) => grown.table.rows[id] = declared,
            None => {
                grown.table.rows.push(declared);
                grown.rows.push(row);
            }
        }
        grown.ids[row] = Some(EventId(id as u32));
        grown
    }
}

fn unknown<M>(journal: &Row, same_name: &[&EventType<M>]) -> String {
    let Row { name, version, .. } = journal;
    match same_name.iter().map(|event| event.version).max() {
        None => {
            format!("`{name}` version {version} is in the journal and no command of this program; keep it in the block")
        }
        Some(newest) if newest < *version => {
            format!("`{name}` version {version} is in the journal, this program knows version {newest}: it is too old")
        }
        Some(newest) => {
            format!("`{name}` version {version} is in the journal, this program knows only version {newest}")
        }
    }
}
