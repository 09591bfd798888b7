//! Past states of a repository.
//!
//! `at` and `changes` stand in for `Journal::at` and `Journal::changes`: they read the newest state, which knows each commit.

use std::path::Path;

use memimage::Image;

use crate::commit::Commit;
use crate::object_id::ObjectId;
use crate::repository::Repository;

/// Opens an existing image.
pub(crate) fn open(path: &Path) -> Result<Image<Repository>, memimage::Error> {
    Image::options().create(false).open(path)
}

/// Reads the repository as it was after a commit.
pub(crate) fn at<R>(
    image: &Image<Repository>,
    commit: ObjectId,
    read: impl FnOnce(&Repository, &Commit) -> R,
) -> Result<R, memimage::Error> {
    image.query(|repository| {
        let recorded = repository.find(&commit).expect("the caller found the commit");
        read(repository, &recorded.commit)
    })
}

/// What `select` returns after each commit, if it is another value than after the commit before.
pub(crate) fn changes<V: PartialEq>(
    image: &Image<Repository>,
    select: impl Fn(&Repository, &ObjectId, &Commit) -> V,
) -> Result<Vec<V>, memimage::Error> {
    image.query(|repository| {
        let mut values = Vec::new();
        for (id, recorded) in repository.commits_by_seq() {
            let value = select(repository, id, &recorded.commit);
            if values.last() != Some(&value) {
                values.push(value);
            }
        }
        values
    })
}
