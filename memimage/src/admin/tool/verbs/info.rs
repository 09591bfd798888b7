//! `memimage info`: what a directory holds.

use clap::Args;

use crate::admin::check::check_on;
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::report::{ImageInfo, SubscriptionPosition};
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::{ERROR, Terminal, bytes, visible};
use crate::admin::wording::counted;
use crate::error::ErrorKind;

/// Shows what an image is: its model, its events, its snapshots, who has it open.
///
/// Reads headers only, so it is quick for an image of any size. If they are damaged, it reads the whole image, and shows what can be known;
/// the exit code is 1 then.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  memimage info bank.image")]
pub(crate) struct Info {
    #[command(flatten)]
    target: TargetArguments,
}

impl Info {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let target = self.target.open()?;
        let document = match ImageInfo::read(&target) {
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Forged) => {
                let check = check_on(self.target.disk(), &self.target.path(), &self.target.keys()?.keyring())?;
                ImageInfo::of_damaged(&target, &error, &check)?
            }
            read => read?,
        };
        match terminal.is_json() {
            true => json::document(terminal, &document)?,
            false => print(terminal, &document)?,
        }
        Ok(if document.damage.is_some() { Found::Something } else { Found::Nothing })
    }
}

fn print(terminal: &mut Terminal, document: &ImageInfo) -> Result<(), Failure> {
    terminal.field("image", visible(&document.path))?;
    terminal.field("model", visible(&document.model))?;
    terminal.field("uuid", &document.uuid)?;
    if let Some(parent) = &document.parent {
        terminal.field("parent", format_args!("{}, up to event {}", parent.uuid, parent.seq))?;
    }
    terminal.field("owner", document.owner.as_deref().map_or("none: the image is not open".to_owned(), visible))?;
    terminal.field("protection", document.protection)?;
    let unknown = match document.damage {
        Some(_) => "unknown",
        None => "unknown: the first segment, which says it, was pruned or repaired",
    };
    terminal.field("created", document.created.as_deref().unwrap_or(unknown))?;
    terminal.field("epoch", document.epoch)?;
    let size = bytes(document.journal_bytes);
    terminal.field("journal", format_args!("{size} in {}", counted(document.segments as u64, "segment")))?;
    match (document.first_seq, &document.first_time, &document.durable_time) {
        (Some(first), Some(since), Some(until)) => {
            terminal.field("events", format_args!("{first} to {}, from {since} to {until}", document.durable_seq))?;
        }
        (Some(first), ..) => {
            terminal
                .field("events", format_args!("from {first} on; those up to {} were synced", document.durable_seq))?;
        }
        _ if document.damage.is_some() => terminal.field("events", "none that is readable")?,
        _ => terminal.field("events", "none")?,
    }
    if let Some(base) = document.base {
        terminal.field("base", format_args!("the state after event {base} replaces the events up to it"))?;
    }
    let snapshots: Vec<String> = document.snapshots.iter().map(u64::to_string).collect();
    match snapshots.is_empty() {
        true => terminal.field("snapshots", "none")?,
        false => terminal.field("snapshots", format_args!("after event {}", snapshots.join(", ")))?,
    }
    for SubscriptionPosition { name, acknowledged } in &document.subscriptions {
        match acknowledged {
            Some(seq) => terminal.field("subscription", format_args!("{name}, acknowledged up to event {seq}"))?,
            None => terminal.field("subscription", format_args!("{name}, whose position cannot be read"))?,
        }
    }
    if let Some(damage) = &document.damage {
        let check = terminal.invocation().verb("check", "");
        terminal.field("damage", format_args!("{ERROR}{damage}{ERROR:#}"))?;
        terminal.field("", format_args!("`{check}` lists all damage, and the repairs"))?;
    }
    Ok(())
}
