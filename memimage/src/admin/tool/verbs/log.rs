//! `memimage log`: the events.

use std::time::Instant;

use clap::Args;

use crate::admin::tool::event_text::{print_gap, text_line};
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::filter::{Condition, Subject};
use crate::admin::tool::json::event_line;
use crate::admin::tool::moment::MomentArgument;
use crate::admin::tool::target::{Target, TargetArguments};
use crate::admin::tool::terminal::{Terminal, WARNING, tell};
use crate::error::Error;
use crate::history::{EventLog, LogFeed, LoggedEvent, Query};
use crate::outcome::Outcome;
use crate::seq::Seq;

/// Lists events, one a line, the oldest first.
///
/// Shows durable events only. Runs beside the program that has the image open.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  memimage log bank.image                                      all events
  memimage log bank.image --reverse --limit 20                 the last 20, the newest first
  memimage log bank.image --from \"1h ago\" --name withdraw      by time and name
  memimage log bank.image --where 'payload.account == 7 && payload.cents > 1000'
  memimage log bank.image --json --follow | jq .payload        a stream for another program

Conditions:
  seq, time, name, version, rejected, void, actor, metadata.KEY and payload.FIELD… are compared by ==, !=, <, <=, >, >= and
  contains with numbers, texts in quotes, true, false and none, and combined by &&, ||, ! and parentheses. A time is compared with
  what --from takes, in quotes: time > '1h ago'.
  payload.lines[0].price and payload.stock[\"nail\"] lead into lists and maps; fields of an enum's variant follow its name or not.")]
pub(crate) struct Log {
    #[command(flatten)]
    target: TargetArguments,
    /// Begin with this moment: a seq, a time, or a time ago.
    #[arg(long, value_name = "MOMENT")]
    from: Option<MomentArgument>,
    /// End with this moment, which is included.
    #[arg(long, value_name = "MOMENT")]
    until: Option<MomentArgument>,
    /// Only events with this recorded name. Can be given several times.
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
    /// Only events whose metadata name this actor. Can be given several times.
    #[arg(long, value_name = "ACTOR")]
    actor: Vec<String>,
    /// Only events that fulfil this condition; see below.
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<Condition>,
    /// Only events whose command returned an error.
    #[arg(long)]
    rejected: bool,
    /// The newest first.
    #[arg(long, conflicts_with = "follow")]
    reverse: bool,
    /// At most this many events.
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u64>,
    /// Go on with the events that become durable, until interrupted.
    #[arg(long)]
    follow: bool,
}

/// Prints the events that fulfil the condition.
struct Printer<'a> {
    terminal: &'a mut Terminal,
    condition: Option<Condition>,
    /// The paths of the condition that no event had so far.
    unknown: Vec<String>,
    /// How many events may still be printed.
    left: u64,
}

impl Log {
    pub(crate) fn is_following(&self) -> bool {
        self.follow
    }

    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let target = self.target.open()?;
        let mut query = Query {
            names: self.name,
            actors: self.actor,
            outcome: self.rejected.then_some(Outcome::Rejected),
            newest_first: self.reverse,
            ..Query::default()
        };
        target.between(&mut query, self.from.map(|from| from.0), self.until.map(|until| until.0));
        let unknown = self.condition.iter().flat_map(Condition::paths).map(ToString::to_string).collect();
        let (condition, left) = (self.condition, self.limit.unwrap_or(u64::MAX));
        let mut printer = Printer { terminal, condition, unknown, left };
        let durable = target.durable()?;
        let last = query.last;
        // what becomes durable from now on comes from the feed
        query.last = if self.follow { Some(last.map_or(durable, |last| last.min(durable))) } else { last };
        let is_over = printer.print_all(target.events(query.clone()))?;
        if self.follow && !is_over {
            follow(&target, &mut printer, Query { last, ..query }, durable)?;
        }
        printer.terminal.close()?;
        printer.warn_of_unknown_paths();
        Ok(Found::Nothing)
    }
}

/// Prints the events that become durable after event `durable`, until the limit is reached or the query has no later events.
fn follow(target: &Target, printer: &mut Printer<'_>, query: Query, durable: Seq) -> Result<(), Failure> {
    let mut feed = LogFeed::open(target.source(), query, durable)?;
    while printer.left > 0 {
        match feed.try_next().transpose() {
            Some(event) => printer.print_next(event)?,
            None if feed.is_over() => break,
            None => {
                printer.terminal.finish()?;
                sleep_until(feed.next_look());
            }
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the pauses of a reader are not part of a model's state")]
fn sleep_until(at: Instant) {
    std::thread::sleep(at.saturating_duration_since(Instant::now()));
}

impl Printer<'_> {
    /// Prints the events. Returns whether the limit was reached.
    fn print_all(&mut self, events: EventLog) -> Result<bool, Failure> {
        if self.left == 0 {
            return Ok(true);
        }
        for event in events {
            self.print_next(event)?;
            if self.left == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Prints the next event, or the recorded gap before it.
    fn print_next(&mut self, event: Result<LoggedEvent, Error>) -> Result<(), Failure> {
        match event {
            Ok(event) => self.print(&event),
            Err(error) => match error.gap() {
                // the query may have wanted a lost event
                Some((first, last)) => print_gap(self.terminal, first, last),
                None => Err(error.into()),
            },
        }
    }

    fn print(&mut self, event: &LoggedEvent) -> Result<(), Failure> {
        if !self.is_wanted(event) {
            return Ok(());
        }
        self.left -= 1;
        match self.terminal.is_json() {
            true => self.terminal.line(event_line(event)?),
            false => self.terminal.line(text_line(event, usize::MAX)),
        }
    }

    fn is_wanted(&mut self, event: &LoggedEvent) -> bool {
        let Some(condition) = &self.condition else { return true };
        let payload = event.recorded.value().ok();
        let subject = Subject::of(event, payload.as_ref());
        if !self.unknown.is_empty() {
            let known: Vec<String> =
                condition.paths().into_iter().filter(|path| subject.has(path)).map(ToString::to_string).collect();
            self.unknown.retain(|path| !known.contains(path));
        }
        condition.is_met_by(&subject)
    }

    /// Tells about a path that no event had, which is probably a mistake in writing.
    fn warn_of_unknown_paths(&self) {
        for path in &self.unknown {
            tell(format_args!("{WARNING}note:{WARNING:#} no event had a value at `{path}`"));
        }
    }
}
