//! The state after an event, or at a time.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use maud::{Markup, html};
use memimage::admin::{ImageInfo, LoggedEvent, StateFile, parse_moment};
use memimage::inspect::{Bounds, Part, Path};
use memimage::{Moment, Seq, Timestamp};

use crate::app::App;
use crate::change_log::{row, time_text};
use crate::link::link;
use crate::parts::{ENTRIES, entries};
use crate::problem::Problem;
use crate::query::{Parameters, Query, Refused, number};

/// The parameters of a state.
#[derive(Debug, Default)]
pub(crate) struct StateForm {
    /// A moment, as a person writes it; the last event if it is empty.
    at: String,
    /// A time in milliseconds since the Unix epoch, which the slider sets; it takes precedence.
    time: Option<u64>,
    path: String,
    /// The number of entries to leave out.
    offset: u64,
}

impl Parameters for StateForm {
    fn names() -> Vec<&'static str> {
        vec!["at", "time", "path", "offset"]
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Refused> {
        match name {
            "at" => self.at = value,
            "time" => self.time = Some(number(&value)?),
            "path" => self.path = value,
            "offset" => self.offset = number(&value)?,
            _ => return Err(Refused::Unknown),
        }
        Ok(())
    }
}

struct Shown {
    info: ImageInfo,
    kept: Vec<StateFile>,
    seq: Seq,
    /// The event that led to the state; `None` before the first event, and if it was pruned.
    event: Option<LoggedEvent>,
    part: Part,
    path: Path,
    /// Whether the user seems to step back, so that the state before this one is probably the next.
    is_step_back: bool,
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Query(form): Query<StateForm>,
) -> Result<impl IntoResponse, Problem> {
    let path = parse_path(&form.path)?;
    let moment = match form.time {
        Some(millis) => Some(Moment::Time(Timestamp::from_micros(millis.saturating_mul(1_000)))),
        None => parse("at", &form.at)?,
    };
    let shown = app.replay(move |app, info, states| {
        let seq = resolve(app, info, moment)?;
        let before = Seq::new(seq.get().saturating_sub(1));
        let is_step_back = seq.get() > oldest(info) && states.has(seq.next()) && !states.has(before);
        let bounds = Bounds { depth: 1, offset: form.offset, limit: ENTRIES, ..Bounds::default() };
        let part = states.part(seq, &path, bounds)?;
        let event = app.reader.events(seq..=seq).next().and_then(Result::ok).filter(|event| event.seq() == seq);
        Ok(Shown { info: info.clone(), kept: app.reader.states()?, seq, event, part, path, is_step_back })
    });
    let shown = shown.await?;
    if shown.is_step_back {
        prepare(&app, Seq::new(shown.seq.get() - 1));
    }
    let title = format!("State after event {}", shown.seq);
    Ok(app.frame("state", &title).page(&page(&shown)))
}

/// Rebuilds a state for the next request: this costs a replay from a snapshot.
fn prepare(app: &Arc<App>, seq: Seq) {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        let bounds = Bounds { depth: 0, ..Bounds::default() };
        // the request for this state will report what is wrong
        let _ = app.replay(move |_, _, states| states.part(seq, &Path::root(), bounds)).await;
    });
}

/// Parses a moment; `None` if the text is empty.
pub(crate) fn parse(parameter: &str, text: &str) -> Result<Option<Moment>, Problem> {
    match text.trim() {
        "" => Ok(None),
        text => parse_moment(text).map(Some).map_err(|error| Problem::bad(parameter, error)),
    }
}

pub(crate) fn parse_path(text: &str) -> Result<Path, Problem> {
    text.trim().parse().map_err(|error| Problem::bad("path", error))
}

/// The event of a moment; the last event without a moment.
pub(crate) fn resolve(app: &App, info: &ImageInfo, moment: Option<Moment>) -> Result<Seq, Problem> {
    match moment {
        None => Ok(Seq::new(info.durable_seq)),
        Some(moment) => Ok(app.reader.seq_at(moment)?),
    }
}

fn page(shown: &Shown) -> Markup {
    let Shown { info, kept, seq, event, part, path, .. } = shown;
    let (at, text) = (seq.to_string(), path.to_string());
    let state = |seq: u64| link("state", &[("at", &seq.to_string()), ("path", &text)]);
    let seq = seq.get();
    html! {
        h1 { "State after event " (seq) }
        form.row action="state" role="search" {
            input.path type="search" name="path" value=(text) placeholder="path, such as accounts.7" aria-label="path" data-search;
            input name="at" value=(at) size="20" aria-label="at" placeholder="a seq, a time, 1h ago";
            button { "Show" }
        }
        (sliders(info, kept, seq, event.as_ref(), &text))
        p.bar {
            @if seq > oldest(info) { a rel="prev" data-key="ArrowLeft" href=(state(seq - 1)) { "← step back" } }
            @if seq < info.durable_seq { a rel="next" data-key="ArrowRight" href=(state(seq + 1)) { "step forward →" } }
            @if seq < info.durable_seq { a href=(state(info.durable_seq)) { "last event" } }
            @if seq > oldest(info) {
                a href=(link("diff", &[("from", &(seq - 1).to_string()), ("to", &at), ("path", &text)])) { "what this event changed" }
            }
            @if !path.is_root() { a href=(link("changes", &[("path", &text)])) { "history of this value" } }
        }
        @if let Some(event) = event { ul.events { (row(event)) } }
        (way(path, &at))
        (entries(part, path, &at))
    }
}

/// The oldest state that can be shown.
pub(crate) fn oldest(info: &ImageInfo) -> u64 {
    match info.base {
        Some(base) => base.min(info.snapshots.iter().copied().min().unwrap_or(base)),
        None => 0,
    }
}

/// The sliders over the events and over time, with marks for the snapshots.
fn sliders(info: &ImageInfo, kept: &[StateFile], seq: u64, event: Option<&LoggedEvent>, path: &str) -> Markup {
    let millis = |time: &str| Some(micros(time)?.div_ceil(1_000));
    let first = info.first_time.as_deref().and_then(millis);
    let last = info.durable_time.as_deref().and_then(millis);
    let now = event.map_or(first, |event| Some(event.time().as_micros().div_ceil(1_000)));
    let times = kept.iter().filter_map(|state| millis(state.time.as_deref()?));
    html! {
        div.slider {
            form action="state" {
                input type="hidden" name="path" value=(path);
                label for="by-seq" { "event" }
                input id="by-seq" type="range" name="at" min=(oldest(info)) max=(info.durable_seq) value=(seq) list="kept-seqs";
                button { "Go" }
                output for="by-seq" { "event " (seq) " of " (info.durable_seq) }
            }
            datalist id="kept-seqs" { @for state in kept { option value=(state.seq) {} } }
            @if let (Some(first), Some(last), Some(now)) = (first, last, now) {
                form action="state" {
                    input type="hidden" name="path" value=(path);
                    label for="by-time" { "time" }
                    input id="by-time" type="range" name="time" data-unit="ms" min=(first) max=(last.max(first)) value=(now) list="kept-times";
                    button { "Go" }
                    output for="by-time" { @if let Some(event) = event { (crate::change_log::time(event)) } @else { "before the first event" } }
                }
                datalist id="kept-times" { @for time in times { option value=(time) {} } }
            }
        }
        @if !kept.is_empty() {
            p.hint {
                "snapshots: "
                @for state in kept.iter().take(10) {
                    a href=(link("state", &[("at", &state.seq.to_string()), ("path", path)])) { (state.seq) } " "
                }
            }
        }
    }
}

/// The microseconds since the Unix epoch of a time in RFC 3339.
fn micros(time: &str) -> Option<u64> {
    match parse_moment(time) {
        Ok(Moment::Time(time)) => Some(time.as_micros()),
        _ => None,
    }
}

/// The links to the parts that contain this part.
fn way(path: &Path, at: &str) -> Markup {
    let mut ways = vec![path.clone()];
    while let Some(parent) = ways.last().and_then(Path::parent) {
        ways.push(parent);
    }
    ways.reverse();
    html! {
        h2.path {
            @for way in &ways {
                @let address = link("state", &[("at", at), ("path", &way.to_string())]);
                @match way.steps().last() {
                    None => a href=(address) { "state" },
                    Some(step) => { " › " a href=(address) { (step) } }
                }
            }
        }
    }
}

/// A link to the state after an event.
pub(crate) fn state_link(seq: Seq, path: &Path, label: &str) -> Markup {
    html! { a href=(link("state", &[("at", &seq.to_string()), ("path", &path.to_string())])) { (label) } }
}

/// A time of a change, for people.
pub(crate) fn change_time(time: Timestamp) -> Markup {
    time_text(&memimage::admin::format_time(time))
}
