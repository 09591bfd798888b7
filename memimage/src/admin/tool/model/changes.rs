//! `changes`: which events changed a part of the state.

use std::collections::VecDeque;

use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;

use super::difference::DifferenceDocument;
use super::target::open;
use crate::admin::tool::event_text::{print_gap, text_line};
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json::event_line;
use crate::admin::tool::moment::{MomentArgument, refuse_reversed};
use crate::admin::tool::target::{Target, TargetArguments};
use crate::admin::tool::terminal::{NAME, Terminal, note};
use crate::context::Timestamp;
use crate::error::ErrorKind;
use crate::event::Model;
use crate::history::{Journal, LoggedEvent, Moment, Past};
use crate::inspect::{Bounds, Difference, InspectError, Path, inspect, observe};
use crate::seq::Seq;

/// The maximum length of an event's payload in a line, in characters.
const MAX_PAYLOAD: usize = 200;

/// Lists the events that changed a part of the state: who, when, by which event, from what to what.
///
/// Replays the events, and reads only this part after each. --from begins with the nearest snapshot before it. Where events are lost in a
/// recorded gap, tells which, and goes on behind them.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  memimage changes bank.image accounts.7                        all changes of account 7
  memimage changes bank.image accounts.7 --reverse --limit 1    the last change
  memimage changes bank.image accounts --from \"1h ago\"          of any account, since an hour ago
  memimage changes bank.image accounts.7 --json | jq .changes")]
pub(crate) struct Changes {
    #[command(flatten)]
    target: TargetArguments,
    /// The path to the part, such as accounts.7.
    path: Path,
    /// Begin with this moment: the number (seq) of an event, a time such as 2026-11-30T12:00:00Z or "2026-11-30 12:00" (local time), or a
    /// time ago such as "1h30m ago".
    #[arg(long, value_name = "MOMENT")]
    from: Option<MomentArgument>,
    /// End with this moment, which is included. Written as for --from.
    #[arg(long, value_name = "MOMENT")]
    until: Option<MomentArgument>,
    /// The newest first.
    #[arg(long)]
    reverse: bool,
    /// At most this many events.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

/// An event that changed the part.
struct ChangingEvent {
    event: LoggedEvent,
    differences: Vec<Difference>,
}

/// The first and the last event that are lost in a recorded gap.
type Lost = (Seq, Seq);

/// What is printed.
enum Entry {
    Change(ChangingEvent),
    /// Each lost event may have changed the part.
    Gap(Seq, Seq),
}

/// The newest entries, with a limited number of changes.
struct Newest {
    limit: usize,
    entries: VecDeque<Entry>,
    changes: usize,
}

#[derive(Serialize)]
struct Line {
    event: Box<RawValue>,
    changes: Vec<DifferenceDocument>,
}

impl Changes {
    pub(super) fn run<M: Model>(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        refuse_reversed(self.from, self.until)?;
        let (target, journal) = open::<M>(&self.target)?;
        let limit = self.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let end = self.end(&target)?;
        let (mut past, gap) = self.start(&target, &journal)?;
        let mut last = observe(&*past, &self.path).map_err(unreadable)?;
        let was_there = last.part().is_some();
        let (mut found, mut newest) = (0, Newest { limit, entries: VecDeque::new(), changes: 0 });
        let show_gap = |terminal: &mut Terminal, newest: &mut Newest, (first, last): Lost| {
            if self.reverse {
                newest.push(Entry::Gap(first, last));
                return Ok(());
            }
            print_gap(terminal, first, last)
        };
        if let Some(gap) = gap {
            show_gap(terminal, &mut newest, gap)?;
        }
        while found < limit && past.seq() < end {
            match past.step() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => match error.gap() {
                    Some(gap) => {
                        show_gap(terminal, &mut newest, gap)?;
                        continue;
                    }
                    None => return Err(error.into()),
                },
            }
            let Some(next) = last.changed(&*past).map_err(unreadable)? else { continue };
            let differences = next.differences_from(&last);
            last = next;
            let events = past.events()?;
            let Some(event) = events.into_iter().next() else { continue };
            let change = ChangingEvent { event: event.into(), differences };
            if self.reverse {
                newest.push(Entry::Change(change));
            } else {
                found += 1;
                change.print(terminal)?;
            }
        }
        if found == 0 && newest.changes == 0 {
            // a path that never led anywhere is probably a mistake in writing
            match inspect(&*past, &self.path, Bounds { depth: 0, ..Bounds::default() }) {
                Err(error) if !was_there => note(error),
                _ => note(format_args!("no event changed `{}`", self.path)),
            }
        }
        newest.entries.into_iter().rev().try_for_each(|entry| match entry {
            Entry::Change(change) => change.print(terminal),
            Entry::Gap(first, last) => print_gap(terminal, first, last),
        })?;
        Ok(Found::Nothing)
    }

    /// The state before the first event to look at. If this event is lost in a recorded gap and the state is unknown, the state behind the
    /// gap, and the gap.
    fn start<M: Model>(&self, target: &Target, journal: &Journal<M>) -> Result<(Past<M>, Option<Lost>), Failure> {
        let oldest = || Ok((Past::oldest(journal.source(), "changes")?, None));
        let at = |moment: Moment| match journal.at(moment) {
            Err(error) => match error.gap() {
                Some(gap) => Ok((journal.at(gap.1)?, Some(gap))),
                None => Err(error.into()),
            },
            past => Ok((past?, None)),
        };
        match self.from.map(|from| from.0) {
            None => oldest(),
            Some(Moment::Seq(seq)) => match seq.get() {
                0 | 1 => oldest(),
                seq => at(Moment::Seq(Seq::new(seq - 1))),
            },
            Some(Moment::Time(time)) => {
                let created = target.journal(Seq::ZERO)?.segments().created();
                match time.as_micros().checked_sub(1) {
                    Some(before) if time > created => at(Moment::Time(Timestamp::from_micros(before))),
                    _ => oldest(),
                }
            }
        }
    }

    /// The last event to look at.
    fn end(&self, target: &Target) -> Result<Seq, Failure> {
        let durable = target.durable()?;
        match self.until.map(|until| until.0) {
            None => Ok(durable),
            Some(Moment::Seq(seq)) => Ok(seq.min(durable)),
            Some(until @ Moment::Time(_)) => match until.resolve(&target.journal(durable)?, durable) {
                // a time in the future, or before the first event
                Err(error) if error.kind() == ErrorKind::OutOfRange => {
                    let Moment::Time(time) = until else { return Ok(durable) };
                    Ok(if time > Timestamp::wall_clock() { durable } else { Seq::ZERO })
                }
                end => Ok(end?),
            },
        }
    }
}

fn unreadable(error: InspectError) -> Failure {
    Failure::Other(error.to_string())
}

impl Newest {
    fn push(&mut self, entry: Entry) {
        self.changes += usize::from(matches!(entry, Entry::Change(_)));
        self.entries.push_back(entry);
        if self.changes > self.limit {
            self.changes -= 1;
            while matches!(self.entries.pop_front(), Some(Entry::Gap(..))) {}
        }
        // the reader has seen enough before it comes to the gaps before the oldest change
        while self.changes == self.limit && matches!(self.entries.front(), Some(Entry::Gap(..))) {
            self.entries.pop_front();
        }
    }
}

impl ChangingEvent {
    fn print(self, terminal: &mut Terminal) -> Result<(), Failure> {
        if terminal.is_json() {
            let fault = |error| Failure::Other(format!("the output cannot be written as JSON: {error}"));
            let event = RawValue::from_string(event_line(&self.event)?).map_err(fault)?;
            let changes = self.differences.into_iter().map(DifferenceDocument::from).collect();
            return terminal.line(serde_json::to_string(&Line { event, changes }).map_err(fault)?);
        }
        terminal.line(text_line(&self.event, MAX_PAYLOAD))?;
        self.differences.iter().try_for_each(|difference| {
            let Difference { path, .. } = difference;
            let text = difference.to_string();
            let change = text.strip_prefix(&path.to_string()).unwrap_or(&text);
            terminal.line(format_args!("{:>8}  {NAME}{path}{NAME:#}{change}", ""))
        })
    }
}
