//! The change log: the events, the newest first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::IntoResponse;
use maud::{Markup, html};
use memimage::admin::{LoggedEvent, format_time};
use memimage::{Error, ErrorKind, Seq};

use crate::app::App;
use crate::link::link;
use crate::problem::{Problem, lost_events};
use crate::query::{Parameters, Query, Refused, number};
use crate::search::SearchForm;
use crate::values::one_line;

/// The number of events of a page.
const EVENTS: usize = 50;
/// How long one page searches. What it has not searched by then is behind the link to older events.
const SEARCH_TIME: Duration = Duration::from_millis(700);
/// The number of characters of a payload in the log.
const PAYLOAD: usize = 240;

/// The parameters of the log.
#[derive(Debug, Default)]
pub(crate) struct LogForm {
    search: SearchForm,
    /// Only events before this one.
    before: Option<u64>,
    /// Whether new events are shown as they come.
    live: bool,
}

impl Parameters for LogForm {
    fn names() -> Vec<&'static str> {
        [&SearchForm::names()[..], &["before", "live"]].concat()
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Refused> {
        match name {
            "before" => self.before = Some(number(&value)?),
            "live" => {
                self.live = value.parse().map_err(|_| Refused::Value("must be `true` or `false`".to_owned()))?;
            }
            _ => return self.search.set(name, value),
        }
        Ok(())
    }
}

/// A page of events.
struct Found {
    entries: Vec<Entry>,
    /// The event before which the search goes on; `None` if all events were searched.
    rest: Option<Seq>,
    /// Whether the time was over before the page was full.
    is_cut: bool,
    /// The damage at which the search ended, and the first event that it hides.
    damage: Option<(Problem, Option<Seq>)>,
    /// The last event when the page was made.
    end: Seq,
    /// The names of the events that the journal declares.
    names: Vec<String>,
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Query(form): Query<LogForm>,
) -> Result<impl IntoResponse, Problem> {
    let (search, before) = (form.search.clone(), form.before.map(Seq::new));
    let found = app.read(move |app| find(app, &search, before)).await?;
    Ok(app.frame("log", "Log").page(&page(&form, &found)))
}

fn find(app: &App, form: &SearchForm, before: Option<Seq>) -> Result<Found, Problem> {
    let search = form.search(&app.reader)?;
    let end = app.reader.durable_seq()?;
    let mut names: Vec<String> = app.reader.shapes()?.into_iter().map(|shape| shape.name).collect();
    names.sort_unstable();
    names.dedup();
    let mut found = Found { entries: Vec::new(), rest: None, is_cut: false, damage: None, end, names };
    let (first, last) = search.range();
    let last = last.unwrap_or(end).min(end);
    let last = before.map_or(last, |before| last.min(Seq::new(before.get().saturating_sub(1))));
    if last == Seq::ZERO || last < first {
        return Ok(found);
    }
    let begun = Instant::now();
    for event in app.reader.events_newest_first(..=last) {
        let event = match event {
            Ok(event) if event.seq() < first => break,
            Ok(event) => event,
            // the range ends before the first event that is left
            Err(error) if error.kind() == ErrorKind::Pruned => break,
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Forged) => {
                let hidden = error.position().and_then(|position| position.seq);
                found.damage = Some((error.into(), hidden));
                break;
            }
            Err(error) => {
                found.entries.push(Entry::lost(error)?);
                continue;
            }
        };
        let seq = event.seq();
        if found.entries.len() == EVENTS {
            found.rest = Some(seq.next());
            break;
        }
        if search.wants(&event) {
            found.entries.push(Entry::Event(event));
        }
        if begun.elapsed() > SEARCH_TIME {
            found.rest = Some(seq);
            found.is_cut = found.entries.len() < EVENTS;
            break;
        }
    }
    Ok(found)
}

fn page(form: &LogForm, found: &Found) -> Markup {
    let search = &form.search;
    let is_first = form.before.is_none();
    let end = found.end.to_string();
    let older = found.rest.map(|rest| search.link("log", &[("before", &rest.to_string())]));
    html! {
        h1 { "Change log" }
        (search_form(search, &found.names))
        p.bar {
            @if !is_first {
                a href=(search.link("log", &[])) { "newest" }
            } @else if form.live {
                a href=(search.link("log", &[])) { "stop following" }
                span.live role="status" { "live" }
                noscript { "Without JavaScript, load the page again to see new events." }
            } @else {
                a href=(search.link("log", &[("live", "true")])) { "follow new events" }
            }
            span.hint { "last event: " span data-count { (end) } "; times are in UTC" }
        }
        ol.events id="events" data-live=[(is_first && form.live).then(|| search.link("live", &[("after", &end)]))] {
            @for entry in &found.entries { (entry_row(entry)) }
        }
        @if let Some((damage, hidden)) = &found.damage {
            p { "The image is damaged. Events in the same segment of the journal behind the damage are not shown." }
            (damage.section())
            @if let Some(hidden) = hidden.filter(|&hidden| hidden > Seq::new(1)) {
                p { a href=(search.link("log", &[("before", &hidden.to_string())])) { "events before the damage" } }
            }
        }
        @if found.entries.is_empty() && older.is_none() && found.damage.is_none() {
            p.hint { @if search.is_empty() { "There is no event." } @else { "No event matches." } }
        }
        @if let Some(older) = older {
            p.older {
                a rel="next" data-older href=(older) { @if found.is_cut { "search older events" } @else { "older events" } }
                @if found.is_cut { span.hint { " searched back to event " (found.rest.unwrap_or_default()) } }
            }
        }
    }
}

fn search_form(search: &SearchForm, names: &[String]) -> Markup {
    let has_more = [&search.from, &search.until, &search.actor, &search.condition].iter().any(|text| !text.is_empty());
    html! {
        form.search action="log" role="search" {
            input type="search" name="text" value=(search.text) placeholder="search values, names, actors" aria-label="text" data-search;
            select name="name" aria-label="event" {
                option value="" { "all events" }
                @for name in names { option value=(name) selected[*name == search.name] { (name) } }
                @if !search.name.is_empty() && !names.contains(&search.name) {
                    option value=(search.name) selected { (search.name) }
                }
            }
            select name="outcome" aria-label="outcome" {
                option value="" { "any outcome" }
                @for outcome in ["rejected", "void"] {
                    option value=(outcome) selected[search.outcome == outcome] { (outcome) }
                }
            }
            button { "Search" }
            details open[has_more] {
                summary { "more" }
                div.fields {
                    label { "actor " input name="actor" value=(search.actor); }
                    label { "from " input name="from" value=(search.from) placeholder="a seq, a time, 1h ago"; }
                    label { "until " input name="until" value=(search.until) placeholder="a seq, a time, 1h ago"; }
                    label { "where " input name="where" value=(search.condition) placeholder="payload.account == 7 && !rejected"; }
                }
            }
        }
    }
}

/// A line of the log.
pub(crate) enum Entry {
    Event(LoggedEvent),
    /// The first and the last of the events that are lost in a recorded gap, one of which the search may have wanted.
    Lost(Seq, Seq),
}

impl Entry {
    /// The entry for the error of a recorded gap. Returns any other error.
    pub(crate) fn lost(error: Error) -> Result<Entry, Problem> {
        error.gap().map(|(first, last)| Entry::Lost(first, last)).ok_or_else(|| error.into())
    }
}

/// An entry as an item of the list.
pub(crate) fn entry_row(entry: &Entry) -> Markup {
    match entry {
        Entry::Event(event) => row(event),
        Entry::Lost(first, last) => html! {
            li { span.mark { "lost" } " " (lost_events(*first, *last)) ": given up by a repair" }
        },
    }
}

/// An event as an item of the list.
pub(crate) fn row(event: &LoggedEvent) -> Markup {
    let (seq, recorded) = (event.seq().to_string(), event.recorded());
    let payload = match recorded.value() {
        Ok(value) => one_line(&value, PAYLOAD),
        Err(_) => format!("{} bytes that only the program can decode", recorded.bytes().len()),
    };
    html! {
        li class=[marks(event)] {
            a.seq href=(link("event", &[("seq", &seq)])) { (seq) }
            " " (time(event)) " "
            strong { (recorded.name()) } @if recorded.version() != 1 { span.hint { "@" (recorded.version()) } }
            " " code.payload { (payload) }
            @if event.is_rejected() { " " span.mark { "rejected" } }
            @if event.is_void() { " " span.mark { "void" } }
            @for (key, value) in event.metadata().iter() { " " span.meta { (key) "=" (value) } }
        }
    }
}

fn marks(event: &LoggedEvent) -> Option<&'static str> {
    match (event.is_void(), event.is_rejected()) {
        (true, _) => Some("void"),
        (false, true) => Some("rejected"),
        (false, false) => None,
    }
}

/// The recorded time of an event.
pub(crate) fn time(event: &LoggedEvent) -> Markup {
    time_text(&format_time(event.time()))
}

/// A time in RFC 3339, for people.
pub(crate) fn time_text(time: &str) -> Markup {
    html! { time datetime=(time) title="UTC" { (time.replace('T', " ").replace('Z', "")) } }
}
