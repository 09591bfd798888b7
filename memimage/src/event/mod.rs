//! The traits and tables that the macros implement: models, commands, and the dispatch table for replay.

// each module uses only the modules above it; `tests/tests/architecture.rs` verifies this order
mod name;
mod answer_codec;
mod payload;
mod request;
mod recorded;
mod replay_error;
mod trial;
mod replay_target;
mod upcast;
mod value_step;
mod decode;
mod event_type;
mod lock_location;
mod group;
mod state;
// the feature `testing` compares and shows the derived fields in more ways than an image does
#[cfg_attr(not(feature = "testing"), allow(dead_code))]
mod derived;

pub use derived::{Comparison, Derived, DerivedField, Stored};
pub use event_type::{EventType, row_of};
pub use group::{Group, concat, count, is_listed, shared};
pub use lock_location::{ShapeLock, missing_event};
pub use payload::{AnswerCodecs, Command, FromRefusal, Payload};
pub use recorded::{Recorded, UpcastError, Upcasting};
pub use replay_error::ReplayError;
pub use replay_target::{ReplayTarget, deliver};
pub use state::{PastState, StateUpcast, StateUpcastFrom, StateVersion, only_state_step};
pub use upcast::{
    EventVersion, HistoryError, IntoEvents, PastVersion, Retired, Upcast, UpcastChain, UpcastFailure, UpcastGoal,
    UpcastTarget, only_retired_step, only_step,
};
pub use value_step::step;

pub(crate) use answer_codec::AnswerCodec;
pub(crate) use decode::{StoredPayload, ValueUpcast, decode, decode_state};
pub(crate) use derived::{EqualFn, TextFn, equal, rebuild_derived, text};
pub(crate) use payload::NOT_SHOWN;
pub(crate) use replay_target::{Apply, DeliveredPayload, Delivery, Reencode, ReencodedPart};
pub(crate) use request::{ExecutedRequest, ReplayedRequest, RequestKind, arguments_hash, encode_answer};
pub(crate) use trial::{Checks, Trial, TrialResult};

use std::any::Any;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::shape::Shape;

/// A program's state: plain Rust values that only commands change.
///
/// Derive it: `#[derive(Default, Serialize, Deserialize, Shape, Model)]`, and put `#[memimage::commands]` on the impl block
/// that holds the commands. `Default` is the state before the first event, unless [`Options::genesis`](crate::Options::genesis)
/// sets another state.
///
/// Fields that the other fields determine, such as indexes, need not be stored: see [derived
/// fields](crate::guide::snapshots#derived-fields).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a model",
    label = "not a model",
    note = "derive the trait: `#[derive(Default, Serialize, Deserialize, Shape, Model)]`, with `memimage::{{Model, Shape}}`"
)]
pub trait Model: Commands + Default + Shape + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The model's name in the journal, which distinguishes images of different models.
    const NAME: &'static str;

    /// The version of the model's shape. Each snapshot records it.
    const VERSION: u32;

    /// The past versions of the state, which upcasters convert to the current version.
    #[doc(hidden)]
    const HISTORY: &'static [StateVersion<Self>] = &[];

    /// The derived fields, and the method that fills them.
    #[doc(hidden)]
    const DERIVED: Option<Derived<Self>> = None;
}

/// The commands of a model. `#[memimage::commands]` implements this trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no commands; help: put `#[memimage::commands]` on the impl block of the commands, or, if its blocks \
               are groups, list them: `#[model(groups(…))]`",
    label = "no impl block of this type has `#[memimage::commands]`",
    note = "write `#[memimage::commands] impl {Self} {{ #[command] pub fn …(&mut self, …) {{ … }} }}`"
)]
pub trait Commands: Sized + 'static {
    /// The enum of the model's events at their newest versions.
    type Event: Event + IntoEvents<Self>;

    /// The dispatch table: every version of every event that can be replayed.
    const EVENTS: &'static [EventType<Self>];

    /// The shape lock of the events, if they have one.
    const LOCK: Option<ShapeLock> = None;
}

/// The enum of a model's events: one variant for each command, with the command's payload.
pub trait Event: Sized {
    /// The event's name in the journal.
    fn name(&self) -> &'static str;

    /// The event's version in the journal.
    fn version(&self) -> u32;

    /// Takes the payload from `payload`, an `Option` of it. Returns `None`, and leaves the payload there, if no variant of this
    /// enum has the payload's type.
    #[doc(hidden)]
    fn take(payload: &mut dyn Any) -> Option<Self>;
}
