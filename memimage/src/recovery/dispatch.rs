//! A journal's table of shapes side by side with a program's dispatch table: what is recorded under which number, and how
//! it is replayed.

use std::collections::HashMap;

use crate::event::{EventType, EventVersion, ValueUpcast};
use crate::journal::{EventId, ShapeRow, ShapeTable};
use crate::shape::{Difference, Shape, ShapeTree, differences, fingerprint};

/// A journal's table side by side with a program's.
#[derive(Clone, Debug)]
pub(crate) struct Dispatch {
    table: ShapeTable,
    /// For each number in the journal, how it is replayed.
    known: Vec<KnownEvent>,
    /// For each row of the program's table, the number in the journal, if it stands there with the program's shape.
    ids: Vec<Option<EventId>>,
}

/// How the names of events begin that the library records itself; the macros refuse them for commands.
const OWN_EVENTS: &str = "memimage.";
/// The event that stands where one was upcast to nothing when a journal was rewritten, so that no later event comes to
/// have the seq, and with it the random values, of an older one.
pub(crate) const DROPPED: &str = "memimage.dropped";

/// An event that the program knows.
#[derive(Clone, Debug)]
enum KnownEvent {
    /// A version of one of its own.
    Event {
        /// The row of the program's table.
        row: usize,
        /// The shape that steps on its values lead to, if there are any.
        target: Option<ShapeTree>,
    },
    /// See [`DROPPED`].
    Dropped,
}

/// What a number in the journal stands for.
pub(crate) enum ReplayAction<'a, M> {
    /// An event of the program's.
    Event(ReplayRoute<'a, M>),
    /// An event that was upcast to nothing when the journal was rewritten.
    Dropped,
}

/// How an event is replayed.
pub(crate) struct ReplayRoute<'a, M> {
    /// The row of the program's table.
    pub(crate) row: usize,
    pub(crate) event: &'a EventType<M>,
    /// The shape it was recorded with.
    pub(crate) shape: &'a ShapeTree,
    pub(crate) values: Option<ValueUpcast<'a>>,
}

impl Dispatch {
    /// For a journal without events.
    pub(crate) fn empty<M>(events: &[EventType<M>]) -> Dispatch {
        Dispatch { table: ShapeTable::default(), known: Vec::new(), ids: vec![None; events.len()] }
    }

    /// Compares a journal's table with the program's.
    ///
    /// # Errors
    ///
    /// Every difference that would make the program misread the journal, each as a line of text.
    pub(crate) fn new<M>(table: ShapeTable, events: &[EventType<M>]) -> Result<Dispatch, Vec<String>> {
        let by_name = ByName::new(events);
        let mut circles = Circles::new(events, &by_name);
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
            if circles.reach(row) {
                let ShapeRow { name, version, .. } = journal;
                found.push(format!(
                    "the upcasters of `{name}` version {version} go round in a circle: lead them to a payload"
                ));
            }
            if let Some(shape) = event.shape {
                // a shape that has grown is written anew before the event is next used
                match fingerprint(shape) == journal.shape.fingerprint() {
                    true => ids[row] = Some(EventId(id as u32)),
                    false => {
                        // only what the program records itself can be given a new version
                        let newest = by_name.newest(&journal.name).filter(|_| event.recast.is_none());
                        found.extend(drift(journal, &ShapeTree::of(shape), newest));
                    }
                }
            }
            known.push(KnownEvent::Event { row, target: event.values.map(|values| ShapeTree::of(values.target)) });
        }
        if found.is_empty() { Ok(Dispatch { table, known, ids }) } else { Err(found) }
    }

    pub(crate) fn table(&self) -> &ShapeTable {
        &self.table
    }

    /// What a number in the journal stands for.
    #[inline]
    pub(crate) fn meaning<'a, M>(&'a self, event: EventId, events: &'a [EventType<M>]) -> Option<ReplayAction<'a, M>> {
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
        let declared = ShapeRow { name: event.name.to_owned(), version: event.version, shape };
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

    /// The number in the journal of the event that stands where there is none any more; `None` if it must be
    /// [declared](Dispatch::declare_dropped).
    pub(crate) fn dropped(&self) -> Option<EventId> {
        self.known.iter().position(|known| matches!(known, KnownEvent::Dropped)).map(|id| EventId(id as u32))
    }

    /// A table that also has the event that stands where there is none any more.
    #[must_use]
    pub(crate) fn declare_dropped(&self) -> Dispatch {
        let mut grown = self.clone();
        grown.push(ShapeRow::dropped(), KnownEvent::Dropped);
        grown
    }

    fn push(&mut self, row: ShapeRow, known: KnownEvent) -> EventId {
        self.table.rows.push(row);
        self.known.push(known);
        EventId(self.table.rows.len() as u32 - 1)
    }
}

impl ShapeRow {
    fn dropped() -> ShapeRow {
        ShapeRow { name: DROPPED.to_owned(), version: 1, shape: ShapeTree::of(<()>::SHAPE) }
    }
}

/// A program's events by their names.
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

/// Which rows' upcasters lead round in a circle. Each step keeps a payload on the stack, so that is asked before the first is
/// taken.
struct Circles<'a, M> {
    events: &'a [EventType<M>],
    by_name: &'a ByName<'a>,
    /// What is known of each row.
    seen: Vec<Seen>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Not,
    /// On the way that is being followed.
    OnTheWay,
    Ends,
    Circle,
}

impl<'a, M> Circles<'a, M> {
    fn new(events: &'a [EventType<M>], by_name: &'a ByName<'a>) -> Circles<'a, M> {
        Circles { events, by_name, seen: vec![Seen::Not; events.len()] }
    }

    /// Whether the way from this row comes into a circle.
    fn reach(&mut self, row: usize) -> bool {
        if self.seen[row] == Seen::Not {
            self.seen[row] = Seen::OnTheWay;
            // a payload of this program ends its way
            let circle = self.events[row].recast.is_some() && self.follow(self.events[row].next);
            self.seen[row] = if circle { Seen::Circle } else { Seen::Ends };
        }
        self.seen[row] != Seen::Ends
    }

    fn follow(&mut self, stands: EventVersion) -> bool {
        match stands {
            EventVersion::Unknown => false,
            EventVersion::All(parts) => parts.iter().any(|part| self.follow(*part)),
            EventVersion::At(name, version) => self.by_name.row(name, version).is_some_and(|row| self.reach(row)),
        }
    }
}

/// Each place where the shapes part, and the mend.
fn drift(journal: &ShapeRow, program: &ShapeTree, newest: Option<u32>) -> Vec<String> {
    let ShapeRow { name, version, .. } = journal;
    let root = format!("{name} v{version}: payload");
    let found = differences(&root, &journal.shape, program);
    let mut lines: Vec<String> = found.iter().map(|difference| difference.to_string()).collect();
    if let Some(last) = lines.last_mut() {
        let next = newest.unwrap_or(*version).max(*version) + 1;
        last.push_str(&match newest == Some(*version) {
            _ if found.iter().all(Difference::is_newer_journal) => "; run the newer program".to_owned(),
            true => format!("; raise its version to {next} and add an upcaster from the old shape, or undo the change"),
            false => "; a past version stays as it was recorded: undo the change".to_owned(),
        });
    }
    lines
}

fn unknown(journal: &ShapeRow, newest: Option<u32>) -> String {
    let ShapeRow { name, version, .. } = journal;
    if name.starts_with(OWN_EVENTS) {
        return format!("`{name}` version {version} is an event of a newer memimage; use that");
    }
    match newest {
        None => format!(
            "`{name}` version {version} is in the journal and no command of this program: it is too old, or the command was \
             removed; help: run the newer program, list the event's past types on the block, `retired(name = {name:?}, \
             history(…))`, or keep the command, marked `#[command(replay_only)]`"
        ),
        Some(newest) if newest < *version => {
            format!("`{name}` version {version} is in the journal, this program knows version {newest}: it is too old")
        }
        Some(newest) => format!(
            "`{name}` version {version} is in the journal, this program knows version {newest} and no way there; add its \
             past type to the `history(…)`"
        ),
    }
}
