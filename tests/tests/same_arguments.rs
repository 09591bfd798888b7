//! The live call and replay run a command with the same arguments, which are decoded from their encoding. Arguments that cannot be
//! decoded are refused before anything is recorded. A state that does not load as it was serialized gets no snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{CommandError, ErrorKind, Image, Model, Options, Shape, SnapshotPolicy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text without the white space around it. Only its `Deserialize` removes that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Shape)]
#[serde(transparent)]
struct Trimmed(String);

impl<'de> Deserialize<'de> for Trimmed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Trimmed, D::Error> {
        Ok(Trimmed(String::deserialize(deserializer)?.trim().to_owned()))
    }
}

/// A number below 100. Only its `Deserialize` checks that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Shape)]
#[serde(transparent)]
struct Percent(u32);

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Percent, D::Error> {
        match u32::deserialize(deserializer)? {
            percent @ 0..100 => Ok(Percent(percent)),
            other => Err(serde::de::Error::custom(format!("{other} is not below 100"))),
        }
    }
}

/// A type whose `Deserialize` panics for one value.
#[derive(Clone, Copy, Debug, Serialize, Shape)]
#[serde(transparent)]
struct Fragile(u8);

impl<'de> Deserialize<'de> for Fragile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fragile, D::Error> {
        let number = u8::deserialize(deserializer)?;
        assert_ne!(number, 13, "an unlucky number");
        Ok(Fragile(number))
    }
}

/// An enum whose representation tells a format that describes itself which variant it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Deposit { amount: u64 },
    Close,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u64),
    Text(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Skipping {
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    amount: u64,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
struct Notes {
    texts: Vec<String>,
    lengths: u64,
    percents: Vec<u32>,
    by_name: BTreeMap<String, u64>,
}

#[memimage::commands]
impl Notes {
    #[command]
    fn plain(&mut self, text: String) {
        self.texts.push(text);
    }

    #[command(check = may_trim)]
    fn trim(&mut self, text: Trimmed) {
        self.lengths += text.0.len() as u64;
        self.texts.push(text.0);
    }

    fn may_trim(&self, text: &Trimmed) -> Result<(), String> {
        if text.0.starts_with(' ') { Err(format!("`{}` is not trimmed", text.0)) } else { Ok(()) }
    }

    #[command]
    fn percent(&mut self, percent: Percent) {
        self.percents.push(percent.0);
    }

    #[command]
    fn nested(&mut self, entries: BTreeMap<String, Vec<(Trimmed, Option<Percent>)>>) {
        for (name, entries) in entries {
            self.by_name.insert(name, entries.iter().map(|(text, _)| text.0.len() as u64).sum());
        }
    }

    #[command]
    fn fragile(&mut self, number: Fragile) {
        self.percents.push(number.0.into());
    }

    #[command]
    fn json(&mut self, #[shape(opaque = "json")] value: serde_json::Value) {
        self.texts.push(value.to_string());
    }

    #[command]
    fn tagged(&mut self, #[shape(opaque = "tagged")] value: Tagged) {
        self.texts.push(format!("{value:?}"));
    }

    #[command]
    fn untagged(&mut self, #[shape(opaque = "untagged")] value: Untagged) {
        self.texts.push(format!("{value:?}"));
    }

    #[command]
    fn skipping(&mut self, #[shape(opaque = "skipping")] value: Skipping) {
        self.texts.push(format!("{value:?}"));
    }

    #[command]
    fn rounded(
        &mut self,
        #[serde(with = "tenths")]
        #[shape(opaque = "tenths")]
        number: f64,
    ) {
        self.texts.push(number.to_string());
    }
}

/// Writes a number with one decimal place.
mod tenths {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((number * 10.0).round() / 10.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        f64::deserialize(deserializer)
    }
}

fn options<M: Model>() -> Options<M> {
    Image::options().snapshots(SnapshotPolicy::Manual)
}

fn open<M: Model>(disk: &SimDisk) -> Image<M> {
    options().open_with(Arc::new(disk.clone()), "notes").unwrap()
}

/// Closes the image, replays its journal, and compares the states.
fn assert_replay_agrees(disk: &SimDisk, image: Image<Notes>) {
    let live = image.query(|notes| format!("{notes:?}")).unwrap();
    Image::close(image).unwrap();
    assert_eq!(open::<Notes>(disk).query(|notes| format!("{notes:?}")).unwrap(), live);
}

#[test]
fn check_and_body_get_what_replay_reads() {
    let disk = SimDisk::new();
    let image = open::<Notes>(&disk);
    image.trim(Trimmed("  by the check, too ".to_owned())).unwrap();
    image.nested(BTreeMap::from([("a".to_owned(), vec![(Trimmed(" 12 ".to_owned()), Some(Percent(7)))])])).unwrap();
    image.rounded(0.123).unwrap();
    let (texts, lengths, a) = image.query(|notes| (notes.texts.clone(), notes.lengths, notes.by_name["a"])).unwrap();
    assert_eq!(texts, ["by the check, too", "0.1"]);
    assert_eq!((lengths, a), (17, 2));
    assert_replay_agrees(&disk, image);
}

/// Runs a command that cannot be read back, and expects that nothing of it is recorded.
fn assert_refused(run: impl Fn(&Image<Notes>) -> Result<(), memimage::Error>, said: &str) {
    let disk = SimDisk::new();
    let image = open::<Notes>(&disk);
    image.plain("before".to_owned()).unwrap();
    let error = run(&image).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    assert!(error.to_string().contains(said), "{error}");
    assert!(error.to_string().contains("nothing was recorded"), "{error}");
    assert_eq!(image.journal().seq().get(), 1);
    image.plain("after".to_owned()).unwrap();
    image.admin().snapshot().unwrap();
    assert_replay_agrees(&disk, image);
}

#[test]
fn arguments_that_cannot_be_read_back_are_refused_and_nothing_is_recorded() {
    assert_refused(|image| image.json(serde_json::json!({"a": 1})), "`json` cannot be decoded");
    assert_refused(|image| image.json(serde_json::Value::Null), "`json` cannot be decoded");
    assert_refused(|image| image.tagged(Tagged::Deposit { amount: 7 }), "`tagged`");
    assert_refused(|image| image.tagged(Tagged::Close), "`tagged`");
    assert_refused(|image| image.untagged(Untagged::Number(1)), "`untagged`");
    assert_refused(|image| image.untagged(Untagged::Text("one".to_owned())), "`untagged`");
    assert_refused(|image| image.skipping(Skipping { note: None, amount: 7 }), "`skipping`");
    assert_refused(|image| image.percent(Percent(100)), "`percent` cannot be decoded");
    assert_refused(
        |image| image.nested(BTreeMap::from([("a".to_owned(), vec![(Trimmed("1".to_owned()), Some(Percent(700)))])])),
        "`nested` cannot be decoded",
    );
}

#[test]
fn a_value_of_the_same_type_that_can_be_read_back_is_recorded() {
    let disk = SimDisk::new();
    let image = open::<Notes>(&disk);
    image.percent(Percent(99)).unwrap();
    image.skipping(Skipping { note: Some("some".to_owned()), amount: 7 }).unwrap();
    image.fragile(Fragile(12)).unwrap();
    assert_replay_agrees(&disk, image);
}

#[test]
fn a_panic_of_a_deserialize_is_an_error_and_nothing_is_recorded() {
    let disk = SimDisk::new();
    let image = open::<Notes>(&disk);
    let error = image.fragile(Fragile(13)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Panicked, "{error}");
    assert!(error.to_string().contains("an unlucky number"), "{error}");
    assert_eq!(image.journal().seq().get(), 0);
    image.fragile(Fragile(14)).unwrap();
    assert_replay_agrees(&disk, image);
}

#[test]
fn a_refusal_comes_from_the_arguments_that_are_read_back() {
    let image = open::<Notes>(&SimDisk::new());
    match image.trim(Trimmed("   ".to_owned())) {
        Ok(()) => {}
        Err(CommandError::Refused(refusal)) => panic!("the check saw the caller's value: {refusal}"),
        Err(CommandError::Image(error)) => panic!("{error}"),
    }
}

/// A model that cannot be loaded if it holds an even number, and that is loaded as another one if it holds a multiple of three.
#[derive(Debug, Default, Serialize, Shape, Model)]
struct Odd {
    number: u64,
}

impl<'de> Deserialize<'de> for Odd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Odd, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            number: u64,
        }
        match Fields::deserialize(deserializer)?.number {
            number if number > 0 && number % 2 == 0 => Err(serde::de::Error::custom("the number is even")),
            number if number % 3 == 0 => Ok(Odd { number: number / 3 }),
            number => Ok(Odd { number }),
        }
    }
}

#[memimage::commands]
impl Odd {
    #[command]
    fn add(&mut self, number: u64) {
        self.number += number;
    }
}

#[test]
fn a_snapshot_that_is_not_loaded_as_it_was_serialized_gets_no_name() {
    for verify in [true, false] {
        let disk = SimDisk::new();
        let open = || options::<Odd>().verify_snapshots(verify).open_with(Arc::new(disk.clone()), "odd").unwrap();
        let image = open();
        image.add(1).unwrap();
        assert_eq!(image.admin().snapshot().unwrap().seq.get(), 1);
        for (number, said) in [(1, "does not decode"), (1, "has another digest")] {
            image.add(number).unwrap();
            let error = image.admin().snapshot().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidModel, "{error}");
            assert!(error.to_string().contains(said), "{error}");
        }
        image.add(2).unwrap();
        let newest = image.admin().snapshot().unwrap().seq;
        assert_eq!((image.query(|odd| odd.number).unwrap(), newest.get()), (5, 4));
        Image::close(image).unwrap();
        let image = open();
        assert_eq!(
            (image.query(|odd| odd.number).unwrap(), image.admin().stats().recovery.snapshot),
            (5, Some(newest))
        );
    }
}

#[test]
fn a_genesis_that_is_not_loaded_as_it_was_serialized_creates_nothing() {
    for number in [2, 3] {
        let disk = SimDisk::new();
        let error = options().genesis(Odd { number }).open_with(Arc::new(disk.clone()), "odd").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidModel, "{error}");
        assert!(error.to_string().contains("no image was created"), "{error}");
        let image = options().genesis(Odd { number: 5 }).open_with(Arc::new(disk.clone()), "odd").unwrap();
        assert!(image.admin().stats().recovery.created);
        assert_eq!(image.query(|odd| odd.number).unwrap(), 5);
    }
}

/// A model that cannot be serialized if its number is greater than 100.
#[derive(Debug, Default, Deserialize, Shape, Model)]
struct Bounded {
    number: u64,
}

impl Serialize for Bounded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        if self.number > 100 {
            return Err(serde::ser::Error::custom("the number is too large"));
        }
        let mut fields = serializer.serialize_struct("Bounded", 1)?;
        fields.serialize_field("number", &self.number)?;
        fields.end()
    }
}

#[memimage::commands]
impl Bounded {
    #[command]
    fn add(&mut self, number: u64) {
        self.number += number;
    }
}

#[test]
fn a_genesis_that_cannot_be_serialized_is_reported_as_a_fault_of_the_model() {
    let disk = SimDisk::new();
    let options = || options::<Bounded>();
    let error = options().genesis(Bounded { number: 101 }).open_with(Arc::new(disk.clone()), "bounded").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidModel, "{error}");
    assert!(error.to_string().starts_with("the initial state cannot be serialized: "), "{error}");
    let image = options().genesis(Bounded { number: 100 }).open_with(Arc::new(disk), "bounded").unwrap();
    assert!(image.admin().stats().recovery.created);
    image.add(1).unwrap();
    let error = image.admin().snapshot().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidModel, "{error}");
    assert!(error.to_string().contains("its Serialize failed: the number is too large"), "{error}");
}
