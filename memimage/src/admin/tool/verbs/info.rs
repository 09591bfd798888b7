//! `memimage info`: what a directory holds.

use clap::Args;
use serde::Serialize;

use crate::admin::protection::how;
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::moment::rfc3339;
use crate::admin::tool::target::{Target, TargetArguments};
use crate::admin::tool::terminal::{Terminal, bytes, visible};
use crate::admin::wording::counted;
use crate::disk::failed;
use crate::error::Error;
use crate::history::{LoggedEvent, Parent, Query, SubscriptionInfo};
use crate::journal::Headers;
use crate::value::text::hex;

/// Shows what an image is: its model, its events, its snapshots, who has it open.
///
/// Reads headers only, so it is quick for an image of any size.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  memimage info bank.image")]
pub(crate) struct Info {
    #[command(flatten)]
    target: TargetArguments,
}

#[derive(Serialize)]
struct Document {
    path: String,
    model: String,
    uuid: String,
    /// The image from which this one was rewritten or branched.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<ParentDocument>,
    /// The process that has the image open.
    owner: Option<String>,
    protection: &'static str,
    created: String,
    epoch: u64,
    segments: usize,
    journal_bytes: u64,
    /// The first event that the journal holds; `null` without events.
    first_seq: Option<u64>,
    first_time: Option<String>,
    /// The last durable event.
    durable_seq: u64,
    durable_time: Option<String>,
    /// The event after which the base of a pruned journal holds the state.
    base: Option<u64>,
    /// The events after which there is a snapshot, the newest first.
    snapshots: Vec<u64>,
    subscriptions: Vec<SubscriptionDocument>,
}

#[derive(Serialize)]
struct ParentDocument {
    uuid: String,
    seq: u64,
}

#[derive(Serialize)]
struct SubscriptionDocument {
    name: String,
    acknowledged: Option<u64>,
}

impl Info {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let target = self.target.open()?;
        let document = target.attempt(|| document(&target))?;
        match terminal.is_json() {
            true => json::document(terminal, &document)?,
            false => print(terminal, &document)?,
        }
        Ok(Found::Nothing)
    }
}

fn document(target: &Target) -> Result<Document, Error> {
    let (layout, disk) = (&target.layout, &target.disk);
    let durable = target.durable()?;
    let journal = target.journal(durable)?;
    let segments = journal.segments();
    let identity = segments.identity();
    let lock = layout.lock();
    let owner = disk.owner(&lock).map_err(|error| failed("inspecting", &lock, error))?;
    let ids: Vec<_> = segments.ids().collect();
    let key_ids = Headers::read(&**disk, layout, &ids, &[])?.key_ids();
    let first = target.events(Query::default()).next().transpose()?;
    let last = target.events(Query { newest_first: true, ..Query::default() }).next().transpose()?;
    let bases = journal.snapshots().bases().list()?;
    let subscriptions = SubscriptionInfo::list(disk, layout, &identity.uuid)?;
    Ok(Document {
        path: layout.root().display().to_string(),
        model: identity.model.clone(),
        uuid: hex(&identity.uuid),
        parent: Parent::of(identity).map(|parent| ParentDocument { uuid: hex(&parent.uuid), seq: parent.seq.get() }),
        owner,
        protection: how(key_ids),
        created: rfc3339(segments.created()),
        epoch: segments.epoch(),
        segments: ids.len(),
        journal_bytes: segments.total_len(),
        first_seq: first.as_ref().map(|event| event.seq().get()),
        first_time: first.map(|event| rfc3339(event.time)),
        // the owner may have recorded more since the journal was opened
        durable_seq: last.as_ref().map_or(durable, LoggedEvent::seq).get(),
        durable_time: last.map(|event| rfc3339(event.time)),
        base: bases.iter().map(|(seq, _)| seq.get()).max(),
        snapshots: journal.snapshots().list()?.into_iter().map(|(seq, _)| seq.get()).collect(),
        subscriptions: subscriptions
            .into_iter()
            .map(|info| SubscriptionDocument { name: info.name, acknowledged: info.acknowledged.map(|seq| seq.get()) })
            .collect(),
    })
}

fn print(terminal: &mut Terminal, document: &Document) -> Result<(), Failure> {
    terminal.field("image", visible(&document.path))?;
    terminal.field("model", visible(&document.model))?;
    terminal.field("uuid", &document.uuid)?;
    if let Some(parent) = &document.parent {
        terminal.field("parent", format_args!("{}, up to event {}", parent.uuid, parent.seq))?;
    }
    terminal.field("owner", document.owner.as_deref().map_or("none: the image is not open".to_owned(), visible))?;
    terminal.field("protection", document.protection)?;
    terminal.field("created", &document.created)?;
    terminal.field("epoch", document.epoch)?;
    let size = bytes(document.journal_bytes);
    terminal.field("journal", format_args!("{size} in {}", counted(document.segments as u64, "segment")))?;
    match (document.first_seq, &document.first_time, &document.durable_time) {
        (Some(first), Some(since), Some(until)) => {
            terminal.field("events", format_args!("{first} to {}, from {since} to {until}", document.durable_seq))?;
        }
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
    for SubscriptionDocument { name, acknowledged } in &document.subscriptions {
        match acknowledged {
            Some(seq) => terminal.field("subscription", format_args!("{name}, acknowledged up to event {seq}"))?,
            None => terminal.field("subscription", format_args!("{name}, whose position cannot be read"))?,
        }
    }
    Ok(())
}
