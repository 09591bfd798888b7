//! One event: its payload, its metadata, its outcome.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::IntoResponse;
use maud::{Markup, html};
use memimage::Seq;
use memimage::admin::LoggedEvent;
use memimage::inspect::Path;

use crate::app::App;
use crate::change_log::time;
use crate::changes::differences;
use crate::link::link;
use crate::problem::Problem;
use crate::query::{Parameters, Query, Refused, number};
use crate::state::state_link;
use crate::values::tree;

/// How long the page waits for the states before and after the event.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// The parameters of an event.
#[derive(Debug, Default)]
pub(crate) struct EventForm {
    seq: Option<u64>,
}

impl Parameters for EventForm {
    fn names() -> Vec<&'static str> {
        vec!["seq"]
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Refused> {
        match name {
            "seq" => self.seq = Some(number(&value)?),
            _ => return Err(Refused::Unknown),
        }
        Ok(())
    }
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Query(EventForm { seq }): Query<EventForm>,
) -> Result<impl IntoResponse, Problem> {
    let Some(seq) = seq else {
        return Err(Problem::bad("seq", "is missing; the address must say which event, such as event?seq=7"));
    };
    let (events, end) = app.read(move |app| find(app, Seq::new(seq))).await?;
    let changes = if app.has_states() {
        changes(&app, Seq::new(seq)).await
    } else {
        html! {}
    };
    let title = format!("Event {seq}");
    Ok(app.frame("log", &title).page(&page(&events, seq, end.get(), &changes)))
}

/// The event, in all its parts, and the last event.
fn find(app: &App, seq: Seq) -> Result<(Vec<LoggedEvent>, Seq), Problem> {
    let end = app.reader.durable_seq()?;
    if seq == Seq::ZERO || seq > end {
        return Err(Problem::not_found(format!("There is no event {seq}: the last one is {end}.")));
    }
    let events: Result<Vec<_>, _> = app.reader.events(seq..=seq).collect();
    match events {
        Ok(events) => Ok((events, end)),
        Err(error) => Err(match error.gap() {
            Some(gap) => lost(gap, end),
            None => error.into(),
        }),
    }
}

/// The events in a recorded gap, with links to the events on both of its sides.
fn lost((first, last): (Seq, Seq), end: Seq) -> Problem {
    let sides = [(first > Seq::new(1)).then(|| first.get() - 1), (last < end).then(|| last.next().get())];
    let links = sides.into_iter().flatten().map(|seq| (event_link(seq), format!("event {seq}")));
    Problem::lost((first, last), links.collect())
}

fn event_link(seq: u64) -> String {
    link("event", &[("seq", &seq.to_string())])
}

fn page(events: &[LoggedEvent], seq: u64, end: u64, changes: &Markup) -> Markup {
    html! {
        h1 { "Event " (seq) }
        p.bar {
            @if seq > 1 { a rel="prev" data-key="ArrowLeft" href=(event_link(seq - 1)) { "← event " (seq - 1) } }
            @if seq < end { a rel="next" data-key="ArrowRight" href=(event_link(seq + 1)) { "event " (seq + 1) " →" } }
        }
        @for event in events { (details(event)) }
        (changes)
    }
}

/// What the event changed in the state. If that takes long, a link to it: the work goes on meanwhile.
async fn changes(app: &Arc<App>, seq: Seq) -> Markup {
    let before = Seq::new(seq.get() - 1);
    let compared = app.replay(move |_, _, states| states.comparison(before, seq, &Path::root()));
    let content = match tokio::time::timeout(PATIENCE, compared).await {
        Ok(Ok(comparison)) => differences(&comparison, seq),
        Ok(Err(problem)) => html! { pre.problem { (problem.message()) } },
        Err(_) => html! {
            p {
                "The state is being rebuilt. "
                a href=(link("diff", &[("from", &before.to_string()), ("to", &seq.to_string())])) { "Show what changed" }
            }
        },
    };
    html! {
        h2 { "What it changed" }
        (content)
        p.bar { (state_link(before, &Path::root(), "state before")) (state_link(seq, &Path::root(), "state after")) }
    }
}

fn details(event: &LoggedEvent) -> Markup {
    let recorded = event.recorded();
    html! {
        dl {
            dt { "event" } dd { strong { (recorded.name()) } ", version " (recorded.version()) }
            @if event.part() > 0 { dt { "part" } dd { (event.part()) } }
            dt { "time" } dd { (time(event)) " UTC" }
            dt { "outcome" }
            dd {
                @if event.is_rejected() { span.mark { "rejected" } ": the command returned an error" } @else { "applied" }
                @if event.is_void() { "; " span.mark { "void" } ": replay skips this event" }
            }
            @for (key, value) in event.metadata().iter() { dt { (key) } dd { (value) } }
            dt { "shape" } dd { code { (recorded.shape()) } }
        }
        h2 { "Payload" }
        @match recorded.value() {
            Ok(value) => { (tree(&value)) }
            Err(error) => {
                p.problem { (recorded.bytes().len()) " bytes, which cannot be decoded here: " (error) }
            }
        }
    }
}
