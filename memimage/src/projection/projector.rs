//! The traits and tables that `#[memimage::projection]` implements.

use std::any::Any;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::event_info::EventInfo;
use crate::event::{Model, Payload};
use crate::shape::Shape;

/// The state of a projection, with a handler for each event that changes it. `#[memimage::projection]` implements this trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a projection",
    label = "no impl block of this type has `#[memimage::projection]`",
    note = "write `#[memimage::projection(of = Bank)] impl {Self} {{ #[on] fn deposit(&mut self, event: &BankDeposit) {{ … }} }}`"
)]
pub trait Projector: Default + Shape + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The model whose events the projection handles.
    type Model: Model;

    /// The name of the projection in its directory.
    const NAME: &'static str;

    /// The version of the projection. If it is raised, the projection is built anew.
    const VERSION: u32;

    /// The handlers.
    #[doc(hidden)]
    const HANDLERS: &'static [EventHandler<Self>];
}

/// A handler of one event.
pub struct EventHandler<P> {
    /// The event's row in the model's dispatch table.
    pub(super) row: usize,
    /// Whether the handler gets the rejected events instead of the applied ones.
    pub(super) is_rejected: bool,
    pub(super) run: HandlerFn<P>,
}

/// Calls a handler. The second argument is an `Option` of the payload, for [`delivered`].
type HandlerFn<P> = fn(&mut P, &dyn Any, &EventInfo<'_>);

impl<P: Projector> EventHandler<P> {
    /// The handler of the event with the payload `E`.
    pub const fn of<E: Payload<P::Model>>(is_rejected: bool, run: HandlerFn<P>) -> EventHandler<P> {
        EventHandler { row: E::ROW, is_rejected, run }
    }
}

/// Whether two handlers handle the same event.
pub const fn has_second_handler<P>(handlers: &[EventHandler<P>]) -> bool {
    let mut i = 0;
    while i < handlers.len() {
        let mut j = 0;
        while j < i {
            if handlers[i].row == handlers[j].row && handlers[i].is_rejected == handlers[j].is_rejected {
                return true;
            }
            j += 1;
        }
        i += 1;
    }
    false
}

/// The payload of a delivered event.
///
/// # Panics
///
/// Panics if the event has another type. The row of a handler excludes this.
pub fn delivered<E: 'static>(payload: &dyn Any) -> &E {
    payload.downcast_ref::<Option<E>>().and_then(Option::as_ref).expect("the handler's row is that of the payload")
}
