//! `memimage stats`: how many events of which kind, size and hour.

use std::collections::BTreeMap;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::moment::{MomentArgument, rfc3339};
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::{HEADING, NAME, Terminal, bytes, visible};
use crate::admin::wording::counted;
use crate::context::Timestamp;
use crate::history::Query;

/// The width of the longest bar of a histogram, in characters.
const BAR: u64 = 40;
/// The number of microseconds in an hour.
const HOUR: u64 = 3_600_000_000;
/// The progress is drawn again after this many events.
const STEP: u64 = 4_096;

/// Counts events by name and version, by size, and by hour. Reads the journal between the two moments.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  memimage stats bank.image\n  memimage stats bank.image --from \"24h ago\"")]
pub(crate) struct Stats {
    #[command(flatten)]
    target: TargetArguments,
    /// Begin with this moment: a seq, a time, or a time ago.
    #[arg(long, value_name = "MOMENT")]
    from: Option<MomentArgument>,
    /// End with this moment, which is included.
    #[arg(long, value_name = "MOMENT")]
    until: Option<MomentArgument>,
}

#[derive(Default, Serialize)]
struct Document {
    events: u64,
    rejected: u64,
    void: u64,
    /// The events that are lost in recorded gaps.
    lost: u64,
    /// The bytes of all payloads.
    payload_bytes: u64,
    by_event: Vec<EventFigures>,
    /// The number of events whose payload has at most this many bytes, and more than the entry before.
    by_size: Vec<Count<u64>>,
    /// The number of events of each hour that has any, by the hour's beginning in UTC.
    by_hour: Vec<Count<String>>,
}

#[derive(Default, Serialize)]
struct EventFigures {
    name: String,
    version: u32,
    events: u64,
    rejected: u64,
    payload_bytes: u64,
    largest: u64,
}

#[derive(Serialize)]
struct Count<K> {
    key: K,
    events: u64,
}

impl Stats {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let document = self.count()?;
        match terminal.is_json() {
            true => json::document(terminal, &document)?,
            false => print(terminal, &document)?,
        }
        Ok(Found::Nothing)
    }

    fn count(&self) -> Result<Document, Failure> {
        let target = self.target.open()?;
        let mut query = Query::default();
        target.between(&mut query, self.from.map(|from| from.0), self.until.map(|until| until.0));
        let progress = ProgressBar::new(target.durable()?.get());
        let style = ProgressStyle::with_template("{bar:40} event {pos} of {len}, {eta} left");
        progress.set_style(style.expect("the template is valid"));
        let mut document = Document::default();
        let mut by_event: BTreeMap<(String, u32), EventFigures> = BTreeMap::new();
        let (mut by_size, mut by_hour) = (BTreeMap::<u64, u64>::new(), BTreeMap::<u64, u64>::new());
        for event in target.events(query) {
            let event = match event {
                Ok(event) => event,
                Err(error) => match error.gap() {
                    Some((first, last)) => {
                        document.lost += last.get() - first.get() + 1;
                        continue;
                    }
                    None => return Err(error.into()),
                },
            };
            let (recorded, len) = (&event.recorded, event.recorded.bytes().len() as u64);
            let key = (recorded.name().to_owned(), recorded.version());
            let figures = by_event.entry(key).or_default();
            let rejected = u64::from(event.is_rejected());
            figures.events += 1;
            figures.rejected += rejected;
            figures.payload_bytes += len;
            figures.largest = figures.largest.max(len);
            document.events += 1;
            document.rejected += rejected;
            document.void += u64::from(event.is_void);
            document.payload_bytes += len;
            *by_size.entry(len.max(1).next_power_of_two()).or_default() += 1;
            *by_hour.entry(event.time.as_micros() / HOUR).or_default() += 1;
            if document.events.is_multiple_of(STEP) {
                progress.set_position(event.seq().get());
            }
        }
        progress.finish_and_clear();
        let named = |((name, version), figures)| EventFigures { name, version, ..figures };
        document.by_event = by_event.into_iter().map(named).collect();
        document.by_size = by_size.into_iter().map(|(key, events)| Count { key, events }).collect();
        let begin = |hour| rfc3339(Timestamp::from_micros(hour * HOUR));
        document.by_hour = by_hour.into_iter().map(|(hour, events)| Count { key: begin(hour), events }).collect();
        Ok(document)
    }
}

fn print(terminal: &mut Terminal, document: &Document) -> Result<(), Failure> {
    let Document { events, rejected, void, payload_bytes, .. } = document;
    terminal.line(format_args!(
        "{events} events, {rejected} rejected, {void} void, {} of payload",
        bytes(*payload_bytes)
    ))?;
    if document.lost > 0 {
        terminal.line(format_args!("{} lost in recorded gaps", counted(document.lost, "event")))?;
    }
    terminal.line(format_args!("\n{HEADING}by event{HEADING:#}"))?;
    for figures in &document.by_event {
        let EventFigures { name, version, events, rejected, payload_bytes, largest } = figures;
        let (name, mean) = (visible(name), payload_bytes / events.max(&1));
        let size = format!("{} (mean {}, largest {})", bytes(*payload_bytes), bytes(mean), bytes(*largest));
        terminal.line(format_args!("{events:>12}  {NAME}{name}@{version}{NAME:#}  {rejected} rejected, {size}"))?;
    }
    let sizes: Vec<(String, u64)> =
        document.by_size.iter().map(|count| (format!("up to {}", bytes(count.key)), count.events)).collect();
    histogram(terminal, "by size of the payload", &sizes)?;
    let hours: Vec<(String, u64)> =
        document.by_hour.iter().map(|count| (count.key.replace(":00:00.000000Z", "h UTC"), count.events)).collect();
    histogram(terminal, "by hour", &hours)
}

fn histogram(terminal: &mut Terminal, title: &str, counts: &[(String, u64)]) -> Result<(), Failure> {
    terminal.line(format_args!("\n{HEADING}{title}{HEADING:#}"))?;
    let most = counts.iter().map(|(_, events)| *events).max().unwrap_or(1).max(1);
    let width = counts.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    for (label, events) in counts {
        let bar = "█".repeat(usize::try_from((events * BAR).div_ceil(most)).unwrap_or(0));
        terminal.line(format_args!("{events:>12}  {label:<width$}  {bar}"))?;
    }
    Ok(())
}
