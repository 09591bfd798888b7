//! `memimage log`: the events.

use std::time::Duration;

use clap::Args;

use crate::admin::seq_range::SeqRange;
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::filter::{Condition, Subject};
use crate::admin::tool::json::{event_line, gap_line};
use crate::admin::tool::moment::{MomentArgument, rfc3339};
use crate::admin::tool::target::{Target, TargetArguments};
use crate::admin::tool::terminal::{FAINT, NAME, Terminal, WARNING, tell, visible};
use crate::history::{LoggedEvent, Query};
use crate::outcome::Outcome;
use crate::seq::Seq;
use crate::value::text::one_line;

/// The pause between two looks at the files with `--follow`.
const PAUSE: Duration = Duration::from_millis(100);

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
  contains with numbers, texts in quotes, true, false and none, and combined by &&, ||, ! and parentheses.
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
    /// The last event that was read.
    last: Option<Seq>,
}

impl Log {
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
        let mut printer = Printer { terminal, condition, unknown, left, last: None };
        let mut end = target.durable()?;
        let is_over = printer.print_all(&target, query.clone())?;
        if self.follow && !is_over {
            follow(&target, &mut printer, &query, &mut end)?;
        }
        printer.warn_of_unknown_paths();
        Ok(Found::Nothing)
    }
}

/// Prints the events that become durable after `end`, until the limit is reached.
fn follow(target: &Target, printer: &mut Printer<'_>, query: &Query, end: &mut Seq) -> Result<(), Failure> {
    loop {
        printer.terminal.finish()?;
        std::thread::sleep(PAUSE);
        let durable = target.durable()?;
        if durable < *end {
            let what = format!(
                "the journal now ends with event {durable}, but event {end} was there: it was repaired or restored"
            );
            return Err(Failure::Other(what));
        }
        let next = printer.last.map_or(end.next(), Seq::next).max(query.first.unwrap_or_default());
        *end = durable;
        if durable >= next && printer.print_all(target, Query { first: Some(next), ..query.clone() })? {
            return Ok(());
        }
    }
}

impl Printer<'_> {
    /// Prints the events of a query. Returns whether the limit was reached, or the query has no later events.
    fn print_all(&mut self, target: &Target, query: Query) -> Result<bool, Failure> {
        let last = query.last;
        if self.left == 0 {
            return Ok(true);
        }
        for event in target.events(query) {
            match event {
                Ok(event) => self.print(&event)?,
                Err(error) => match error.gap() {
                    Some((first, last)) => self.print_gap(first, last)?,
                    None => return Err(error.into()),
                },
            }
            if self.left == 0 {
                return Ok(true);
            }
        }
        Ok(last.is_some_and(|last| self.last >= Some(last)))
    }

    /// Prints a recorded gap, in which the query may have wanted an event.
    fn print_gap(&mut self, first: Seq, last: Seq) -> Result<(), Failure> {
        self.last = self.last.max(Some(last));
        match self.terminal.is_json() {
            true => self.terminal.line(gap_line(first, last)),
            false => {
                let lost = SeqRange { first, last };
                self.terminal.line(format_args!("{first:>8}  {WARNING}lost: {lost}{WARNING:#}"))
            }
        }
    }

    fn print(&mut self, event: &LoggedEvent) -> Result<(), Failure> {
        self.last = self.last.max(Some(event.seq()));
        if !self.is_wanted(event) {
            return Ok(());
        }
        self.left -= 1;
        match self.terminal.is_json() {
            true => self.terminal.line(event_line(event)?),
            false => self.terminal.line(text_line(event)),
        }
    }

    fn is_wanted(&mut self, event: &LoggedEvent) -> bool {
        let Some(condition) = &self.condition else { return true };
        let payload = event.recorded.value().ok();
        let subject = Subject {
            seq: event.seq().get(),
            time: event.time,
            name: event.recorded.name(),
            version: event.recorded.version(),
            is_rejected: event.is_rejected(),
            is_void: event.is_void,
            metadata: &event.metadata,
            payload: payload.as_ref(),
        };
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

/// An event as a line for people.
fn text_line(event: &LoggedEvent) -> String {
    let recorded = &event.recorded;
    let payload = match recorded.value() {
        Ok(value) => one_line(&value),
        Err(_) => format!("({} bytes that only the program can decode)", recorded.bytes().len()),
    };
    let (name, version) = (visible(recorded.name()), recorded.version());
    let version = if version == 1 { String::new() } else { format!("@{version}") };
    let mut line = format!(
        "{:>8}  {FAINT}{}{FAINT:#}  {NAME}{name}{version}{NAME:#} {}",
        event.seq(),
        rfc3339(event.time),
        visible(&payload)
    );
    if event.is_rejected() {
        line += &format!(" {WARNING}rejected{WARNING:#}");
    }
    if event.is_void {
        line += &format!(" {WARNING}void{WARNING:#}");
    }
    for (key, value) in event.metadata.iter() {
        line += &format!(" {FAINT}{}={}{FAINT:#}", visible(key), visible(value));
    }
    line
}
