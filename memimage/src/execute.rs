//! The trait of everything that executes commands: an image, a pointer to one, or one with metadata. `image/execute.rs`
//! executes them.

use std::rc::Rc;
use std::sync::Arc;

use crate::event::{Command, Model};

/// Executes the commands of a model. [`Image`](crate::Image), pointers to one, and [`WithMetadata`](crate::WithMetadata)
/// implement it. Each of them also implements the trait of the model's commands (`BankCommands`).
pub trait Execute {
    /// The model whose commands it executes.
    type Model: Model;

    /// Executes a command, and waits until the command has the durability of the image's options.
    ///
    /// # Errors
    ///
    /// As [`Image::submit`](crate::Image::submit), and the refusal of the command.
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
