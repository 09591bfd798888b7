//! An image together with the metadata of a call.

use std::fmt;

use super::Image;
use super::bulk::Bulk;
use super::execute::SubmitMode;
use super::pending::Pending;
use super::pending_all::PendingAll;
use crate::context::Metadata;
use crate::error::Error;
use crate::event::{Command, Model};
use crate::execute::Execute;

/// An image whose commands are recorded with metadata. See [`Image::with`].
#[must_use = "only commands that run through this value are recorded with the metadata"]
pub struct WithMetadata<'a, M: Model> {
    image: &'a Image<M>,
    metadata: Metadata,
}

impl<M: Model> Clone for WithMetadata<'_, M> {
    fn clone(&self) -> Self {
        WithMetadata { image: self.image, metadata: self.metadata.clone() }
    }
}

impl<'a, M: Model> WithMetadata<'a, M> {
    pub(super) fn new(image: &'a Image<M>, metadata: Metadata) -> WithMetadata<'a, M> {
        WithMetadata { image, metadata }
    }

    /// The same image, with a request key in the metadata.
    pub(super) fn with_request(self, key: String) -> WithMetadata<'a, M> {
        WithMetadata { metadata: self.metadata.with_request(key), ..self }
    }

    /// Like [`Image::submit`], but records the metadata with the command.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Image::submit`].
    pub fn submit<C: Command<M>>(&self, command: C) -> Result<Pending<C::Output, C::Error>, Error> {
        self.image.shared().submit(command, &self.metadata, SubmitMode::Submit)
    }

    /// Like [`Image::submit_all`], but records the metadata with each command.
    pub fn submit_all<C: Command<M>>(&self, commands: impl IntoIterator<Item = C>) -> PendingAll<C::Output, C::Error> {
        self.image.shared().submit_each(commands, &self.metadata, "submit_all", |bulk, command| bulk.execute(command))
    }

    /// Like [`Image::submit_each`], but records the metadata with each command.
    pub fn submit_each<T, R, E: From<Error>>(
        &self,
        items: impl IntoIterator<Item = T>,
        submit: impl FnMut(&Bulk<'_, M>, T) -> Result<R, E>,
    ) -> PendingAll<R, E> {
        self.image.shared().submit_each(items, &self.metadata, "submit_each", submit)
    }

    /// Like [`Image::try_submit`], but records the metadata with the command.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Image::try_submit`].
    pub fn try_submit<C: Command<M>>(&self, command: C) -> Result<Pending<C::Output, C::Error>, Error> {
        self.image.shared().submit(command, &self.metadata, SubmitMode::Try)
    }

    /// Like [`Image::submit_async`], but records the metadata with the command.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Image::submit`].
    pub async fn submit_async<C: Command<M>>(&self, command: C) -> Result<Pending<C::Output, C::Error>, Error> {
        self.image.shared().submit_async(command, &self.metadata).await
    }

    /// Like [`Image::execute_async`], but records the metadata with the command.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Image::execute_async`].
    pub async fn execute_async<C: Command<M>>(&self, command: C) -> Result<C::Output, C::Error> {
        self.submit_async(command).await?.await
    }
}

impl<M: Model> Execute for WithMetadata<'_, M> {
    type Model = M;

    fn execute<C: Command<M>>(&self, command: C) -> Result<C::Output, C::Error> {
        self.image.shared().execute(command, &self.metadata)
    }
}

impl<M: Model> fmt::Debug for WithMetadata<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithMetadata").field("metadata", &self.metadata).finish_non_exhaustive()
    }
}
