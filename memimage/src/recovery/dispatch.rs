//! The dispatch of recorded events: maps each event number in a journal's shape table to the program's event that
//! replays it.

use std::collections::HashMap;

use crate::event::{EventType, EventVersion, ValueUpcast};
use crate::journal::{EventId, ShapeRow, ShapeTable};
use crate::shape::{Difference, Shape, ShapeTree, differences, fingerprint};

/// The mapping between a journal's shape table and a program's events.
#[derive(Clone, Debug)]
pub(crate) struct Dispatch {
    table: ShapeTable,
    /// For each event number in the journal, the program's event that replays the events with this number.
    known: Vec<KnownEvent>,
    /// For each row of the program's dispatch table, the event's number in the journal; `None` if the journal does not contain
    /// this event with the program's shape.
    ids: Vec<Option<EventId>>,
}

/// The name prefix of the events that the library itself records. The macros refuse command names with this prefix.
const LIBRARY_PREFIX: &str = "memimage.";
/// The name of the placeholder that, in a rewritten journal, replaces each event that was upcast to nothing. Because of the
/// placeholder, later events keep their seqs and therefore their random values.
pub(crate) const DROPPED: &str = "memimage.dropped";

/// An event that the program knows.
#[derive(Clone, Debug)]
enum KnownEvent {
    /// A version of an event of the program.
    Event {
        /// The event's row in the program's dispatch table.
        row: usize,
        /// The shape that the event's upcasters on values produce; `None` if the event has no such upcasters.
        target: Option<ShapeTree>,
    },
    /// The placeholder event [`DROPPED`].
    Dropped,
}

/// The action that replays an event number of the journal.
pub(crate) enum ReplayAction<'a, M> {
    /// Replay as an event of the program.
    Event(ReplayRoute<'a, M>),
    /// Skip: the event was upcast to nothing when the journal was rewritten.
    Dropped,
}

/// How an event of the program is replayed.
pub(crate) struct ReplayRoute<'a, M> {
    /// The event's row in the program's dispatch table.
    pub(crate) row: usize,
    pub(crate) event: &'a EventType<M>,
    /// The shape with which the event was recorded.
    pub(crate) shape: &'a ShapeTree,
    pub(crate) values: Option<ValueUpcast<'a>>,
}

impl Dispatch {
    /// Compares a journal's shape table with the program's dispatch table.
    ///
    /// # Errors
    ///
    /// Returns each difference that would make the program misread the journal, as a line of text.
    pub(crate) fn new<M>(table: ShapeTable, events: &[EventType<M>]) -> Result<Dispatch, Vec<String>> {
        let by_name = ByName::new(events);
        let mut cycles = UpcastCycles::new(events, &by_name);
        let mut found = Vec::new();
        let mut known = Vec::new();
        let mut ids = vec![None; events.len()];
        for (id, journal) in table.rows.iter().enumerate() {
            if *journal == ShapeRow::dropped() {
                known.push(KnownEvent::Dropped);
                continue;
            }
            let Some(row) = by_name.row(&journal.name, journal.version) else {
                found.push(unknown(journal, by_name.newest(&journal.name)));
                continue;
            };
            let event = &events[row];
            if cycles.has_cycle(row) {
                let ShapeRow { name, version, .. } = journal;
                found.push(format!(
                    "the upcasters of `{name}` version {version} form a cycle; help: let the last upcaster return a current payload"
                ));
            }
            if let Some(shape) = event.shape {
                // if the program's shape only extends the journal's shape, the program declares the new shape in the journal
                // before it next records the event
                if fingerprint(shape) == journal.shape.fingerprint() {
                    ids[row] = Some(EventId(id as u32));
                } else {
                    // the help suggests a new version only for an event that the program still records
                    let newest = by_name.newest(&journal.name).filter(|_| !event.is_past);
                    found.extend(drift(journal, &ShapeTree::of(shape), newest));
                }
            }
            known.push(KnownEvent::Event { row, target: event.values.map(|values| ShapeTree::of(values.target)) });
        }
        if found.is_empty() { Ok(Dispatch { table, known, ids }) } else { Err(found) }
    }

    pub(crate) fn table(&self) -> &ShapeTable {
        &self.table
    }

    /// The action that replays an event number of the journal; `None` if the number is unknown.
    #[inline]
    pub(crate) fn action<'a, M>(&'a self, event: EventId, events: &'a [EventType<M>]) -> Option<ReplayAction<'a, M>> {
        let number = event.0 as usize;
        let KnownEvent::Event { row, target } = self.known.get(number)? else { return Some(ReplayAction::Dropped) };
        let event = &events[*row];
        let values = event.values.zip(target.as_ref());
        Some(ReplayAction::Event(ReplayRoute {
            row: *row,
            event,
            shape: &self.table.rows[number].shape,
            values: values.map(|(values, target)| ValueUpcast { steps: values.steps, target }),
        }))
    }

    /// The journal's event number for a row of the program's table; `None` if [`declare`](Dispatch::declare) must first add the
    /// row to the mapping.
    #[inline]
    pub(crate) fn id(&self, row: usize) -> Option<EventId> {
        self.ids[row]
    }

    /// Returns a copy of the mapping that also contains the event in this row of the program's table.
    #[must_use]
    pub(crate) fn declare<M>(&self, row: usize, event: &EventType<M>) -> Dispatch {
        let mut grown = self.clone();
        let declared = ShapeRow::of(event);
        let known =
            grown.table.rows.iter().position(|row| row.name == declared.name && row.version == declared.version);
        grown.ids[row] = Some(match known {
            Some(id) => {
                grown.table.rows[id] = declared;
                EventId(id as u32)
            }
            None => grown.push(declared, KnownEvent::Event { row, target: None }),
        });
        grown
    }

    fn push(&mut self, row: ShapeRow, known: KnownEvent) -> EventId {
        self.table.rows.push(row);
        self.known.push(known);
        EventId(self.table.rows.len() as u32 - 1)
    }
}

impl ShapeRow {
    /// The row of an event that this program records.
    pub(crate) fn of<M>(event: &EventType<M>) -> ShapeRow {
        let shape = ShapeTree::of(event.shape.expect("a recorded event has a shape"));
        ShapeRow { name: event.name.to_owned(), version: event.version, shape }
    }

    /// The row of [`DROPPED`].
    pub(crate) fn dropped() -> ShapeRow {
        ShapeRow { name: DROPPED.to_owned(), version: 1, shape: ShapeTree::of(<()>::SHAPE) }
    }
}

/// For the name of each event of a program: the event's versions, each with its row in the dispatch table.
struct ByName<'a>(HashMap<&'a str, Vec<(u32, usize)>>);

impl<'a> ByName<'a> {
    fn new<M>(events: &'a [EventType<M>]) -> ByName<'a> {
        let mut names: HashMap<_, Vec<_>> = HashMap::new();
        for (row, event) in events.iter().enumerate() {
            names.entry(event.name).or_default().push((event.version, row));
        }
        ByName(names)
    }

    fn row(&self, name: &str, version: u32) -> Option<usize> {
        self.0.get(name)?.iter().find(|known| known.0 == version).map(|known| known.1)
    }

    fn newest(&self, name: &str) -> Option<u32> {
        self.0.get(name)?.iter().map(|known| known.0).max()
    }
}

/// Finds the rows whose upcasters form a cycle. Each upcaster in a chain keeps a payload on the stack, so cycles must be found
/// before the first upcaster runs.
struct UpcastCycles<'a, M> {
    events: &'a [EventType<M>],
    by_name: &'a ByName<'a>,
    /// The result for each row.
    visits: Vec<Visit>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    New,
    /// The row is on the path that the search follows.
    OnPath,
    Acyclic,
    Cyclic,
}

impl<'a, M> UpcastCycles<'a, M> {
    fn new(events: &'a [EventType<M>], by_name: &'a ByName<'a>) -> UpcastCycles<'a, M> {
        UpcastCycles { events, by_name, visits: vec![Visit::New; events.len()] }
    }

    /// Whether the upcasters of this row lead into a cycle.
    fn has_cycle(&mut self, row: usize) -> bool {
        if self.visits[row] == Visit::New {
            self.visits[row] = Visit::OnPath;
            // a row with the newest version ends the path, because its payload needs no upcaster
            let is_cyclic = self.events[row].is_past && self.leads_to_cycle(self.events[row].next);
            self.visits[row] = if is_cyclic { Visit::Cyclic } else { Visit::Acyclic };
        }
        self.visits[row] != Visit::Acyclic
    }

    fn leads_to_cycle(&mut self, version: EventVersion) -> bool {
        match version {
            EventVersion::Open => false,
            EventVersion::Each(parts) => parts.iter().any(|part| self.leads_to_cycle(*part)),
            EventVersion::At(name, version) => self.by_name.row(name, version).is_some_and(|row| self.has_cycle(row)),
        }
    }
}

/// Each difference between the shapes, as a line of text. The last line ends with the help.
fn drift(journal: &ShapeRow, program: &ShapeTree, newest: Option<u32>) -> Vec<String> {
    let ShapeRow { name, version, .. } = journal;
    let root = format!("{name} v{version}: payload");
    let found = differences(&root, &journal.shape, program);
    let mut lines: Vec<String> = found.iter().map(|difference| difference.to_string()).collect();
    if let Some(last) = lines.last_mut() {
        let next = newest.unwrap_or(*version).max(*version) + 1;
        last.push_str(&match newest == Some(*version) {
            _ if found.iter().all(Difference::is_newer_journal) => "; help: run the newer program".to_owned(),
            true => {
                format!(
                    "; help: raise the version of `{name}` to {next} and add an upcaster from the old shape, or undo the change"
                )
            }
            false => "; a past version must keep its recorded shape; help: undo the change".to_owned(),
        });
    }
    lines
}

fn unknown(journal: &ShapeRow, newest: Option<u32>) -> String {
    let ShapeRow { name, version, .. } = journal;
    if name.starts_with(LIBRARY_PREFIX) {
        return format!(
            "`{name}` version {version} is an event of a newer version of memimage; help: use a newer version of memimage"
        );
    }
    match newest {
        None => format!(
            "`{name}` version {version} is in the journal, but no command of this program records it: the program is too old, or \
             the command was removed; help: run the newer program, or list the event's past types on the block with \
             `retired(name = {name:?}, history(…))`, or keep the command and mark it `#[command(replay_only)]`"
        ),
        Some(newest) if newest < *version => {
            format!(
                "`{name}` version {version} is in the journal, but the newest version in this program is {newest}, so the program \
                 is too old; help: run the newer program"
            )
        }
        Some(newest) => format!(
            "`{name}` version {version} is in the journal, but this program has version {newest} and no upcaster from version \
             {version}; help: add the past type to the `history(…)` of `{name}`"
        ),
    }
}
