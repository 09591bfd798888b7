//! The committed journals are never written again: they stand for the files of users.

use xxhash_rust::xxh3::xxh3_64;

use crate::files::{all, committed};

#[test]
fn the_committed_journals_are_unmodified() {
    let sums: String = (1..=5)
        .flat_map(|stage| {
            let files = all(&committed(stage));
            files
                .into_iter()
                .map(move |(path, bytes)| format!("{:016x} stage{stage}/{}\n", xxh3_64(&bytes), path.display()))
        })
        .collect();
    let committed = include_str!("../../journals/SUMS");
    assert_eq!(sums, committed, "a journal of `journals` is not as its stage wrote it; help: restore it");
}
