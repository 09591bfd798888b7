//! Past states of a repository, from the journal of its image.

use std::error::Error;

use memimage::{Journal, Past};

use crate::repository::Repository;
use crate::revision::resolve;

/// The repository as it is now.
pub(crate) fn newest(journal: &Journal<Repository>) -> Result<Past<Repository>, memimage::Error> {
    journal.at(journal.durable_seq()?)
}

/// The repository as it was after a commit, so this commit is its latest.
pub(crate) fn at_commit(journal: &Journal<Repository>, name: &[u8]) -> Result<Past<Repository>, Box<dyn Error>> {
    let seq = resolve(&*newest(journal)?, name)?;
    Ok(journal.at(seq)?)
}
