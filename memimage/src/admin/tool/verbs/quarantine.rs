//! `memimage quarantine`: what openings and repairs set aside.

use std::collections::HashSet;

use clap::Args;
use serde::Serialize;

use crate::admin::quarantine::{self as kept, KeptEvent, KeptEvents, KeptFile, KeptFileKind};
use crate::admin::tool::event_text::text_line;
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json::{self, kept_event_line};
use crate::admin::tool::target::{Target, TargetArguments};
use crate::admin::tool::terminal::{HEADING, Terminal, WARNING, bytes, note, tell, visible};
use crate::admin::wording::counted;
use crate::error::Error;
use crate::seq::Seq;
use crate::snapshot::Snapshots;

/// Lists what openings and repairs set aside in the directory `quarantine`, or shows the events in it.
///
/// A repair that gives up events copies the segment first, so each event behind the damage can still be read here. By default only
/// events that the journal lacks are shown. A damaged event itself cannot be read.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  memimage quarantine bank.image                             what is there?
  memimage quarantine bank.image 00000001.journal.0          the events in a file that the journal lacks
  memimage quarantine bank.image --events --json > lost.jsonl")]
pub(crate) struct Quarantine {
    #[command(flatten)]
    target: TargetArguments,
    /// Show the events in this file of the quarantine.
    file: Option<String>,
    /// Show the events in all files, each once.
    #[arg(long, conflicts_with = "file")]
    events: bool,
    /// Also show events that the journal still has.
    #[arg(long)]
    all: bool,
}

#[derive(Default, Serialize)]
struct Document {
    name: String,
    kind: &'static str,
    bytes: u64,
    /// When the file got its content or its name.
    changed: Option<String>,
    segment: Option<u64>,
    offset: Option<u64>,
    /// The last event of a state, or the last one that was known to be synced.
    seq: Option<u64>,
    /// The intact events, and how many of them the journal lacks.
    events: u64,
    missing: u64,
    first_missing: Option<u64>,
    last_missing: Option<u64>,
    /// The number of further events, whose shapes are lost.
    undescribed: u64,
    /// Why the file cannot be read.
    error: Option<String>,
}

impl Quarantine {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let target = self.target.open()?;
        let quarantine = kept::Quarantine::new(&target.disk, &target.layout, &target.keyring, target.identity.as_ref());
        let files = quarantine.files()?;
        if let Some(name) = &self.file {
            let known = || files.iter().map(|file| visible(&file.name)).collect::<Vec<_>>().join(", ");
            let missing = || match files.is_empty() {
                true => Failure::Other("nothing was set aside".to_owned()),
                false => Failure::Other(format!("the quarantine has no file `{}`; it has {}", visible(name), known())),
            };
            let file = files.iter().find(|file| file.name == *name).ok_or_else(missing)?;
            let mut shown = Shown::default();
            self.show(terminal, file, quarantine.events(file)?, &mut shown)?;
            shown.tell_if_none("this file");
            return Ok(Found::Nothing);
        }
        if self.events {
            let mut shown = Shown::default();
            for file in &files {
                match quarantine.events(file) {
                    Ok(events) => self.show(terminal, file, events, &mut shown)?,
                    Err(error) => {
                        shown.has_unreadable_file = true;
                        warn(file, &terminal.translated(&error));
                    }
                }
            }
            match files.is_empty() {
                true => note("nothing was set aside"),
                false => shown.tell_if_none("the quarantine"),
            }
            return Ok(Found::Nothing);
        }
        let describe = |file| describe(&quarantine, &target, file, terminal);
        let documents: Vec<Document> = files.iter().map(describe).collect();
        match terminal.is_json() {
            true => json::document(terminal, &documents)?,
            false => print(terminal, &documents)?,
        }
        Ok(Found::Nothing)
    }

    /// Shows events that are not among those `shown` so far.
    fn show(
        &self,
        terminal: &mut Terminal,
        file: &KeptFile,
        events: KeptEvents,
        shown: &mut Shown,
    ) -> Result<(), Failure> {
        for KeptEvent { event, is_in_journal } in &events.events {
            if *is_in_journal && !self.all {
                shown.in_journal += 1;
                continue;
            }
            if !shown.events.insert((event.seq(), event.key.frame)) {
                continue;
            }
            match terminal.is_json() {
                true => terminal.line(kept_event_line(event, &file.name, *is_in_journal)?)?,
                false => terminal.line(text_line(event, usize::MAX))?,
            }
        }
        if events.undescribed > 0 {
            let what = "more events cannot be decoded, because the frame that declares them is lost";
            warn(file, &format_args!("{} {what}", events.undescribed));
        }
        Ok(())
    }
}

/// The events that were shown so far.
#[derive(Default)]
struct Shown {
    /// Their seqs, and the hashes of their frames.
    events: HashSet<(Seq, u64)>,
    /// How many events were left out because the journal has them.
    in_journal: u64,
    has_unreadable_file: bool,
}

impl Shown {
    /// Tells why nothing was shown of `place`, if so.
    fn tell_if_none(&self, place: &str) {
        match (self.events.is_empty(), self.in_journal) {
            (false, _) => {}
            (true, 0) if self.has_unreadable_file => {}
            (true, 0) => note(format_args!("{place} has no intact event")),
            (true, in_journal) => {
                let events = counted(in_journal, "event");
                note(format_args!("{place} has {events}, and the journal has them too; --all shows them"));
            }
        }
    }
}

fn warn(file: &KeptFile, what: &impl std::fmt::Display) {
    tell(format_args!("{WARNING}warning:{WARNING:#} {}: {what}", visible(&file.name)));
}

/// Describes a file. If it cannot be read, the description says why.
fn describe(quarantine: &kept::Quarantine, target: &Target, file: &KeptFile, terminal: &Terminal) -> Document {
    let (segment, offset) = match file.kind {
        KeptFileKind::Torn { segment, offset } => (Some(segment.get()), Some(offset)),
        KeptFileKind::Segment(segment) => (Some(segment.get()), None),
        _ => (None, None),
    };
    let mut document = Document {
        name: file.name.clone(),
        kind: file.kind.name(),
        bytes: file.bytes,
        changed: file.changed().map(|time| time.to_string()),
        segment,
        offset,
        ..Document::default()
    };
    if let Err(error) = look_into(quarantine, target, file, &mut document) {
        document.error = Some(terminal.translated(&error));
    }
    document
}

/// Adds what is in the file.
fn look_into(
    quarantine: &kept::Quarantine,
    target: &Target,
    file: &KeptFile,
    document: &mut Document,
) -> Result<(), Error> {
    match file.kind {
        KeptFileKind::Torn { .. } | KeptFileKind::Segment(_) => {
            let KeptEvents { events, undescribed } = quarantine.events(file)?;
            let missing = || events.iter().filter(|kept| !kept.is_in_journal).map(|kept| kept.event.seq().get());
            (document.events, document.missing) = (events.len() as u64, missing().count() as u64);
            (document.first_missing, document.last_missing) = (missing().min(), missing().max());
            document.undescribed = undescribed;
        }
        KeptFileKind::Snapshot(seq) | KeptFileKind::Base(seq) => {
            document.seq = Some(seq.get());
            Snapshots::new(&target.disk, &target.layout, &target.keyring).open(seq, &file.path)?;
        }
        KeptFileKind::Watermark => {
            document.seq = quarantine.watermark(file)?.map(|watermark| watermark.durable_seq.get());
        }
        KeptFileKind::Unknown => {}
    }
    Ok(())
}

fn print(terminal: &mut Terminal, documents: &[Document]) -> Result<(), Failure> {
    if documents.is_empty() {
        terminal.line("nothing was set aside")?;
    }
    for document in documents {
        let (name, size) = (visible(&document.name), bytes(document.bytes));
        let changed = document.changed.as_ref().map(|changed| format!(", set aside {changed}")).unwrap_or_default();
        terminal.line(format_args!("{HEADING}{name}{HEADING:#}  {size}{changed}"))?;
        terminal.line(format_args!("    {}", description(document)))?;
        if document.undescribed > 0 {
            terminal.line(format_args!("    {} more events, whose shapes are lost", document.undescribed))?;
        }
        if let Some(error) = &document.error {
            terminal.line(format_args!("    {WARNING}it cannot be read:{WARNING:#} {error}"))?;
        }
    }
    Ok(())
}

fn description(document: &Document) -> String {
    let Document { segment, offset, seq, .. } = document;
    let (segment, offset, seq) = (segment.unwrap_or(0), offset.unwrap_or(0), seq.unwrap_or(0));
    match document.kind {
        "torn" => {
            format!(
                "bytes that were cleared at offset {offset} of segment {segment}, the end of the journal: {}",
                events(document)
            )
        }
        "segment" => format!("segment {segment}, before it was changed or removed: {}", events(document)),
        "snapshot" => format!("a snapshot of the state after event {seq}"),
        "base" => format!("a copy of the base, the state after event {seq}"),
        "durable" if document.seq.is_some() => format!("`journal/durable`: the events up to {seq} were synced"),
        "durable" => "`journal/durable`, damaged".to_owned(),
        _ => "a file that memimage does not know".to_owned(),
    }
}

fn events(document: &Document) -> String {
    let Document { events, missing, .. } = document;
    match (events, document.first_missing.zip(document.last_missing)) {
        (0, _) => "no intact event".to_owned(),
        (events, None) => format!("{events} intact events, all of which the journal still has"),
        (events, Some((first, last))) if first == last => {
            format!("{events} intact events, of which the journal lacks event {first}")
        }
        (events, Some((first, last))) => {
            format!("{events} intact events, of which the journal lacks {missing}, from {first} to {last}")
        }
    }
}
