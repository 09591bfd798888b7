//! What commands can be handed to: an image, a shared pointer to one, or one with metadata.

use std::rc::Rc;
use std::sync::Arc;

use crate::event::{Command, Model};

/// Something that runs the commands of a model: an [`Image`](crate::Image), a pointer to one, or
/// [`WithMetadata`](crate::WithMetadata) metadata. The trait of a model's commands (`BankCommands`) is there for each of them.
pub trait Execute {
    /// The model whose commands it runs.
    type Model: Model;

    /// Runs a command and waits until its answer is as durable as the image's durability says.
    ///
    /// # Errors
    ///
    /// As [`Image::submit`](crate::Image::submit); also the command's refusal.
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
