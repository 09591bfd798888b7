//! A history with everything that a repository can have.

use crate::source::Change::{Delete, DeleteAll, Put, Rename, Submodule};
use crate::source::{Change, Source, Stream};

const FILE: &str = "100644";
const EXECUTABLE: &str = "100755";
const LINK: &str = "120000";

/// Paths that are printed in special ways, or sorted in special ways.
const ODD: [&[u8]; 16] = [
    b"with space",
    b" a space before and after ",
    b"quo\"te",
    b"back\\slash",
    b"tab\there",
    b"new\nline",
    b"return\r",
    b"\x01\x1F\x7F",
    b"not UTF-8 \xFF\xFE\x80",
    "Größe/日本.txt".as_bytes(),
    b"dir\n1/dir \"2\"/dir\\3/file\t4",
    b"-z",
    b"'*?[a]$HOME`ls`;",
    b"a-b",
    b"a/b",
    b"a0b",
];

/// The commits: roots, merges, odd names, and each kind of change.
pub(crate) fn eventful(source: &Source) {
    let mut stream = Stream::default();
    let main = "refs/heads/main";
    let side = "refs/heads/side/branch";
    let first =
        stream.commit(main, &[], &[Put(FILE, b"README", b"one\n"), Put(FILE, b"src/main.rs", b"fn main() {}\n")]);
    let odd: Vec<Change<'_>> = ODD.iter().map(|path| Put(FILE, path, path)).collect();
    let second = stream.commit(main, &[first], &odd);
    let bytes: Vec<Vec<u8>> = (1..=255).filter(|byte| *byte != b'/').map(|byte| vec![b'x', byte, b'y']).collect();
    let puts: Vec<Change<'_>> = bytes.iter().map(|path| Put(FILE, path, b"same\n")).collect();
    let all_bytes = stream.commit(side, &[second], &puts);
    let binary: Vec<u8> = (0..=255).cycle().take(3000).collect();
    let modes = stream.commit(
        main,
        &[second],
        &[
            Put(EXECUTABLE, b"run.sh", b"#!/bin/sh\n"),
            Put(LINK, b"link", b"src/main.rs"),
            Put(LINK, b"broken \xFF link", b"no\xFFwhere"),
            Put(FILE, b"binary", &binary),
            Put(FILE, b"empty", b""),
        ],
    );
    let bits = stream.commit(
        main,
        &[modes],
        &[
            Put(FILE, b"run.sh", b"#!/bin/sh\n"),
            Put(EXECUTABLE, b"README", b"one\n"),
            Put(FILE, b"link", b"src/main.rs"),
        ],
    );
    let empty = stream.commit(main, &[bits], &[]);
    let renamed = stream.commit(main, &[empty], &[Rename(b"src", b"lib/deep/er"), Rename(b"new\nline", b"\nnewer\n")]);
    let to_directory = stream.commit(main, &[renamed], &[Delete(b"README"), Put(FILE, b"README/inside", b"two\n")]);
    let to_file = stream.commit(main, &[to_directory], &[Delete(b"lib"), Put(FILE, b"lib", b"was a directory\n")]);
    let id = source.word(&["hash-object", "-t", "commit", "--stdin", "--literally"]);
    let submodule = stream.commit(main, &[to_file], &[Submodule(b"vendor/sub\"module", &id)]);

    let other = stream.commit("refs/heads/other", &[], &[Put(FILE, b"README", b"another root\n")]);
    let side_change =
        stream.commit(side, &[all_bytes], &[Put(FILE, b"a/b", b"changed on the side\n"), Delete(b"tab\there")]);
    let merge = stream.commit(main, &[submodule, side_change], &[Put(FILE, b"a/b", b"changed on the side\n")]);
    let mixed = stream.commit(main, &[merge, other], &[Put(FILE, b"README/inside", b"in no parent\n")]);
    let late = stream.commit("refs/heads/late", &[first], &[Put(FILE, b"README", b"from an old commit\n")]);
    let octopus = stream.commit(main, &[mixed, late, side_change, other], &[Delete(b"a/b")]);
    let reverted = stream.commit(main, &[octopus], &[Put(FILE, b"a/b", b"a/b")]);
    let nothing = stream.commit("refs/heads/nothing", &[reverted], &[DeleteAll]);
    stream.commit("refs/heads/nothing", &[nothing], &[Put(FILE, b"a/b/c/d/e/f", b"deep\n")]);
    stream.commit("refs/tags/only-a-tag", &[late], &[Delete(b"README")]);

    stream.line("commit refs/heads/latin-1");
    stream.line(b"author \xC9mile <> 1 +0000\ncommitter <> 1 +0000\nencoding ISO-8859-1");
    stream.data(b"caf\xE9 \x01\n");
    stream.line(format!("from :{reverted}"));
    stream.feed(source);
}

/// Objects that today's git does not write, but reads: old modes, an empty directory, and names in another order.
pub(crate) fn historic(source: &Source) {
    let hex = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim_end().to_owned();
    let write = |kind: &str, bytes: &[u8]| {
        hex(source.feed(&["hash-object", "-t", kind, "-w", "--stdin", "--literally"], bytes))
    };
    let raw = |id: &str| -> Vec<u8> {
        (0..id.len()).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()).collect()
    };
    let entry = |mode: &str, name: &str, id: &str| [format!("{mode} {name}\0").as_bytes(), &raw(id)].concat();
    let (blob, empty) = (write("blob", b"old\n"), write("tree", b""));
    let tree = write(
        "tree",
        &[
            entry("100664", "writable", &blob),
            entry("40000", "empty", &empty),
            entry("040000", "padded", &write("tree", &entry("100600", "private", &blob))),
            entry("100744", "and executable", &blob),
        ]
        .concat(),
    );
    let commit = hex(source.git(&["commit-tree", "-m", "old modes", &tree]));
    source.git(&["update-ref", "refs/heads/old", &commit]);
    // without an author, a message, or an empty line
    let bare = write("commit", format!("tree {tree}\nparent {commit}\ncommitter Ada <> 1 +0000\n").as_bytes());
    source.git(&["update-ref", "refs/heads/bare", &bare]);
}

/// References to things that are not commits, and to commits by detours.
pub(crate) fn tags(source: &Source) {
    source.git(&["tag", "-a", "-m", "a tag", "annotated", "main"]);
    source.git(&["tag", "-a", "-m", "a tag of a tag", "nested", "annotated"]);
    source.git(&["tag", "tree", "main^{tree}"]);
    source.git(&["tag", "-a", "-m", "a tag of a tree", "annotated-tree", "main^{tree}"]);
    source.git(&["tag", "blob", "main:a/b"]);
    source.git(&["notes", "add", "-m", "a note", "main"]);
}
