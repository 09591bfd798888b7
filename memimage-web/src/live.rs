//! The live tail: new events as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream, StreamExt as _};
use maud::html;
use memimage::Seq;
use tokio::sync::OwnedSemaphorePermit;

use crate::app::App;
use crate::change_log::{Entry, entry_row};
use crate::problem::Problem;
use crate::query::{Parameters, Query, Refused, number};
use crate::search::SearchForm;

/// The pause between two looks at the journal.
const PAUSE: Duration = Duration::from_millis(200);
/// The maximum number of events that are read at one look. If more were recorded, the tail leaves out the oldest ones, and says so.
const EVENTS: u64 = 200;

/// The parameters of the live tail.
#[derive(Debug, Default)]
pub(crate) struct LiveForm {
    search: SearchForm,
    /// The last event that the page shows.
    after: u64,
}

impl Parameters for LiveForm {
    fn names() -> Vec<&'static str> {
        [&SearchForm::names()[..], &["after"]].concat()
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Refused> {
        match name {
            "after" => self.after = number(&value)?,
            _ => return self.search.set(name, value),
        }
        Ok(())
    }
}

struct Tail {
    app: Arc<App>,
    search: SearchForm,
    /// The last event that was looked at.
    last: Seq,
    is_ended: bool,
    _permit: OwnedSemaphorePermit,
}

pub(crate) async fn tail(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Query(form): Query<LiveForm>,
) -> Result<impl IntoResponse, Problem> {
    let LiveForm { search, after } = form;
    let (checked, permit) = (search.clone(), app.tail()?);
    app.read(move |app| checked.search(&app.reader).map(drop)).await?;
    // a browser that connects again names the last event that it got
    let resumed = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let last = Seq::new(resumed.unwrap_or(after));
    let tail = Tail { app, search, last, is_ended: false, _permit: permit };
    Ok(Sse::new(events(tail)).keep_alive(KeepAlive::default()))
}

fn events(tail: Tail) -> impl Stream<Item = Result<Event, Infallible>> {
    let looks = stream::unfold(tail, |mut tail| async move {
        if tail.is_ended {
            return None;
        }
        let events = match look(&tail).await {
            Ok((events, last)) => {
                tail.last = last;
                events
            }
            Err(problem) => {
                tail.is_ended = true;
                vec![Event::default().event("end").data(problem.message())]
            }
        };
        if events.is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
        Some((stream::iter(events.into_iter().map(Ok)), tail))
    });
    looks.flatten()
}

/// The messages about the events since the last look, and the last event that was looked at.
async fn look(tail: &Tail) -> Result<(Vec<Event>, Seq), Problem> {
    let (search, last) = (tail.search.clone(), tail.last);
    let read = move |app: &App| {
        let end = app.reader.synced_seq()?;
        if end <= last {
            return Ok((Vec::new(), last));
        }
        let first = last.next().max(Seq::new(end.get().saturating_sub(EVENTS - 1)));
        let search = search.search(&app.reader)?;
        let mut messages = Vec::new();
        if first > last.next() {
            let left_out = html! { li.hint { "events " (last.next()) " to " (first.get() - 1) " are left out" } };
            messages.push(Event::default().data(left_out.into_string()));
        }
        for event in app.reader.events(first..=end) {
            let entry = event.map_or_else(Entry::lost, |event| Ok(Entry::Event(event)))?;
            let id = match &entry {
                Entry::Event(event) if !search.wants(event) => continue,
                Entry::Event(event) => event.seq(),
                Entry::Lost(_, last) => *last,
            };
            messages.push(Event::default().id(id.to_string()).data(entry_row(&entry).into_string()));
        }
        // also tells the page the number of events if none was wanted
        messages.push(Event::default().event("position").id(end.to_string()).data(end.to_string()));
        Ok((messages, end))
    };
    tail.app.read(read).await
}
