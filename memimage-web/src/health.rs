//! The health of the image: its figures, its sizes, its snapshots, its subscriptions, and the last check.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use maud::{Markup, html};
use memimage::admin::{CheckReport, EventStats, ImageInfo, Severity, StateFile, format_time};
use memimage::{ErrorKind, Seq, Timestamp};

use crate::app::{App, Check, Counted};
use crate::change_log::time_text;
use crate::link::link;
use crate::lock::lock;
use crate::problem::Problem;
use crate::query::{NoParameters, Query};
use crate::search::now;

/// How long one request counts events. The next one goes on.
const COUNT_TIME: Duration = Duration::from_millis(500);
/// The number of hours in the histogram.
const HOURS: usize = 48;

struct Health {
    info: ImageInfo,
    states: Vec<StateFile>,
    /// The figures of the events, and the last event that was counted.
    events: Result<(EventStats, Seq), Problem>,
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Query(NoParameters): Query<NoParameters>,
) -> Result<impl IntoResponse, Problem> {
    let health = app
        .read(|app| {
            let info = match app.reader.info() {
                // the check says what to do
                Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Forged) => {
                    return Ok(Err(Problem::from(error)));
                }
                info => info?,
            };
            let (states, events) = (app.reader.states()?, count(app, &info));
            Ok(Ok(Health { info, states, events }))
        })
        .await?;
    let check = check_section(&lock(&app.check));
    let content = html! {
        h1 { "Health" }
        @match &health {
            Ok(Health { info, states, events }) => {
                (image(info))
                (snapshots(states, info.durable_seq))
                (subscriptions(info))
                (check)
                h2 { "Events" }
                @match events {
                    Ok((stats, last)) => { (figures(info, stats, *last)) }
                    Err(problem) => { (problem.section()) }
                }
            }
            Err(problem) => {
                (problem.section())
                (check)
            }
        }
    };
    Ok(app.frame("health", "Health").page(&content))
}

/// Goes on with counting the events. Begins anew if they are no longer the ones that were counted.
fn count(app: &App, info: &ImageInfo) -> Result<(EventStats, Seq), Problem> {
    let none = || Counted { uuid: info.uuid.clone(), epoch: info.epoch, ..Counted::default() };
    let mut counted = lock(&app.counted);
    if counted.uuid != info.uuid || counted.epoch != info.epoch || counted.last.get() > info.durable_seq {
        *counted = none();
    }
    let begun = Instant::now();
    let events = match counted.last {
        Seq::ZERO => app.reader.events(..),
        last => app.reader.events(last.next()..),
    };
    for event in events {
        match counted.counter.count(event) {
            Ok(last) => counted.last = last,
            // the owner pruned events that were not counted yet
            Err(error) if error.kind() == ErrorKind::Pruned && counted.last > Seq::ZERO => {
                *counted = none();
                break;
            }
            Err(error) => return Err(error.into()),
        }
        if begun.elapsed() > COUNT_TIME {
            break;
        }
    }
    Ok((counted.counter.stats(), counted.last))
}

/// Begins a check, unless one is running.
pub(crate) async fn check(State(app): State<Arc<App>>) -> impl IntoResponse {
    let is_running = std::mem::replace(&mut *lock(&app.check), Check::Running);
    match is_running {
        Check::Running => {}
        Check::Never | Check::Done(..) => {
            let app = Arc::clone(&app);
            tokio::task::spawn_blocking(move || {
                let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| app.reader.check()));
                let report = match result {
                    Ok(report) => report.map(Box::new).map_err(|error| error.to_string()),
                    Err(_) => Err("the check panicked".to_owned()),
                };
                *lock(&app.check) = Check::Done(now(), report);
            });
        }
    }
    (StatusCode::SEE_OTHER, [(LOCATION, "health#check")])
}

fn image(info: &ImageInfo) -> Markup {
    html! {
        dl {
            dt { "image" } dd { code { (info.path) } }
            dt { "model" } dd { (info.model) }
            dt { "uuid" } dd { code { (info.uuid) } }
            @if let Some(parent) = &info.parent { dt { "parent" } dd { code { (parent.uuid) } ", up to event " (parent.seq) } }
            dt { "owner" } dd { @match &info.owner { Some(owner) => (owner), None => "none: the image is not open" } }
            dt { "protection" } dd { (info.protection) }
            @if let Some(created) = &info.created { dt { "created" } dd { (time_text(created)) " UTC" } }
            dt { "epoch" } dd { (info.epoch) }
            dt { "journal" } dd { (bytes(info.journal_bytes)) " in " (counted(info.segments as u64, "segment")) }
            dt { "events" }
            dd {
                @match (info.first_seq, &info.first_time, &info.durable_time) {
                    (Some(first), Some(since), Some(until)) => {
                        (first) " to " (info.durable_seq) ", from " (time_text(since)) " to " (time_text(until))
                    }
                    _ => "none",
                }
            }
            @if let Some(base) = info.base { dt { "base" } dd { "the state after event " (base) " replaces the events up to it" } }
        }
    }
}

fn snapshots(states: &[StateFile], end: u64) -> Markup {
    html! {
        h2 { "Snapshots" }
        @match states.iter().find(|state| state.error.is_none()) {
            Some(last) => p {
                "An opening loads the " (last.kind) " after event " (last.seq) ", and replays "
                (counted(end.saturating_sub(last.seq), "event")) "."
            },
            None => p { "An opening replays all events, because there is no usable snapshot." },
        }
        ul {
            @for state in states {
                li {
                    (state.kind) " after event " (state.seq) ": "
                    @if let Some(error) = &state.error { span.problem { "unusable: " (error) } }
                    @if let Some(len) = state.bytes { (bytes(len)) }
                    @if let Some(created) = &state.created { ", created " (time_text(created)) }
                }
            }
        }
    }
}

fn subscriptions(info: &ImageInfo) -> Markup {
    html! {
        @if !info.subscriptions.is_empty() {
            h2 { "Subscriptions" }
            table {
                tr { th { "name" } th { "acknowledged" } th { "lag" } }
                @for subscription in &info.subscriptions {
                    tr {
                        td { (subscription.name) }
                        @match subscription.acknowledged {
                            Some(seq) => { td { (seq) } td { (counted(info.durable_seq.saturating_sub(seq), "event")) } }
                            None => td colspan="2" { "its position cannot be read" },
                        }
                    }
                }
            }
        }
    }
}

fn check_section(check: &Check) -> Markup {
    html! {
        h2 id="check" { "Check" }
        @match check {
            Check::Never => p { "The image was not checked since this page was started." },
            Check::Running => p { "A check is running. " a href="health" { "Look again" } },
            Check::Done(at, Ok(report)) => {
                p { "Last check: " (time_text(&format_time(Timestamp::from(*at)))) ", " strong { (verdict(report)) } }
                @for finding in &report.findings {
                    p.problem {
                        (finding.severity) ": " (finding.path.display()) ": " (finding.message)
                        @if !finding.help.is_empty() { "; help: " (finding.help) }
                    }
                }
                @if report.unlisted > 0 { p { (report.unlisted) " further findings" } }
            }
            Check::Done(at, Err(error)) => {
                p { "Last check: " (time_text(&format_time(Timestamp::from(*at)))) ", failed" }
                pre.problem { (error) }
            }
        }
        @if !matches!(check, Check::Running) {
            form method="post" action="check" { button { "Check now" } span.hint { " reads the whole image, and changes nothing" } }
        }
    }
}

fn verdict(report: &CheckReport) -> &'static str {
    match report.worst() {
        Some(Severity::Damage) => "damaged",
        Some(Severity::Warning) => "warnings",
        _ => "sound",
    }
}

fn figures(info: &ImageInfo, stats: &EventStats, last: Seq) -> Markup {
    let most = stats.by_hour.iter().map(|hour| hour.events).max().unwrap_or(1);
    html! {
        p {
            (counted(stats.events, "event")) ", " (stats.rejected) " rejected, " (stats.void) " void, "
            (bytes(stats.payload_bytes)) " of payload"
        }
        @if last.get() < info.durable_seq {
            p.hint { "Counted up to event " (last) " so far. " a href="health" { "Go on" } }
        }
        div.wide {
            table {
                tr { th { "event" } th { "number" } th { "rejected" } th { "payload" } th { "largest" } }
                @for event in &stats.by_event {
                    tr {
                        td { a href=(link("log", &[("name", &event.name)])) { (event.name) } span.hint { "@" (event.version) } }
                        td { (event.events) } td { (event.rejected) } td { (bytes(event.payload_bytes)) } td { (bytes(event.largest)) }
                    }
                }
            }
        }
        @if !stats.by_size.is_empty() {
            h3 { "By size of the payload" }
            (bars(stats.by_size.iter().map(|size| (format!("up to {}", bytes(size.key)), size.events))))
            h3 { "By hour, the last " (HOURS) }
            @let recent = stats.by_hour.iter().rev().take(HOURS);
            (bars(recent.map(|hour| (hour.key.replace(":00:00.000000Z", "h").replace('T', " "), hour.events))))
            p.hint { "The busiest hour had " (counted(most, "event")) "." }
        }
    }
}

fn bars(counts: impl Iterator<Item = (String, u64)>) -> Markup {
    let counts: Vec<_> = counts.collect();
    let most = counts.iter().map(|(_, events)| *events).max().unwrap_or(1).max(1);
    html! {
        table.bars {
            @for (label, events) in &counts {
                tr { th { (label) } td { meter min="0" max=(most) value=(events) {} } td { (events) } }
            }
        }
    }
}

fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A number of bytes, for people.
fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let unit = (number.ilog2() / 10).min(5);
    let tenths = (u128::from(number) * 10) >> (10 * unit);
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit as usize - 1])
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_for_people() {
        assert_eq!([0, 1023, 1024, 1536, 1 << 30].map(bytes), ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 GiB"]);
        assert_eq!(bytes(u64::MAX), "16383.9 PiB");
    }
}
