//! `memimage stats`: how many events of which kind, size and hour.

use clap::Args;

use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::moment::{MomentArgument, refuse_reversed};
use crate::admin::tool::report::{EventCounter, EventFigures, EventStats};
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::{HEADING, NAME, Terminal, bytes, progress_bar, visible};
use crate::admin::wording::counted;
use crate::history::Query;

/// The width of the longest bar of a histogram, in characters.
const BAR: u64 = 40;
/// The progress is drawn again after this many events.
const STEP: u64 = 4_096;

/// Counts events by name and version, by size, and by hour.
///
/// Reads the whole journal, or the part between --from and --until.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  memimage stats bank.image\n  memimage stats bank.image --from \"24h ago\"")]
pub(crate) struct Stats {
    #[command(flatten)]
    target: TargetArguments,
    /// Begin with this moment: the number (seq) of an event, a time such as 2026-11-30T12:00:00Z or "2026-11-30 12:00" (local time), or a
    /// time ago such as "1h30m ago".
    #[arg(long, value_name = "MOMENT")]
    from: Option<MomentArgument>,
    /// End with this moment, which is included. Written as for --from.
    #[arg(long, value_name = "MOMENT")]
    until: Option<MomentArgument>,
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

    fn count(&self) -> Result<EventStats, Failure> {
        refuse_reversed(self.from, self.until)?;
        let target = self.target.open()?;
        let mut query = Query::default();
        target.between(&mut query, self.from.map(|from| from.0), self.until.map(|until| until.0));
        let progress = progress_bar(target.durable()?.get());
        let mut counter = EventCounter::new();
        for event in target.events(query) {
            let last = counter.count(event)?;
            if counter.events().is_multiple_of(STEP) {
                progress.set_position(last.get());
            }
        }
        progress.finish_and_clear();
        Ok(counter.stats())
    }
}

fn print(terminal: &mut Terminal, document: &EventStats) -> Result<(), Failure> {
    let EventStats { events, rejected, void, payload_bytes, .. } = document;
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
