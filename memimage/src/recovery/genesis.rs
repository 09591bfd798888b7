//! The state before the first event: creates it for a new journal, and reads it from an existing one.

use super::state::{self, StateOrigin};
use super::state_digest;
use crate::error::{Error, ErrorDetail, ErrorKind};
use crate::event::{Derived, Model, decode_state, rebuild_derived};
use crate::journal::{Frame, Genesis, Scan};
use crate::personal::take_failure;
use crate::seq::{SegmentId, Seq};
use crate::shape::node::{Node, NodeField, NodeFields};
use crate::shape::{ShapeTree, fingerprint};
use crate::value::Value;

/// The maximum size of an encoded initial state, in bytes. The journal stores the state in one frame.
const MAX_GENESIS: u64 = 1 << 29;

/// The maximum size of an encoded `Default`, in bytes. A `Default` above this size is not recorded.
const MAX_DEFAULT: usize = 1 << 16;

/// The genesis of a new journal: the given initial state, or the model's `Default`.
pub(crate) fn genesis_of<M: Model>(state: Option<&M>) -> Result<Genesis, Error> {
    let default;
    let first = match state {
        Some(given) => given,
        None => {
            default = M::default();
            &default
        }
    };
    // the digest limits the depth of the state; encoding does not
    let digest = state_digest(first);
    if let Err(error) = &digest
        && error.kind() == ErrorKind::StateTooDeep
    {
        return Err(error.clone());
    }
    let encoded = postcard::to_stdvec(first).map_err(|error| {
        let what = take_failure().unwrap_or_else(|| error.to_string());
        Error::new(ErrorDetail::Unserializable { state: "the initial state", what })
    })?;
    let digest = digest?.to_u64();
    check_first::<M>(state.map(|_| &*encoded), digest)?;
    let (state_bytes, default_bytes) = match state {
        Some(_) => (Some(encoded), None),
        None => (None, Some(encoded).filter(|bytes| bytes.len() <= MAX_DEFAULT)),
    };
    let size = state_bytes.as_ref().map_or(0, Vec::len) as u64;
    if size > MAX_GENESIS {
        return Err(Error::new(ErrorDetail::GenesisTooLarge { size, cap: MAX_GENESIS }));
    }
    Ok(Genesis {
        model_version: M::VERSION,
        fingerprint: fingerprint(M::SHAPE).to_u64(),
        shape: ShapeTree::of(M::SHAPE).encode(),
        digest,
        state: state_bytes,
        default: default_bytes,
    })
}

/// Checks that the state before the first event can be used: a given state loads to an equal state, and the derived fields can
/// be filled.
fn check_first<M: Model>(given: Option<&[u8]>, digest: u64) -> Result<(), Error> {
    const KEPT: &str = "no image was created";
    let mut first: M = match given {
        None if M::DERIVED.is_none() => return Ok(()),
        None => M::default(),
        Some(encoded) => loaded(encoded, digest).and_then(|loaded| {
            loaded.map_err(|what| {
                let state = "the given initial state";
                Error::new(ErrorDetail::Unloadable { state, model: M::NAME, what, kept: KEPT })
            })
        })?,
    };
    rebuild_genesis(&mut first, KEPT)?;
    match M::DERIVED {
        Some(Derived { method, .. }) if state_digest(&first)?.to_u64() != digest => {
            Err(Error::new(ErrorDetail::StoredFieldsRebuilt { model: M::NAME, method, kept: KEPT }))
        }
        _ => Ok(()),
    }
}

/// Loads an encoded state, and checks that the loaded state has the given digest. The inner error means that the state does not
/// load, or loads to a different state.
fn loaded<M: Model>(encoded: &[u8], digest: u64) -> Result<Result<M, String>, Error> {
    match decode_state::<M>(encoded) {
        Ok(loaded) if state_digest(&loaded)?.to_u64() == digest => Ok(Ok(loaded)),
        Ok(_) => Ok(Err("the loaded state has another digest".to_owned())),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// Fills the derived fields of the initial state.
fn rebuild_genesis<M: Model>(state: &mut M, kept: &'static str) -> Result<(), Error> {
    let first = "the initial state";
    rebuild_derived(state).map_err(|what| Error::new(ErrorDetail::Rebuild { state: first, model: M::NAME, what, kept }))
}

/// The state before the first event of an existing journal, at the model's current version.
pub(crate) struct GenesisState<M> {
    pub(crate) state: M,
    /// Whether the state was given when the image was created. Otherwise the state is the model's `Default`.
    pub(crate) given: bool,
    /// The difference from the recorded state; `None` if the states do not differ.
    difference: Option<String>,
}

impl<M: Model> GenesisState<M> {
    /// Reads the state from the genesis frame, and fills its derived fields.
    pub(crate) fn read(scan: &Scan, segment: SegmentId, frame: &Frame<'_>) -> Result<GenesisState<M>, Error> {
        let mut genesis = GenesisState::stored(scan, segment, frame)?;
        rebuild_genesis(&mut genesis.state, "nothing was changed")?;
        Ok(genesis)
    }

    fn stored(scan: &Scan, segment: SegmentId, frame: &Frame<'_>) -> Result<GenesisState<M>, Error> {
        let undecodable = |what: String| scan.corrupt_frame(segment, frame, what);
        let genesis = scan.decode_genesis(segment, frame)?;
        let changed = |what: String| changed(scan, segment, what);
        let other_state = "the digest of the loaded state differs from the recorded digest".to_owned();
        let difference = |digest| (digest != genesis.digest).then_some(other_state);
        let upcast = |past, bytes: &[u8]| state::upcast::<M>(past, bytes, Seq::ZERO, frame.header.time);
        let written = StateOrigin::of(genesis.model_version, genesis.fingerprint);
        match (&genesis.state, written, &genesis.default) {
            (Some(state), StateOrigin::Current, _) => {
                let state: M = decode_state(state).map_err(|error| undecodable(error.to_string()))?;
                let difference = difference(state_digest(&state)?.to_u64());
                Ok(GenesisState { state, given: true, difference })
            }
            (Some(state), StateOrigin::Past(past), _) => {
                let (state, digest) = upcast(past, state).map_err(changed)?;
                Ok(GenesisState { state, given: true, difference: difference(digest.to_u64()) })
            }
            // use the current `Default`, and compare it with the recorded `Default` after upcasting; this verifies the
            // upcasters
            (None, StateOrigin::Past(past), Some(default)) => {
                let state = M::default();
                let difference = match upcast(past, default) {
                    Ok((was, _)) => (state_digest(&was)? != state_digest(&state)?).then(|| {
                        "the recorded state was the model's old `Default`, and the upcasters do not turn it into the \
                         current `Default`"
                            .to_owned()
                    }),
                    Err(what) => Some(format!(
                        "the recorded state was the model's old `Default`, which cannot be upcast: {what}"
                    )),
                };
                Ok(GenesisState { state, given: false, difference })
            }
            (Some(_), StateOrigin::Unknown(what), _) => {
                Err(changed(format!("this program cannot read the recorded state: {what}")))
            }
            (None, StateOrigin::Current, _) => {
                let state = M::default();
                let difference = (state_digest(&state)?.to_u64() != genesis.digest).then(|| {
                    "the recorded state was the model's `Default`, and the current `Default` differs".to_owned()
                });
                Ok(GenesisState { state, given: false, difference })
            }
            (None, StateOrigin::Unknown(_), Some(default)) => {
                let state = M::default();
                let difference = other_fields(&genesis.shape, default, &state);
                Ok(GenesisState { state, given: false, difference })
            }
            (None, _, None) => Ok(GenesisState { state: M::default(), given: false, difference: None }),
        }
    }

    /// The error for a state that differs from the recorded state; `None` if the states do not differ.
    pub(super) fn difference(&self, scan: &Scan, segment: SegmentId) -> Option<Error> {
        self.difference.clone().map(|what| changed(scan, segment, what))
    }
}

/// For a model whose shape has changed: describes the fields that have kept their shape but have another `Default` value. Does
/// not compare fields that contain an unordered map or set, because the entries may be encoded in any order.
fn other_fields<M: Model>(shape: &[u8], default: &[u8], state: &M) -> Option<String> {
    let (before, now) = (ShapeTree::decode(shape).ok()?, ShapeTree::of(M::SHAPE));
    let was = Value::decode(&before, default).ok()?;
    let is = Value::decode(&now, &postcard::to_stdvec(state).ok()?).ok()?;
    let same = |field: &&NodeField| fields(&now).contains(field) && is_ordered(&field.shape);
    let changed_fields: Vec<String> = fields(&before)
        .iter()
        .filter(same)
        .filter(|field| was.get(&field.name).ok() != is.get(&field.name).ok())
        .map(|field| format!("`{}`", field.name))
        .collect();
    (!changed_fields.is_empty()).then(|| {
        format!(
            "the recorded state was the model's `Default`, and the current `Default` has other values in these fields: {}",
            changed_fields.join(", ")
        )
    })
}

fn fields(shape: &ShapeTree) -> &[NodeField] {
    match shape.root() {
        Node::Struct(NodeFields::Named(fields)) => fields,
        _ => &[],
    }
}

/// Whether equal values of this shape always have equal encodings.
fn is_ordered(node: &Node) -> bool {
    let all = |fields: &NodeFields| match fields {
        NodeFields::Unit => true,
        NodeFields::Newtype(field) => is_ordered(field),
        NodeFields::Tuple(fields) => fields.iter().all(is_ordered),
        NodeFields::Named(fields) => fields.iter().all(|field| is_ordered(&field.shape)),
    };
    match node {
        Node::Set(_) | Node::Multiset(_) | Node::Map(_) | Node::Unordered(_) => false,
        Node::Option(item) | Node::List(item) | Node::OrderedSet(item) | Node::Array(item, _) => is_ordered(item),
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
