//! The table of shapes: which event each number in the journal stands for, and the shape it was recorded with.
//!
//! It grows as events are first used, so a journal holds the shapes of just those events that occur in it.

use serde::{Deserialize, Serialize};

use super::record::EventId;
use crate::event::EventType;
use crate::shape::{Shape, ShapeTree, differences};

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

/// How the names of events begin that the library records itself; the macros refuse them for commands.
const OWN_EVENTS: &str = "memimage.";
/// The event that stands where one was upcast to nothing when a journal was rewritten, so that no later event comes to
/// have the seq, and with it the random values, of an older one.
pub(crate) const DROPPED: &str = "memimage.dropped";

/// What a number in the journal stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The event in this row of the program's table.
    Event(usize),
    /// An event that was upcast to nothing when the journal was rewritten.
    Dropped,
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
    /// What each number in the journal stands for.
    meanings: Vec<Meaning>,
    /// For each row of the program's table, the number in the journal, if it stands there with the program's shape.
    ids: Vec<Option<EventId>>,
}

impl Dispatch {
    /// For a journal without events.
    pub(crate) fn empty<M>(events: &[EventType<M>]) -> Dispatch {
        Dispatch { table: Table::default(), meanings: Vec::new(), ids: vec![None; events.len()] }
    }

    /// Compares a journal's table with the program's.
    ///
    /// # Errors
    ///
    /// Every difference that would make the program misread the journal, each as a line of text.
    pub(crate) fn new<M>(table: Table, events: &[EventType<M>]) -> Result<Dispatch, Vec<String>> {
        let mut found = Vec::new();
        let mut meanings = Vec::new();
        let mut ids = vec![None; events.len()];
        for (id, journal) in table.rows.iter().enumerate() {
            if *journal == Row::dropped() {
                meanings.push(Meaning::Dropped);
                continue;
            }
            let same_name: Vec<_> = events.iter().filter(|event| event.name == journal.name).collect();
            let Some(row) =
                events.iter().position(|event| event.name == journal.name && event.version == journal.version)
            else {
                found.push(unknown(journal, &same_name));
                continue;
            };
            let Some(shape) = events[row].shape else {
                meanings.push(Meaning::Event(row));
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
            meanings.push(Meaning::Event(row));
            // a shape that has grown is written anew before the event is next used
            if journal.shape == program {
                ids[row] = Some(EventId(id as u32));
            }
        }
        if found.is_empty() { Ok(Dispatch { table, meanings, ids }) } else { Err(found) }
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// What a number in the journal stands for, and the shape that the journal says.
    pub(crate) fn meaning(&self, event: EventId) -> Option<(Meaning, &ShapeTree)> {
        let number = event.0 as usize;
        Some((*self.meanings.get(number)?, &self.table.rows.get(number)?.shape))
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
        grown.ids[row] = Some(match known {
            Some(id) => {
                grown.table.rows[id] = declared;
                EventId(id as u32)
            }
            None => grown.push(declared, Meaning::Event(row)),
        });
        grown
    }

    /// The number of the event that stands where there is none any more, if it was [declared](Dispatch::declare_dropped).
    pub(crate) fn dropped(&self) -> Option<EventId> {
        self.meanings.iter().position(|meaning| *meaning == Meaning::Dropped).map(|id| EventId(id as u32))
    }

    /// A table that also has the event that stands where there is none any more.
    #[must_use]
    pub(crate) fn declare_dropped(&self) -> Dispatch {
        let mut grown = self.clone();
        grown.push(Row::dropped(), Meaning::Dropped);
        grown
    }

    fn push(&mut self, row: Row, meaning: Meaning) -> EventId {
        self.table.rows.push(row);
        self.meanings.push(meaning);
        EventId(self.table.rows.len() as u32 - 1)
    }
}

impl Row {
    fn dropped() -> Row {
        Row { name: DROPPED.to_owned(), version: 1, shape: ShapeTree::of(<()>::SHAPE) }
    }
}

fn unknown<M>(journal: &Row, same_name: &[&EventType<M>]) -> String {
    let Row { name, version, .. } = journal;
    if name.starts_with(OWN_EVENTS) {
        return format!("`{name}` version {version} is an event of a newer memimage's; use that");
    }
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
