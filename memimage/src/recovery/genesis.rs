//! The state before the first event: as a new journal records it, and as a journal has it.

use super::state::{self, StateOrigin};
use super::state_digest;
use crate::error::{Error, ErrorDetail};
use crate::event::{Model, decode};
use crate::journal::{Frame, Genesis, Scan};
use crate::seq::{SegmentId, Seq};
use crate::shape::node::{Node, NodeField, NodeFields};
use crate::shape::{ShapeTree, fingerprint};
use crate::value::Value;

/// The largest state before the first event; it is one frame of the journal.
const MAX_GENESIS: u64 = 1 << 29;

/// The largest `Default` that is recorded.
const MAX_DEFAULT: usize = 1 << 16;

/// The state before the first event, as a new journal records it.
pub(crate) fn genesis_of<M: Model>(state: Option<&M>) -> Result<Genesis, Error> {
    let default;
    let first = match state {
        Some(given) => given,
        None => {
            default = M::default();
            &default
        }
    };
    let encoded = postcard::to_stdvec(first)
        .map_err(|error| Error::new(ErrorDetail::Encode { command: "genesis", what: error.to_string() }))?;
    let (state_bytes, default_bytes) = match state {
        Some(_) => (Some(encoded), None),
        None => (None, Some(encoded).filter(|bytes| bytes.len() <= MAX_DEFAULT)),
    };
    let size = state_bytes.as_ref().map_or(0, Vec::len) as u64;
    if size > MAX_GENESIS {
        return Err(Error::new(ErrorDetail::TooLarge { command: "genesis", size, cap: MAX_GENESIS }));
    }
    Ok(Genesis {
        model_version: M::VERSION,
        fingerprint: fingerprint(M::SHAPE).to_u64(),
        shape: ShapeTree::of(M::SHAPE).encode(),
        digest: state_digest(first)?.to_u64(),
        state: state_bytes,
        default: default_bytes,
    })
}

/// The state before the first event, as a journal has it, at the model's present version.
pub(crate) struct GenesisState<M> {
    pub(crate) state: M,
    /// It was given when the image was made, and is not the model's `Default`.
    pub(crate) given: bool,
    /// How it is not what was recorded, if so.
    differs: Option<String>,
}

impl<M: Model> GenesisState<M> {
    /// Reads it from the frame of genesis.
    pub(crate) fn read(scan: &Scan, segment: SegmentId, frame: &Frame<'_>) -> Result<GenesisState<M>, Error> {
        let undecodable = |what: String| scan.corrupt_frame(segment, frame, what);
        let genesis = Genesis::decode(&scan.body(segment, frame)?).map_err(undecodable)?;
        let changed = |what: String| changed(scan, segment, what);
        let other = "it gives another state now than was recorded".to_owned();
        let differs = |digest| (digest != genesis.digest).then_some(other);
        let upcast = |past, bytes: &[u8]| state::upcast::<M>(past, bytes, Seq::ZERO, frame.header.time);
        let written = StateOrigin::of(genesis.model_version, genesis.fingerprint);
        match (&genesis.state, written, &genesis.default) {
            (Some(state), StateOrigin::Now, _) => {
                let state: M = decode(state).map_err(|error| undecodable(error.to_string()))?;
                let differs = differs(state_digest(&state)?.to_u64());
                Ok(GenesisState { state, given: true, differs })
            }
            (Some(state), StateOrigin::Before(past), _) => {
                let (state, digest) = upcast(past, state).map_err(changed)?;
                Ok(GenesisState { state, given: true, differs: differs(digest.to_u64()) })
            }
            // what replay begins with is not left to upcasters: it shows whether they are right
            (None, StateOrigin::Before(past), Some(default)) => {
                let state = M::default();
                let differs = match upcast(past, default) {
                    Ok((was, _)) => (state_digest(&was)? != state_digest(&state)?).then(|| {
                        "it was the model's `Default`, and what the upcasters make of that is another state than the \
                         `Default` is now"
                            .to_owned()
                    }),
                    Err(what) => Some(format!("it was the model's `Default`, which cannot be upcast: {what}")),
                };
                Ok(GenesisState { state, given: false, differs })
            }
            (Some(_), StateOrigin::Unknown(what), _) => Err(changed(format!("it is a given state: {what}"))),
            (None, StateOrigin::Now, _) => {
                let state = M::default();
                let differs = (state_digest(&state)?.to_u64() != genesis.digest)
                    .then(|| "it was the model's `Default`, which gives another state now".to_owned());
                Ok(GenesisState { state, given: false, differs })
            }
            (None, StateOrigin::Unknown(_), Some(default)) => {
                let state = M::default();
                let differs = other_fields(&genesis.shape, default, &state);
                Ok(GenesisState { state, given: false, differs })
            }
            (None, _, None) => Ok(GenesisState { state: M::default(), given: false, differs: None }),
        }
    }

    /// How it is not what was recorded, if so.
    pub(super) fn differs(&self, scan: &Scan, segment: SegmentId) -> Option<Error> {
        self.differs.clone().map(|what| changed(scan, segment, what))
    }
}

/// The fields of a model that has changed its shape in which its `Default` was something else, though they are what they
/// were. Those that hold a map or a set are not compared, since they may be written in any order.
fn other_fields<M: Model>(shape: &[u8], default: &[u8], state: &M) -> Option<String> {
    let (before, now) = (ShapeTree::decode(shape).ok()?, ShapeTree::of(M::SHAPE));
    let was = Value::decode(&before, default).ok()?;
    let is = Value::decode(&now, &postcard::to_stdvec(state).ok()?).ok()?;
    let same = |field: &&NodeField| fields(&now).contains(field) && is_ordered(&field.shape);
    let other: Vec<String> = fields(&before)
        .iter()
        .filter(same)
        .filter(|field| was.get(&field.name).ok() != is.get(&field.name).ok())
        .map(|field| format!("`{}`", field.name))
        .collect();
    (!other.is_empty()).then(|| {
        format!(
            "it was the model's `Default`, whose shape has changed since, and gives something else now in what has not: {}",
            other.join(", ")
        )
    })
}

fn fields(shape: &ShapeTree) -> &[NodeField] {
    match shape.root() {
        Node::Struct(NodeFields::Named(fields)) => fields,
        _ => &[],
    }
}

/// Whether all that is in it is written in one order.
fn is_ordered(node: &Node) -> bool {
    let all = |fields: &NodeFields| match fields {
        NodeFields::Unit => true,
        NodeFields::Newtype(field) => is_ordered(field),
        NodeFields::Tuple(fields) => fields.iter().all(is_ordered),
        NodeFields::Named(fields) => fields.iter().all(|field| is_ordered(&field.shape)),
    };
    match node {
        Node::Set(_) | Node::Map(_) => false,
        Node::Option(item) | Node::List(item) | Node::Array(item, _) => is_ordered(item),
        Node::OrderedMap(entry) => is_ordered(&entry.0) && is_ordered(&entry.1),
        Node::Tuple(items) => items.iter().all(is_ordered),
        Node::Struct(fields) => all(fields),
        Node::Enum(variants) => variants.iter().all(|variant| all(&variant.fields)),
        Node::Primitive(_) | Node::Opaque(_) | Node::Back(_) => true,
    }
}

fn changed(scan: &Scan, segment: SegmentId, what: String) -> Error {
    Error::new(ErrorDetail::Genesis { path: scan.segments().path(segment), what })
}
