//! The trait of all types that execute commands, such as an image, a pointer to an image, or an image with metadata.
//! `image/execute.rs` implements the execution.

use std::rc::Rc;
use std::sync::Arc;

use crate::event::{Command, Model};

/// Executes the commands of a model. [`Image`](crate::Image), pointers to an image, [`WithMetadata`](crate::WithMetadata) and
/// [`Bulk`](crate::Bulk) implement this trait. Every type that implements `Execute` also implements the trait of the model's
/// commands (`BankCommands`).
pub trait Execute {
    /// The model whose commands are executed.
    type Model: Model;

    /// Executes a command, and waits until the command is as durable as the image's options require. A
    /// [`Bulk`](crate::Bulk) does not wait.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Image::submit`](crate::Image::submit), and the command's own error: a refusal, or the error of
    /// its body.
    fn execute<C: Command<Self::Model>>(&self, command: C) -> Result<C::Output, C::Error>;
}

macro_rules! delegate {
    ($($pointer:ty),*) => {$(
        impl<S: Execute + ?Sized> Execute for $pointer {
            type Model = S::Model;

            fn execute<C: Command<Self::Model>>(&self, command: C) -> Result<C::Output, C::Error> {
                (**self).execute(command)
            }
        }
    )*};
}

delegate!(&S, Box<S>, Rc<S>, Arc<S>);
