//! What changed: between two states, and a value over the history.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use maud::{Markup, html};
use memimage::Seq;
use memimage::inspect::{Comparison, Difference, Path};

use crate::app::App;
use crate::link::link;
use crate::parts::side;
use crate::problem::{Problem, lost_events};
use crate::query::{Parameters, Query, Refused};
use crate::state::{change_time, oldest, parse, parse_path, resolve, state_link};
use crate::states::{HistoryEntry, ValueChange, ValueHistory};

/// The parameters of a comparison.
#[derive(Debug, Default)]
pub(crate) struct DiffForm {
    /// The first state; the one before the second state's last event if it is empty.
    from: String,
    /// The second state; the last one if it is empty.
    to: String,
    path: String,
}

impl Parameters for DiffForm {
    fn names() -> Vec<&'static str> {
        vec!["from", "to", "path"]
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Refused> {
        match name {
            "from" => self.from = value,
            "to" => self.to = value,
            "path" => self.path = value,
            _ => return Err(Refused::Unknown),
        }
        Ok(())
    }
}

pub(crate) async fn show_differences(
    State(app): State<Arc<App>>,
    Query(form): Query<DiffForm>,
) -> Result<impl IntoResponse, Problem> {
    let (from, to, path) = (parse("from", &form.from)?, parse("to", &form.to)?, parse_path(&form.path)?);
    let compared = app.replay(move |app, info, states| {
        let after = resolve(app, info, to)?;
        let before = match from {
            Some(_) => resolve(app, info, from)?,
            None => Seq::new(after.get().saturating_sub(1)),
        };
        Ok((states.comparison(before, after, &path)?, before, after, path))
    });
    let (comparison, before, after, path) = compared.await?;
    let content = html! {
        h1 { "What changed between " (before) " and " (after) }
        form.row action="diff" role="search" {
            label { "from " input name="from" value=(before) size="12"; }
            label { "to " input name="to" value=(after) size="12"; }
            input.path type="search" name="path" value=(path) placeholder="path, such as accounts.7" aria-label="path" data-search;
            button { "Compare" }
        }
        p.bar {
            (state_link(before, &path, "state before")) (state_link(after, &path, "state after"))
            a href=(link("log", &[("from", &before.next().to_string()), ("until", &after.to_string())])) { "the events between" }
        }
        (differences(&comparison, after))
    };
    Ok(app.frame("state", "What changed").page(&content))
}

/// The differences, with links into the state after event `after`.
pub(crate) fn differences(comparison: &Comparison, after: Seq) -> Markup {
    html! {
        @if comparison.differences.is_empty() { p.hint { "Nothing." } }
        ul.changes { @for difference in &comparison.differences { li { (difference_row(difference, after)) } } }
        @if comparison.more > 0 { p.hint { (comparison.more) " more parts differ. Choose a path to see them." } }
    }
}

fn difference_row(difference: &Difference, after: Seq) -> Markup {
    html! {
        div.path { (state_link(after, &difference.path, &path_text(&difference.path))) }
        (difference_values(difference))
    }
}

fn difference_values(difference: &Difference) -> Markup {
    html! { div.values { (side(difference.before.as_ref(), "old")) (side(difference.after.as_ref(), "new-value")) } }
}

fn path_text(path: &Path) -> String {
    if path.is_root() { "the whole state".to_owned() } else { path.to_string() }
}

/// The parameters of a value's history.
#[derive(Debug, Default)]
pub(crate) struct ChangesForm {
    path: String,
    /// The state with which the history begins; the oldest one if it is empty.
    from: String,
}

impl Parameters for ChangesForm {
    fn names() -> Vec<&'static str> {
        vec!["path", "from"]
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Refused> {
        match name {
            "path" => self.path = value,
            "from" => self.from = value,
            _ => return Err(Refused::Unknown),
        }
        Ok(())
    }
}

pub(crate) async fn show_history(
    State(app): State<Arc<App>>,
    Query(form): Query<ChangesForm>,
) -> Result<impl IntoResponse, Problem> {
    let (path, from) = (parse_path(&form.path)?, parse("from", &form.from)?);
    let read = app.replay(move |app, info, states| {
        let from = match from {
            Some(_) => resolve(app, info, from)?,
            None => Seq::new(oldest(info)),
        };
        Ok((states.history(from, &path)?, from, path))
    });
    let (history, from, path) = read.await?;
    Ok(app.frame("state", "History of a value").page(&history_page(&history, from, &path)))
}

fn history_page(history: &ValueHistory, from: Seq, path: &Path) -> Markup {
    let text = path.to_string();
    html! {
        h1 { "History of " code { (path_text(path)) } }
        form.row action="changes" role="search" {
            input.path type="search" name="path" value=(text) placeholder="path, such as accounts.7" aria-label="path" data-search;
            label { "from " input name="from" value=(from) size="20" placeholder="a seq, a time, 1h ago"; }
            button { "Show" }
        }
        div.values { (state_link(from, path, &format!("after event {from}"))) (side(history.first.as_ref(), "new-value")) }
        ul.changes { @for entry in &history.entries { (entry_row(entry, path)) } }
        @if !history.entries.iter().any(|entry| matches!(entry, HistoryEntry::Change(_))) { p.hint { "No change up to event " (history.until) "." } }
        @if history.is_cut {
            p.older {
                a rel="next" href=(link("changes", &[("path", &text), ("from", &history.until.to_string())])) { "later events" }
                span.hint { " read up to event " (history.until) }
            }
        }
    }
}

fn entry_row(entry: &HistoryEntry, path: &Path) -> Markup {
    match entry {
        HistoryEntry::Change(change) => change_row(change, path),
        HistoryEntry::Lost(first, last) => html! {
            li { span.mark { "lost" } " " (lost_events(*first, *last)) ". What they changed is not known." }
        },
    }
}

fn change_row(change: &ValueChange, path: &Path) -> Markup {
    html! {
        li {
            div {
                a href=(link("event", &[("seq", &change.seq.to_string())])) { (change.seq) }
                " " (change_time(change.time)) " " strong { (change.names.join(", ")) }
                @if let Some(actor) = &change.actor { " " span.meta { "actor=" (actor) } }
                " " (state_link(change.seq, path, "state"))
            }
            @for difference in &change.differences {
                // the heading says the path of the value itself
                @if difference.path == *path { (difference_values(difference)) } @else { (difference_row(difference, change.seq)) }
            }
        }
    }
}
