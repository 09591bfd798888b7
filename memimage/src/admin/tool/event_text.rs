//! Events as text.

use super::failure::Failure;
use super::json::gap_line;
use super::terminal::{FAINT, NAME, Terminal, WARNING, visible};
use crate::admin::seq_range::SeqRange;
use crate::history::LoggedEvent;
use crate::seq::Seq;
use crate::value::text::{one_line, truncated};

/// Prints a recorded gap, in place of the events that are lost in it.
pub(crate) fn print_gap(terminal: &mut Terminal, first: Seq, last: Seq) -> Result<(), Failure> {
    match terminal.is_json() {
        true => terminal.line(gap_line(first, last)),
        false => {
            let lost = SeqRange { first, last };
            terminal.line(format_args!("{first:>8}  {WARNING}lost: {lost}{WARNING:#}"))
        }
    }
}

/// Prints the recorded gaps that a new image or a replay has, each as its first and its last event, for people.
pub(crate) fn print_lost(terminal: &mut Terminal, lost: &[(u64, u64)]) -> Result<(), Failure> {
    lost.iter().try_for_each(|&(first, last)| {
        let lost = SeqRange { first: Seq::new(first), last: Seq::new(last) };
        terminal.line(format_args!("{WARNING}without{WARNING:#} {lost}, which a repair gave up"))
    })
}

/// An event as a line for people, with at most `length` characters of its payload.
pub(crate) fn text_line(event: &LoggedEvent, length: usize) -> String {
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
        event.time,
        visible(&truncated(payload, length))
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
