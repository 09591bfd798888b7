//! The smallest thing that runs commands: a model in memory, without a journal.

use std::cell::RefCell;

use memimage::__private::FromRefusal;
use memimage::{Command, Context, Model, Submit};

/// Runs the commands of a model, and keeps the model only.
///
/// ```
/// use memimage::{Model, Shape};
/// use memimage_tests::Local;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Default, Serialize, Deserialize, Shape, Model)]
/// struct Counter(u64);
///
/// #[memimage::commands]
/// impl Counter {
///     #[command]
///     fn add(&mut self, by: u64) -> u64 {
///         self.0 += by;
///         self.0
///     }
/// }
///
/// assert_eq!(Local::<Counter>::default().add(3)?, 3);
/// # Ok::<(), memimage::Error>(())
/// ```
#[derive(Default)]
pub struct Local<M> {
    model: RefCell<M>,
}

impl<M: Model> Local<M> {
    /// Reads the model.
    pub fn query<T>(&self, read: impl FnOnce(&M) -> T) -> T {
        read(&self.model.borrow())
    }
}

impl<M: Model> Submit for Local<M> {
    type Model = M;

    fn execute<C: Command<M>>(&self, command: C) -> Result<C::Output, C::Error> {
        let context = Context {};
        let mut model = self.model.borrow_mut();
        command.check(&model, &context).map_err(C::Error::from_refusal)?;
        command.apply(&mut model, &context).map_err(C::Error::from_refusal)
    }
}
