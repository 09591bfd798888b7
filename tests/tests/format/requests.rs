//! Snapshots with a table of requests.

use std::path::Path;

use memimage::shape::fingerprint;
use memimage::{Image, Metadata, Options, Shape, SnapshotPolicy};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use super::fixtures::files_in;
use super::snapshot::{Request, Requests};
use super::{Form, Shelf, ShelfAdd, ShelfCharge, ShelfCommands, decryption, keys, reader};

/// Creates an image with requests of each kind, and with a snapshot after them.
fn create(path: &Path, configure: impl FnOnce(Options<Shelf>) -> Options<Shelf>) {
    let options = Image::<Shelf>::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual).remember(5);
    let shelf = configure(options).open(path).unwrap();
    shelf.once("forgotten").charge(1).unwrap();
    shelf.once("added").add("Dune".to_owned(), Form::Paper, 1965).unwrap();
    shelf.with(Metadata::actor("desk 2")).once("ключ").charge(2).unwrap();
    shelf.charge(4).unwrap();
    shelf.once("rejected").charge(-100).unwrap_err();
    shelf.once("drawn").lot().unwrap();
    shelf.admin().snapshot().unwrap();
    shelf.once("later").charge(1).unwrap();
    Image::close(shelf).unwrap();
}

/// The hash of arguments that have one encoding.
fn arguments(payload: &impl Serialize) -> u64 {
    xxh3_64(&postcard::to_stdvec(payload).unwrap())
}

/// The table of requests in the snapshot.
fn expected(lot: u64) -> Requests {
    let of = |shape| Some(fingerprint(shape).to_u64());
    let (text, number) = (of(String::SHAPE), of(i64::SHAPE));
    let charge = |cents| arguments(&ShelfCharge { cents });
    let add = ShelfAdd { title: "Dune".to_owned(), form: Form::Paper, year: 1965 };
    let request = |seq, key: &str, kind, arguments, answer| Request {
        seq,
        key: key.to_owned(),
        kind: Some(kind),
        arguments,
        rejected: false,
        answer: Some(answer),
    };
    let answer = postcard::to_stdvec(&lot).unwrap();
    Requests {
        kinds: vec![
            ("charge".to_owned(), 1, number, text),
            ("add".to_owned(), 1, of(<()>::SHAPE), None),
            ("draw lots".to_owned(), 1, of(u64::SHAPE), None),
        ],
        entries: vec![
            request(2, "added", 1, arguments(&add), Vec::new()),
            request(3, "ключ", 0, charge(2), vec![6]), // 3 as a zigzag varint
            Request { rejected: true, ..request(5, "rejected", 0, charge(-100), b"\x14charged all the same".to_vec()) },
            request(6, "drawn", 2, arguments(&super::ShelfLot {}), answer),
        ],
    }
}

#[test]
fn a_table_of_requests_conforms_to_the_document() {
    for (cipher, chain) in [(false, false), (true, false), (false, true), (true, true)] {
        let directory = tempfile::tempdir().unwrap();
        create(directory.path(), |mut options| {
            if cipher {
                options = options.encryption(keys(7));
            }
            if chain { options.chain(keys(9)) } else { options }
        });
        let mut files = files_in(directory.path());
        files.remove("LOCK");
        if cipher || chain {
            let keys =
                decryption::Keys { cipher: cipher.then_some((3, [7; 32])), chain: chain.then_some((3, [9; 32])) };
            files = decryption::remove_protection(&files, &keys);
        }
        let image = reader::read(&files);
        let lot = super::random::first_draw(&image.seed, 6, 0);
        let [snapshot] = &image.snapshots[..] else { panic!("there must be one snapshot") };
        assert_eq!(snapshot.requests.as_ref(), Some(&expected(lot)));
        assert_eq!(snapshot.requests_since, 2, "the first of the last five events");
        let metadata = |seq: usize| image.events[seq - 1].metadata.clone();
        let key = |key: &str| ("memimage.request".to_owned(), key.to_owned());
        assert_eq!(metadata(7), [key("later")]);
        assert_eq!(metadata(3), [("actor".to_owned(), "desk 2".to_owned()), key("ключ")]);
        assert_eq!(metadata(4), []);
    }
}

/// A reader that does not know tables of requests must refuse a snapshot that has one, and only such a snapshot.
#[test]
fn a_snapshot_has_the_feature_only_with_a_table() {
    let directory = tempfile::tempdir().unwrap();
    let shelf = Image::<Shelf>::options().snapshots(SnapshotPolicy::Manual).remember(1).open(directory.path()).unwrap();
    shelf.once("a").charge(1).unwrap();
    let with = shelf.admin().snapshot().unwrap();
    shelf.charge(1).unwrap();
    let without = shelf.admin().snapshot().unwrap();
    Image::close(shelf).unwrap();
    let files = files_in(directory.path());
    let features = |seq| files[&format!("snapshot/{:020}.snapshot", u64::from(seq))][32];
    assert_eq!((features(with.seq), features(without.seq)), (4, 0));
    let since = |seq| u64::from(files[&format!("snapshot/{:020}.snapshot", u64::from(seq))][176]);
    assert_eq!((since(with.seq), since(without.seq)), (1, 2), "also without a table");
}
