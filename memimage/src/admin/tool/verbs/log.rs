//! `memimage log`: the events.

use std::time::Instant;

use clap::Args;

use crate::admin::tool::event_text::{print_gap, text_line};
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::filter::{Condition, Subject};
use crate::admin::tool::json::event_line;
use crate::admin::tool::moment::{MomentArgument, refuse_reversed};
use crate::admin::tool::target::{Target, TargetArguments};
use crate::admin::tool::terminal::Terminal;
use crate::admin::tool::unmatched::Unmatched;
use crate::error::{Error, ErrorKind};
use crate::history::{EventLog, LogFeed, LoggedEvent, Query};
use crate::outcome::Outcome;
use crate::seq::Seq;

/// Lists events, one a line, the oldest first.
///
/// Shows durable events only, which are known to be on disk. Runs beside the program that has the image open. If the journal is damaged, lists
/// the events before the damage; the exit code is 3 then.
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
    /// Begin with this moment: the number (seq) of an event, a time such as 2026-11-30T12:00:00Z or "2026-11-30 12:00" (local time), or a
    /// time ago such as "1h30m ago".
    #[arg(long, value_name = "MOMENT")]
    from: Option<MomentArgument>,
    /// End with this moment, which is included. Written as for --from.
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
    unmatched: Unmatched,
    /// How many events may still be printed.
    left: u64,
}

impl Log {
    pub(crate) fn is_following(&self) -> bool {
        self.follow
    }

    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        refuse_reversed(self.from, self.until)?;
        let target = self.target.open()?;
        let mut query = Query {
            names: self.name,
            actors: self.actor,
            outcome: self.rejected.then_some(Outcome::Rejected),
            newest_first: self.reverse,
            ..Query::default()
        };
        target.between(&mut query, self.from.map(|from| from.0), self.until.map(|until| until.0));
        let unmatched = Unmatched::new(self.condition.as_ref());
        let left = self.limit.unwrap_or(u64::MAX);
        let mut printer = Printer { terminal, condition: self.condition, unmatched, left };
        let listed = list(&target, &mut printer, &query, self.follow);
        printer.terminal.close()?;
        let listed = listed.map_err(|failure| explained(failure, &query));
        if listed.is_ok() && left > 0 {
            printer.unmatched.tell(&target, &query)?;
        }
        listed.map(|()| Found::Nothing)
    }
}

/// Prints the events of a query. If the journal is damaged, prints the events before the damage.
fn list(target: &Target, printer: &mut Printer<'_>, query: &Query, follows: bool) -> Result<(), Failure> {
    let printed = list_intact(target, printer, query, follows);
    let Err(Failure::Refused(error)) = &printed else { return printed };
    let damaged = error.position().and_then(|position| position.segment).filter(|_| is_damage(error));
    // the headers of all segments are read first, so nothing is printed yet if one of them is damaged
    if let Some(segment) = damaged.filter(|_| !printer.unmatched.has_read_event && !query.newest_first) {
        // whatever stops this reading, the damage is the reason
        let _ = target.before_segment(segment).map(|before| printer.print_all(before.events(query.clone())));
    }
    printed
}

fn list_intact(target: &Target, printer: &mut Printer<'_>, query: &Query, follows: bool) -> Result<(), Failure> {
    let durable = target.durable()?;
    // what becomes durable from now on comes from the feed
    let last = if follows { Some(query.last.map_or(durable, |last| last.min(durable))) } else { query.last };
    let is_over = printer.print_all(target.events(Query { last, ..query.clone() }))?;
    if follows && !is_over {
        follow(target, printer, query.clone(), durable)?;
    }
    Ok(())
}

fn is_damage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Forged)
}

/// The failure, with what the order of the events has to do with it.
fn explained(failure: Failure, query: &Query) -> Failure {
    match failure {
        Failure::Refused(error) if is_damage(&error) => Failure::Other(match query.newest_first {
            true => format!("{error}; without --reverse, this verb lists the events before the damage"),
            false => format!("the events behind the damage are not listed: {error}"),
        }),
        failure => failure,
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
                Some((first, last)) => {
                    self.unmatched.has_printed = true;
                    print_gap(self.terminal, first, last)
                }
                None => Err(error.into()),
            },
        }
    }

    fn print(&mut self, event: &LoggedEvent) -> Result<(), Failure> {
        if !self.is_wanted(event) {
            return Ok(());
        }
        self.unmatched.has_printed = true;
        self.left -= 1;
        match self.terminal.is_json() {
            true => self.terminal.line(event_line(event)?),
            false => self.terminal.line(text_line(event, usize::MAX)),
        }
    }

    fn is_wanted(&mut self, event: &LoggedEvent) -> bool {
        self.unmatched.has_read_event = true;
        let Some(condition) = &self.condition else { return true };
        let payload = event.recorded.value().ok();
        let subject = Subject::of(event, payload.as_ref());
        self.unmatched.look_at(condition, &subject);
        condition.is_met_by(&subject)
    }
}
