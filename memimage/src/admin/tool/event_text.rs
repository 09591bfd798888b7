//! Events as text.

use super::moment::rfc3339;
use super::terminal::{FAINT, NAME, WARNING, visible};
use crate::history::LoggedEvent;
use crate::value::text::{one_line, truncated};

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
        rfc3339(event.time),
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
