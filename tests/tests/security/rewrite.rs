//! A journal is neither rewritten nor branched into the directory of its source, whichever path leads there.

use std::fs;
use std::os::unix::fs::symlink;

use memimage::admin::rewrite;
use memimage::{ErrorKind, Image, Journal};
use memimage_tests::{Ledger, LedgerCommands, tree};

#[test]
fn a_target_inside_the_source_is_refused_by_any_path() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source");
    let image = Image::<Ledger>::open(&source).unwrap();
    image.deposit(1, 1).unwrap();
    Image::close(image).unwrap();
    fs::create_dir(source.join("own")).unwrap();
    for (link, to) in [("to-source", "source"), ("to-journal", "source/journal"), ("to-own", "source/own")] {
        symlink(to, dir.path().join(link)).unwrap();
    }
    let before = tree(dir.path());
    for target in [
        "source",
        "source/new",
        "source/journal/new",
        "source/own/new",
        "to-source",
        "to-source/new",
        "to-journal/new",
        "to-own/new",
        "to-journal/../snapshot/new",
        "source/../source/new",
        "source/../to-source/journal/new",
    ] {
        for from in [&source, &dir.path().join("to-source")] {
            let branch = Journal::<Ledger>::open(from).unwrap().branch(dir.path().join(target));
            let errors = [rewrite::<Ledger>(from, dir.path().join(target)).unwrap_err(), branch.create().unwrap_err()];
            for error in errors {
                assert!(
                    error.kind() == ErrorKind::AlreadyExists
                        && error.to_string().contains("a place inside the source image"),
                    "{target}: {error}"
                );
            }
            assert!(tree(dir.path()) == before, "{target} changed something");
        }
    }
    // paths that only look like a place inside the source image
    rewrite::<Ledger>(&source, dir.path().join("to-own/../../new")).unwrap();
    rewrite::<Ledger>(&source, source.join("../newer")).unwrap();
    assert!(dir.path().join("new/journal").is_dir() && dir.path().join("newer/journal").is_dir());
}
