//! The committed journals are what the stages wrote, once. They are never written anew: they stand for users' files.

use xxhash_rust::xxh3::xxh3_64;

use crate::files::{all, committed};

#[test]
fn the_committed_journals_are_as_they_were_written() {
    let sums: String = (1..=5)
        .flat_map(|stage| {
            let files = all(&committed(stage));
            files
                .into_iter()
                .map(move |(path, bytes)| format!("{:016x} stage{stage}/{}\n", xxh3_64(&bytes), path.display()))
        })
        .collect();
    let committed = include_str!("../../journals/SUMS");
    assert_eq!(sums, committed, "a journal of `journals` is not the one that its stage wrote: restore it");
}
