//! What a directory holds.

use serde::Serialize;

use crate::admin::check::CheckReport;
use crate::admin::protection::how;
use crate::admin::tool::target::Target;
use crate::disk::failed;
use crate::error::Error;
use crate::history::{LoggedEvent, Parent, Query, SubscriptionInfo};
use crate::journal::Headers;
use crate::keys::KeyIds;
use crate::seq::Seq;
use crate::value::text::hex;

/// What an image is. [`ImageReader::info`](crate::admin::ImageReader::info) returns it. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ImageInfo {
    /// The directory of the image.
    pub path: String,
    /// The name of the model.
    pub model: String,
    /// The UUID of the image, in hexadecimal digits.
    pub uuid: String,
    /// The image from which this one was rewritten or branched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentInfo>,
    /// The process that has the image open.
    pub owner: Option<String>,
    /// Whether the image is encrypted or chained, and with which keys.
    pub protection: &'static str,
    /// When the image was created; `None` if its first segment, which says it, was pruned or repaired.
    pub created: Option<String>,
    /// The epoch, which each opening for writing and each repair raises.
    pub epoch: u64,
    /// The number of segments of the journal.
    pub segments: usize,
    /// The length of the segments, in bytes.
    pub journal_bytes: u64,
    /// The first event that the journal holds; `None` without events.
    pub first_seq: Option<u64>,
    /// The recorded time of this event.
    pub first_time: Option<String>,
    /// The last durable event.
    pub durable_seq: u64,
    /// The recorded time of this event.
    pub durable_time: Option<String>,
    /// The event after which the base of a pruned journal holds the state.
    pub base: Option<u64>,
    /// The events after which there is a snapshot, the newest first.
    pub snapshots: Vec<u64>,
    /// The named subscriptions.
    pub subscriptions: Vec<SubscriptionPosition>,
    /// The damage that keeps the image from being read as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
}

/// The image from which another one was made.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ParentInfo {
    /// The UUID of the parent, in hexadecimal digits.
    pub uuid: String,
    /// The last event of the parent that the image has.
    pub seq: u64,
}

/// The position of a named subscription.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SubscriptionPosition {
    /// The name of the subscription.
    pub name: String,
    /// The last acknowledged event; `None` if the file with the position is damaged.
    pub acknowledged: Option<u64>,
}

impl ImageInfo {
    pub(crate) fn read(target: &Target) -> Result<ImageInfo, Error> {
        target.attempt(|| ImageInfo::read_once(target))
    }

    fn read_once(target: &Target) -> Result<ImageInfo, Error> {
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
        let watermark = target.source().watermark(&identity.uuid)?;
        Ok(ImageInfo {
            path: layout.root().display().to_string(),
            model: identity.model.clone(),
            uuid: hex(&identity.uuid),
            parent: Parent::of(identity).map(|parent| ParentInfo { uuid: hex(&parent.uuid), seq: parent.seq.get() }),
            owner,
            protection: how(key_ids),
            created: segments.image_created().map(|time| time.to_string()),
            epoch: segments.epoch().max(watermark.map_or(0, |watermark| watermark.life.epoch)),
            segments: ids.len(),
            journal_bytes: segments.total_len(),
            first_seq: first.as_ref().map(|event| event.seq().get()),
            first_time: first.map(|event| event.time().to_string()),
            // the owner may have recorded more since the journal was opened
            durable_seq: last.as_ref().map_or(durable, LoggedEvent::seq).get(),
            durable_time: last.map(|event| event.time().to_string()),
            base: bases.iter().map(|(seq, _)| seq.get()).max(),
            snapshots: journal.snapshots().list()?.into_iter().map(|(seq, _)| seq.get()).collect(),
            subscriptions: subscriptions(target, &identity.uuid)?,
            damage: None,
        })
    }

    /// What can be known of a damaged image. `damage` is the error with which the image was read, and `check` has read everything else.
    pub(crate) fn of_damaged(target: &Target, damage: &Error, check: &CheckReport) -> Result<ImageInfo, Error> {
        let headers = target.journal(Seq::ZERO);
        let created = headers.ok().and_then(|journal| journal.segments().image_created());
        let key_ids = KeyIds { cipher: check.encryption.first().copied(), chain: check.chain.first().copied() };
        Ok(ImageInfo {
            path: check.path.display().to_string(),
            model: check.model.clone().unwrap_or_else(|| "unknown".to_owned()),
            uuid: check.uuid.map_or_else(|| "unknown".to_owned(), |uuid| hex(&uuid)),
            parent: check.parent.map(|parent| ParentInfo { uuid: hex(&parent.uuid), seq: parent.seq.get() }),
            owner: check.owner.clone(),
            protection: how(key_ids),
            created: created.map(|time| time.to_string()),
            epoch: check.epoch,
            segments: usize::try_from(check.segments).unwrap_or(usize::MAX),
            journal_bytes: check.bytes,
            first_seq: check.first.map(|seq| seq.get()),
            first_time: None,
            durable_seq: check.durable.get(),
            durable_time: None,
            base: check.base.map(|seq| seq.get()),
            snapshots: check.snapshots.iter().map(|seq| seq.get()).collect(),
            subscriptions: check.uuid.map_or_else(|| Ok(Vec::new()), |uuid| subscriptions(target, &uuid))?,
            damage: Some(damage.damage().unwrap_or_else(|| damage.to_string())),
        })
    }
}

fn subscriptions(target: &Target, uuid: &[u8; 16]) -> Result<Vec<SubscriptionPosition>, Error> {
    let position = |info: SubscriptionInfo| SubscriptionPosition {
        name: info.name,
        acknowledged: info.acknowledged.map(|seq| seq.get()),
    };
    Ok(SubscriptionInfo::list(&target.disk, &target.layout, uuid)?.into_iter().map(position).collect())
}
