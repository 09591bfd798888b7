//! The header of an export: the image, and how its journal begins.

use super::line::{Member, Object};
use super::messages;
use crate::admin::export::lines::VERSION;
use crate::context::{Seed, Timestamp};
use crate::error::Error;
use crate::journal::Genesis;
use crate::seq::Seq;
use crate::shape::ShapeTree;

/// The maximum length of a model's name, in bytes.
const MAX_NAME: usize = 255;
/// The maximum length of the state before the first event, in bytes.
const MAX_GENESIS: usize = 1 << 29;

/// The facts about the exported image.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) model: String,
    pub(super) uuid: [u8; 16],
    pub(super) seed: Seed,
    /// The first event of the export.
    pub(super) first: Seq,
    pub(super) last: Seq,
    pub(super) start: Start,
}

/// How the journal begins.
#[derive(Debug)]
pub(super) enum Start {
    Genesis(Genesis),
    /// The first events were pruned.
    Base(BaseHeader),
}

/// The facts about the state that replaces pruned events.
#[derive(Clone, Debug)]
pub(super) struct BaseHeader {
    pub(super) seq: Seq,
    pub(super) time: Timestamp,
    pub(super) created: Timestamp,
    pub(super) model_version: u32,
    pub(super) fingerprint: u64,
    /// The encoded shape of the model, if the export has it.
    pub(super) shape: Option<Vec<u8>>,
    pub(super) digest: u64,
    /// Whether a table of requests follows the state.
    pub(super) has_requests: bool,
    pub(super) requests_since: Seq,
}

impl Header {
    pub(super) fn read(mut line: Object<'_>) -> Result<Header, Error> {
        let kind = line.take("kind").and_then(|kind| kind.string().ok());
        if kind.as_deref() != Some("header") {
            return Err(line.place().error(messages::NO_HEADER.to_owned(), messages::HELP_FORM));
        }
        let version = line.require("version")?;
        if version.u32()? != VERSION {
            let what = format!(
                "the export has the form of version {}, and this program reads version {VERSION}",
                version.u32()?
            );
            return Err(version.place().error(what, messages::HELP_VERSION));
        }
        let name = line.require("model")?;
        let model = name.string()?;
        if model.is_empty() || model.len() > MAX_NAME {
            return Err(name.error(format!("the model's name must have from 1 to {MAX_NAME} bytes")));
        }
        let (uuid, seed) = (line.require("uuid")?.array()?, line.require("seed")?.array()?);
        let (first_member, last_member) = (line.require("first_seq")?, line.require("last_seq")?);
        let (first, last) = (first_member.seq()?, last_member.seq()?);
        // information for people
        line.take("created").map(|created| created.time()).transpose()?;
        line.take("parent").map(|parent| parent.object()).transpose()?;
        if first == Seq::ZERO || last.get() == u64::MAX || last.next() < first {
            return Err(last_member.error(format!("events {first} to {last} are no range of events")));
        }
        let start = match (line.take("genesis"), line.take("base")) {
            (Some(member), None) if first == Seq::new(1) => Start::Genesis(genesis(&member)?),
            (Some(_), None) => {
                return Err(first_member.error("an export with `genesis` begins with event 1".to_owned()));
            }
            (None, Some(member)) if first > Seq::new(1) => Start::Base(BaseHeader::read(&member, first, last)?),
            (None, Some(_)) => return Err(first_member.error("an export with `base` begins after event 1".to_owned())),
            _ => {
                return Err(line
                    .place()
                    .error("the header has either `genesis` or `base`".to_owned(), messages::HELP_FORM));
            }
        };
        line.finish()?;
        Ok(Header { model, uuid, seed, first, last, start })
    }

    /// The state that replaces pruned events, if the export has one.
    pub(super) fn base(&self) -> Option<&BaseHeader> {
        match &self.start {
            Start::Genesis(_) => None,
            Start::Base(base) => Some(base),
        }
    }
}

fn genesis(member: &Member<'_>) -> Result<Genesis, Error> {
    let mut object = member.object()?;
    let model_version = object.require("model_version")?.u32()?;
    let (shape, tree) = shape(&object.require("shape_bytes")?)?;
    let digest = object.require("digest")?.hex_number()?;
    let bytes = |member: Option<Member<'_>>| {
        let Some(member) = member else { return Ok(None) };
        let bytes = member.bytes()?;
        match bytes.len() > MAX_GENESIS {
            true => Err(member.error(format!("the state before the first event is longer than {MAX_GENESIS} bytes"))),
            false => Ok(Some(bytes)),
        }
    };
    let (state, default) = (bytes(object.take("state"))?, bytes(object.take("default"))?);
    if state.is_some() && default.is_some() {
        return Err(member.error("`genesis` has either `state` or `default`".to_owned()));
    }
    object.finish()?;
    Ok(Genesis { model_version, fingerprint: tree.fingerprint().to_u64(), shape, digest, state, default })
}

/// An encoded shape.
pub(super) fn shape(member: &Member<'_>) -> Result<(Vec<u8>, ShapeTree), Error> {
    let bytes = member.bytes()?;
    let tree =
        ShapeTree::decode(&bytes).map_err(|error| member.error(format!("the shape does not decode: {error}")))?;
    Ok((bytes, tree))
}

impl BaseHeader {
    fn read(member: &Member<'_>, first: Seq, last: Seq) -> Result<BaseHeader, Error> {
        let mut object = member.object()?;
        let seq_member = object.require("seq")?;
        let seq = seq_member.seq()?;
        if seq.next() < first || seq > last {
            return Err(
                seq_member.error(format!("no state after event {seq} can replace the events before event {first}"))
            );
        }
        let fingerprint_member = object.require("fingerprint")?;
        let fingerprint = fingerprint_member.hex_number()?;
        let shape = object.take("shape_bytes").map(|member| shape(&member)).transpose()?;
        if shape.as_ref().is_some_and(|(_, tree)| tree.fingerprint().to_u64() != fingerprint) {
            return Err(fingerprint_member.error("the fingerprint is not that of the shape".to_owned()));
        }
        let base = BaseHeader {
            seq,
            time: object.require("time")?.time()?,
            created: object.require("created")?.time()?,
            model_version: object.require("model_version")?.u32()?,
            fingerprint,
            shape: shape.map(|(bytes, _)| bytes),
            digest: object.require("digest")?.hex_number()?,
            has_requests: object.require("requests")?.bool()?,
            requests_since: object.require("requests_since")?.seq()?,
        };
        object.finish()?;
        Ok(base)
    }
}
