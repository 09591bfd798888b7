//! The implementations of [`Execute`] that the commands of a model go through.

use super::Image;
use super::with::WithMetadata;
use crate::context::Metadata;
use crate::event::{Command, Model};
use crate::execute::Execute;

impl<M: Model> Execute for Image<M> {
    type Model = M;

    fn execute<C: Command<M>>(&self, command: C) -> Result<C::Output, C::Error> {
        self.shared().execute(command, &Metadata::new())
    }
}

impl<M: Model> Execute for WithMetadata<'_, M> {
    type Model = M;

    fn execute<C: Command<M>>(&self, command: C) -> Result<C::Output, C::Error> {
        WithMetadata::execute(self, command)
    }
}
