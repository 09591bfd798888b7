//! A model in memory, for tests that need commands but no journal.

use memimage::{Command, Execute, Image, Model};

/// Runs the commands of a model in an image without files.
pub struct InMemory<M: Model> {
    image: Image<M>,
}

impl<M: Model> InMemory<M> {
    /// Reads the model.
    ///
    /// # Panics
    ///
    /// If the image is poisoned, which cannot happen in memory.
    pub fn query<T>(&self, read: impl FnOnce(&M) -> T) -> T {
        self.image.query(read).expect("an image in memory cannot be poisoned")
    }
}

impl<M: Model> Default for InMemory<M> {
    fn default() -> InMemory<M> {
        InMemory { image: Image::in_memory().expect("an image in memory always opens") }
    }
}

impl<M: Model> Execute for InMemory<M> {
    type Model = M;

    fn execute<C: Command<M>>(&self, command: C) -> Result<C::Output, C::Error> {
        self.image.execute(command)
    }
}
