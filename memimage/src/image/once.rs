//! An image together with the request key of a call.

use std::fmt;

use super::pending::Pending;
use super::with::WithMetadata;
use crate::error::Error;
use crate::event::{Command, Model};
use crate::execute::Execute;

/// An image that executes a command once for a request key. See [`Image::once`](crate::Image::once).
///
/// It has no `submit_all` and no `submit_each`, because a key belongs to one command. [`Bulk::once`](crate::Bulk::once) gives each
/// command of a `submit_each` a key of its own.
///
/// ```compile_fail,E0599
/// # use memimage::{Image, Model, Shape};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
/// # struct Counter { count: u64 }
/// # #[memimage::commands]
/// # impl Counter {
/// #     /// Adds to the count.
/// #     #[command]
/// #     fn add(&mut self, number: u64) -> u64 { self.count += number; self.count }
/// # }
/// let counter = Image::<Counter>::in_memory()?;
/// let _ = counter.once("request 81a3").submit_all([CounterAdd { number: 1 }, CounterAdd { number: 1 }]);
/// # Ok::<(), memimage::Error>(())
/// ```
#[must_use = "only a command that runs through this value is executed once"]
pub struct WithRequestKey<'a, M: Model> {
    /// The metadata contains the key.
    image: WithMetadata<'a, M>,
}

impl<M: Model> Clone for WithRequestKey<'_, M> {
    fn clone(&self) -> Self {
        WithRequestKey { image: self.image.clone() }
    }
}

impl<'a, M: Model> WithMetadata<'a, M> {
    /// Like [`Image::once`](crate::Image::once): executes a command once for this key, and records the metadata with it. A retry may have other
    /// metadata; they are not recorded.
    pub fn once(self, key: impl Into<String>) -> WithRequestKey<'a, M> {
        WithRequestKey { image: self.with_request(key.into()) }
    }
}

impl<M: Model> WithRequestKey<'_, M> {
    /// Like [`Image::submit`](crate::Image::submit), but executes the command once.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Image::submit`](crate::Image::submit).
    pub fn submit<C: Command<M>>(&self, command: C) -> Result<Pending<C::Output, C::Error>, Error> {
        self.image.submit(command)
    }

    /// Like [`Image::try_submit`](crate::Image::try_submit), but executes the command once.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Image::try_submit`](crate::Image::try_submit).
    pub fn try_submit<C: Command<M>>(&self, command: C) -> Result<Pending<C::Output, C::Error>, Error> {
        self.image.try_submit(command)
    }

    /// Like [`Image::submit_async`](crate::Image::submit_async), but executes the command once.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Image::submit`](crate::Image::submit).
    pub async fn submit_async<C: Command<M>>(&self, command: C) -> Result<Pending<C::Output, C::Error>, Error> {
        self.image.submit_async(command).await
    }

    /// Like [`Image::execute_async`](crate::Image::execute_async), but executes the command once.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Image::execute_async`](crate::Image::execute_async), and those of [`Image::once`](crate::Image::once).
    pub async fn execute_async<C: Command<M>>(&self, command: C) -> Result<C::Output, C::Error> {
        self.image.execute_async(command).await
    }
}

impl<M: Model> Execute for WithRequestKey<'_, M> {
    type Model = M;

    fn execute<C: Command<M>>(&self, command: C) -> Result<C::Output, C::Error> {
        self.image.execute(command)
    }
}

impl<M: Model> fmt::Debug for WithRequestKey<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithRequestKey").field("image", &self.image).finish()
    }
}
