//! Verifies `memimage/docs/FORMAT.md` with a reader that was written from the document alone and shares no code with the library.
//! It reads new images, and the fixtures in `tests/fixtures`, which must stay readable.
//!
//! `MEMIMAGE_BLESS=1 cargo test -p memimage-tests --test format` creates the fixtures again. That is only allowed if no existing
//! journal uses the old format.

mod branch;
mod bytes;
mod decryption;
mod fixtures;
mod maintained_image;
mod random;
mod reader;
mod requests;
mod rewritten_journal;
mod shape;
mod snapshot;
mod subscription;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memimage::{Context, Image, Key, Keys, Metadata, Model, Options, Retention, Shape, SnapshotPolicy, Timestamp};
use serde::{Deserialize, Serialize};

use fixtures::{files_in, fixture, protected_fixture, pruned_fixture, write_files};
use reader::{Event, Files};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape)]
enum Form {
    Paper,
    Audio { minutes: u32 },
    Parts(u8, char),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape)]
struct Book {
    form: Form,
    year: i16,
    reader: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
#[model(name = "shelf")]
struct Shelf {
    books: BTreeMap<String, Book>,
    readers: HashSet<u32>,
    loans: HashMap<u32, (u64, bool)>,
    cents: i64,
    lots: Vec<u64>,
    half: f64,
}

#[memimage::commands]
impl Shelf {
    #[command]
    fn add(&mut self, title: String, form: Form, year: i16) {
        self.books.insert(title, Book { form, year, reader: None });
    }

    #[command(check = can_lend, version = 3, oldest = 3)]
    fn lend(&mut self, title: String, reader: u32) -> usize {
        self.books.entry(title).and_modify(|book| book.reader = Some(reader));
        self.readers.insert(reader);
        self.loans.entry(reader).or_default().0 += 1;
        self.readers.len()
    }

    fn can_lend(&self, title: &str) -> Result<(), String> {
        match self.books.get(title) {
            Some(Book { reader: None, .. }) => Ok(()),
            _ => Err(format!("{title} is not on the shelf")),
        }
    }

    #[command]
    fn charge(&mut self, cents: i64) -> Result<i64, String> {
        self.cents += cents;
        self.half = self.cents as f64 / 2.0;
        if cents < 0 { Err("charged all the same".to_owned()) } else { Ok(self.cents) }
    }

    #[command(name = "draw lots")]
    fn lot(&mut self, ctx: &Context) -> u64 {
        let lot = ctx.random().u64();
        self.lots.push(lot);
        lot
    }
}

const CHARGES: u64 = 40;

/// Creates an image with commands of all forms, at fixed times.
fn create(path: &Path) {
    create_with(path, |options| options);
}

/// As [`create`], with encryption and a chain.
fn create_protected(path: &Path) {
    create_with(path, |options| options.encryption(keys(7)).chain(keys(9)));
}

/// Keys with one key of number 3, whose bytes are all equal.
fn keys(byte: u8) -> Keys {
    Keys::new(3, move |number| (number == 3).then(|| Key::new([byte; 32])))
}

fn create_with(path: &Path, configure: impl FnOnce(Options<Shelf>) -> Options<Shelf>) {
    let now = Arc::new(AtomicU64::new(1_000_000));
    let clock = Arc::clone(&now);
    let options = Image::<Shelf>::options()
        .segment_bytes(16 << 10)
        .snapshots(SnapshotPolicy::Manual)
        .clock(move || Timestamp::from_micros(clock.load(Ordering::Relaxed)));
    let shelf = configure(options).open(path).unwrap();
    let advance = |micros: u64| now.fetch_add(micros, Ordering::Relaxed);

    shelf.add("Dune".to_owned(), Form::Audio { minutes: 1280 }, 1965).unwrap();
    advance(300);
    shelf.add("Emma".to_owned(), Form::Paper, 1815).unwrap();
    shelf.add("Odyssey".to_owned(), Form::Parts(24, 'Ω'), -700).unwrap();
    advance(1);
    let desk = shelf.with(Metadata::actor("desk 2").correlation(17));
    desk.lend("Emma".to_owned(), 70_000).unwrap();
    shelf.lend("Emma".to_owned(), 3).unwrap_err();
    shelf.charge(-250).unwrap_err();
    shelf.lot().unwrap();
    shelf.admin().snapshot().unwrap();
    // two commands in one batch
    let pending = [shelf.submit(ShelfLend { title: "Dune".to_owned(), reader: 5 }), {
        advance(7);
        shelf.submit(ShelfLend { title: "Odyssey".to_owned(), reader: 5 })
    }];
    for pending in pending {
        pending.unwrap().wait().unwrap();
    }
    for cents in 0..CHARGES {
        shelf.charge(cents as i64).unwrap();
    }
    Image::close(shelf).unwrap();
}

/// The events that the reader must find.
fn expected() -> Vec<Event> {
    let emma = vec![("actor".to_owned(), "desk 2".to_owned()), ("correlation".to_owned(), "17".to_owned())];
    let mut events = vec![
        event(1_000_000, "add", 1, r#"{title: "Dune", form: Audio{minutes: 1280}, year: 1965}"#),
        event(1_000_300, "add", 1, r#"{title: "Emma", form: Paper, year: 1815}"#),
        event(1_000_300, "add", 1, r#"{title: "Odyssey", form: Parts{0: 24, 1: 937}, year: -700}"#),
        Event { metadata: emma, ..event(1_000_301, "lend", 3, r#"{title: "Emma", reader: 70000}"#) },
        Event { rejected: true, ..event(1_000_301, "charge", 1, "{cents: -250}") },
        event(1_000_301, "draw lots", 1, "{}"),
        event(1_000_301, "lend", 3, r#"{title: "Dune", reader: 5}"#),
        event(1_000_308, "lend", 3, r#"{title: "Odyssey", reader: 5}"#),
    ];
    events.extend((0..CHARGES).map(|cents| event(1_000_308, "charge", 1, &format!("{{cents: {cents}}}"))));
    events.iter_mut().zip(1..).for_each(|(event, seq)| event.seq = seq);
    events
}

fn event(time: u64, name: &str, version: u32, payload: &str) -> Event {
    Event {
        seq: 0,
        time,
        name: name.to_owned(),
        version,
        rejected: false,
        metadata: Vec::new(),
        origin: None,
        payload: payload.to_owned(),
    }
}

/// Reads an image of [`create`], and compares its whole content with the expected one.
fn assert_reads(files: &Files) {
    let image = reader::read(files);
    assert_eq!(image.model, "shelf");
    assert_eq!(image.events, expected());
    assert_eq!(image.durable, (8 + CHARGES, 2), "all events are synced, in the epoch after the creation");

    assert!(image.segments.len() > 2, "the journal has a second segment and a preallocated one");
    assert!(image.segments.iter().all(|segment| segment.len == 16 << 10));
    assert_eq!(image.segments.last().unwrap().frames, 0);

    let genesis = image.genesis.unwrap();
    assert_eq!((genesis.version, &genesis.state), (1, &None), "the initial state is the model's default");
    let [snapshot] = &image.snapshots[..] else { panic!("there must be one snapshot") };
    assert_eq!((snapshot.seq, snapshot.time), (6, 1_000_301));
    assert_eq!(snapshot.fingerprint, genesis.fingerprint);
    let lot = random::first_draw(&image.seed, 6, 0);
    assert_eq!(
        snapshot.state.to_string(),
        format!(
            "{{books: [\"Dune\" = {{form: Audio{{minutes: 1280}}, year: 1965, reader: none}}, \"Emma\" = {{form: Paper, year: \
             1815, reader: some 70000}}, \"Odyssey\" = {{form: Parts{{0: 24, 1: 937}}, year: -700, reader: none}}], readers: \
             [70000], loans: [70000 = [1, 0]], cents: -250, lots: [{}], half: {}}}",
            lot,
            (-125f64).to_bits()
        )
    );
    assert_eq!(
        image.digests,
        [(6, genesis.fingerprint, snapshot.digest)],
        "the journal and the snapshot have the same digest"
    );
}

#[test]
fn a_new_image_conforms_to_the_document() {
    let directory = tempfile::tempdir().unwrap();
    create(directory.path());
    let mut files = files_in(directory.path());
    let owner = files.remove("LOCK").unwrap();
    assert!(owner.starts_with(b"pid ") && owner.ends_with(b")\n"));
    assert_reads(&files);
}

#[test]
fn the_fixture_conforms_to_the_document() {
    assert_reads(fixture());
}

#[test]
fn digests_conform_to_the_document() {
    let directory = tempfile::tempdir().unwrap();
    create(directory.path());
    let image = reader::read(&files_in(directory.path()));
    let genesis = image.genesis.unwrap();
    assert_eq!(image.snapshots[0].digest, image.snapshots[0].computed_digest(&genesis.shape));
    assert_eq!(genesis.digest, memimage::digest(&Shelf::default()).unwrap().to_u64());
    assert_eq!(genesis.default, Some(postcard::to_stdvec(&Shelf::default()).unwrap()));
}

/// Creates an image with a pruned journal.
fn create_pruned(path: &Path) {
    let shelf = Image::<Shelf>::options()
        .segment_bytes(16 << 10)
        .snapshots(SnapshotPolicy::Manual)
        .retention(Retention::Events(0))
        .clock(|| Timestamp::from_micros(1_000_000))
        .open(path)
        .unwrap();
    for _ in 0..3 {
        (0..CHARGES).for_each(|cents| _ = shelf.charge(cents as i64).unwrap());
        shelf.admin().snapshot().unwrap();
    }
    shelf.charge(1).unwrap();
    Image::close(shelf).unwrap();
}

/// Reads an image of [`create_pruned`].
fn assert_reads_pruned(files: &Files) {
    let image = reader::read(files);
    assert_eq!(image.events.last().unwrap().seq, 3 * CHARGES + 1);
    assert!(image.prunes.iter().map(|mark| mark.base).is_sorted());
    let (mark, base) = (image.prunes.last().unwrap(), image.base.as_ref().unwrap());
    assert_eq!((mark.base, base.seq), (2 * CHARGES, 2 * CHARGES), "the base is the second newest of three snapshots");
    assert_eq!((mark.version, mark.fingerprint, mark.digest), (1, base.fingerprint, base.digest));
    assert_eq!(base.digest, base.computed_digest(&mark.shape));
    let cents = 2 * (0..CHARGES).sum::<u64>();
    assert!(base.state.to_string().contains(&format!("cents: {cents}")), "{}", base.state);
}

#[test]
fn a_pruned_image_conforms_to_the_document() {
    let directory = tempfile::tempdir().unwrap();
    create_pruned(directory.path());
    let mut files = files_in(directory.path());
    files.remove("LOCK");
    assert_reads_pruned(&files);
}

#[test]
fn the_pruned_fixture_conforms_to_the_document_and_opens_from_its_base() {
    assert_reads_pruned(pruned_fixture());
    let directory = tempfile::tempdir().unwrap();
    write_files(pruned_fixture(), directory.path());
    fs::remove_dir_all(directory.path().join("snapshot")).unwrap();
    let shelf = Image::<Shelf>::open(directory.path()).unwrap();
    assert_eq!(shelf.admin().stats().base.map(u64::from), Some(2 * CHARGES));
    assert_eq!(shelf.admin().stats().recovery.replayed, CHARGES + 1);
    assert_eq!(shelf.charge(1).unwrap(), 3 * (0..CHARGES as i64).sum::<i64>() + 2);
}

#[test]
fn a_protected_image_conforms_to_the_document() {
    for (cipher, chain) in [(true, true), (true, false), (false, true)] {
        let directory = tempfile::tempdir().unwrap();
        create_with(directory.path(), |mut options| {
            if cipher {
                options = options.encryption(keys(7));
            }
            if chain { options.chain(keys(9)) } else { options }
        });
        let mut files = files_in(directory.path());
        files.remove("LOCK");
        let keys = decryption::Keys { cipher: cipher.then_some((3, [7; 32])), chain: chain.then_some((3, [9; 32])) };
        assert_reads(&decryption::remove_protection(&files, &keys));
    }
}

/// The fixture proves that the derivation of keys has not changed, because the tags would not be valid otherwise.
#[test]
fn the_protected_fixture_conforms_to_the_document_and_opens() {
    let keys_of = decryption::Keys { cipher: Some((3, [7; 32])), chain: Some((3, [9; 32])) };
    assert_reads(&decryption::remove_protection(protected_fixture(), &keys_of));
    let directory = tempfile::tempdir().unwrap();
    write_files(protected_fixture(), directory.path());
    let options = Image::<Shelf>::options().encryption(keys(7)).chain(keys(9));
    let shelf = options.open(directory.path()).unwrap();
    assert_usable(&shelf);
}

#[test]
fn the_fixture_opens_and_accepts_commands() {
    let directory = tempfile::tempdir().unwrap();
    write_files(fixture(), directory.path());
    assert_usable(&Image::<Shelf>::open(directory.path()).unwrap());
}

fn assert_usable(shelf: &Image<Shelf>) {
    let recovery = shelf.admin().stats().recovery;
    assert_eq!(recovery.snapshot.map(u64::from), Some(6));
    assert_eq!(recovery.replayed, 2 + CHARGES);
    let charged = (0..CHARGES as i64).sum::<i64>() - 250;
    assert_eq!(shelf.charge(1).unwrap(), charged + 1);
    assert_eq!(shelf.query(|shelf| shelf.loans[&5]).unwrap(), (2, false));
    assert_eq!(shelf.journal().seq().get(), 9 + CHARGES);
}

#[test]
fn the_reader_computes_the_published_test_vectors() {
    assert_eq!(bytes::crc32c(&[b"12345", b"6789"]), 0xe306_9283);
    let zeros = random::chacha20_block(&[0; 32], &[0; 12]);
    assert_eq!(zeros[..8], [0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90], "RFC 8439, appendix A.1, vector 1");
}
