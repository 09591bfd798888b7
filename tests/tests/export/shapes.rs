//! Random events with arguments of many shapes.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

use memimage::admin::Void;
use memimage::disk::SimDisk;
use memimage::{Context, Image, Metadata, Model, Seq, Shape};
use memimage_tests::cases;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::{COPY, IMAGE, assert_copied, export, options};

/// A value of many shapes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape)]
enum Item {
    Unit,
    Bool(bool),
    Unsigned { a: u8, b: u16, c: u32, d: u64, e: u128 },
    Signed(i8, i16, i32, i64, i128),
    Floats { single: f32, double: f64 },
    Char(char),
    Text(String),
    Bytes(CString),
    Option(Option<Option<u32>>),
    Lists(Vec<VecDeque<i16>>),
    Set(BTreeSet<i64>),
    Hashed(HashMap<String, f64>),
    Keyed(BTreeMap<(u8, bool), String>),
    Array([u8; 3], ()),
    Within(Box<Item>, Vec<Item>),
}

/// Everything that the commands got: their arguments, and their contexts.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Archive {
    kept: Vec<Kept>,
}

#[derive(Serialize, Deserialize, Shape)]
struct Kept {
    seq: u64,
    time: u64,
    draw: u64,
    actor: Option<String>,
    item: Option<Item>,
    millis: u128,
}

impl Archive {
    fn add(&mut self, item: Option<Item>, wait: Duration, ctx: &Context) {
        let (seq, time, draw) = (ctx.seq().get(), ctx.time().as_micros(), ctx.random().u64());
        let actor = ctx.metadata().get(Metadata::ACTOR).map(str::to_owned);
        self.kept.push(Kept { seq, time, draw, actor, item, millis: wait.as_millis() });
    }
}

#[memimage::commands]
impl Archive {
    #[command]
    fn keep(&mut self, ctx: &Context, item: Item) -> u64 {
        self.add(Some(item), Duration::ZERO, ctx);
        self.kept.len() as u64
    }

    #[command]
    fn reject(&mut self, ctx: &Context, item: Item) -> Result<(), String> {
        self.add(Some(item), Duration::ZERO, ctx);
        Err("no".to_owned())
    }

    /// Only the program knows where the argument ends.
    #[command]
    fn last(&mut self, ctx: &Context, number: u8, #[shape(opaque = "std.duration.v1")] wait: Duration) {
        self.add(Some(Item::Char(char::from(number))), wait, ctx);
    }

    /// The arguments cannot be decoded without the program.
    #[command]
    fn first(&mut self, ctx: &Context, #[shape(opaque = "std.duration.v1")] wait: Duration, number: u8) {
        self.add(Some(Item::Char(char::from(number))), wait, ctx);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Keep(Item),
    Reject(Item, String),
    Once(u8),
    Last(u64),
    First(u64),
    Snapshot,
    EarlierTime,
}

fn item() -> impl Strategy<Value = Item> {
    let leaf = prop_oneof![
        Just(Item::Unit),
        any::<bool>().prop_map(Item::Bool),
        any::<(u8, u16, u32, u64, u128)>().prop_map(|(a, b, c, d, e)| Item::Unsigned { a, b, c, d, e }),
        any::<(i8, i16, i32, i64, i128)>().prop_map(|(a, b, c, d, e)| Item::Signed(a, b, c, d, e)),
        // all bits, among them those of many NaNs
        any::<(u32, u64)>().prop_map(|(a, b)| Item::Floats { single: f32::from_bits(a), double: f64::from_bits(b) }),
        any::<u64>().prop_map(|bits| Item::Floats { single: -0.0, double: f64::from_bits(0x7ff0 << 48 | bits) }),
        any::<char>().prop_map(Item::Char),
        any::<String>().prop_map(Item::Text),
        prop::collection::vec(1..=255u8, 0..5).prop_map(|bytes| Item::Bytes(CString::new(bytes).unwrap())),
        any::<Option<Option<u32>>>().prop_map(Item::Option),
        prop::collection::vec(prop::collection::vec_deque(any::<i16>(), 0..4), 0..4).prop_map(Item::Lists),
        prop::collection::btree_set(any::<i64>(), 0..4).prop_map(Item::Set),
        prop::collection::hash_map(any::<String>(), any::<f64>(), 0..4).prop_map(Item::Hashed),
        prop::collection::btree_map(any::<(u8, bool)>(), any::<String>(), 0..4).prop_map(Item::Keyed),
        any::<[u8; 3]>().prop_map(|bytes| Item::Array(bytes, ())),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        (inner.clone(), prop::collection::vec(inner, 0..3)).prop_map(|(one, more)| Item::Within(Box::new(one), more))
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => item().prop_map(Step::Keep),
        2 => (item(), any::<String>()).prop_map(|(item, actor)| Step::Reject(item, actor)),
        2 => (0..4u8).prop_map(Step::Once),
        1 => any::<u64>().prop_map(Step::Last),
        1 => any::<u64>().prop_map(Step::First),
        1 => Just(Step::Snapshot),
        1 => Just(Step::EarlierTime),
    ]
}

fn run(image: &Image<Archive>, steps: &[Step]) {
    for step in steps {
        match step.clone() {
            Step::Keep(item) => drop(image.keep(item).unwrap()),
            Step::Reject(item, actor) => drop(image.with(Metadata::actor(actor)).reject(item).unwrap_err()),
            // an error if the first request became void
            Step::Once(key) => drop(image.once(key.to_string()).keep(Item::Unit)),
            Step::Last(millis) => image.last(9, Duration::from_millis(millis)).unwrap(),
            Step::First(millis) => image.first(Duration::from_millis(millis), 9).unwrap(),
            Step::Snapshot => drop(image.admin().snapshot().unwrap()),
            // refused if it would not be earlier
            Step::EarlierTime => drop(image.admin().correct_time(memimage::Timestamp::from_micros(1), "a test")),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(24), ..ProptestConfig::default() })]

    #[test]
    fn a_copy_has_the_events_and_the_state_of_the_image(
        steps in prop::collection::vec(step(), 0..24),
        voids in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        later in prop::collection::vec(step(), 0..6),
    ) {
        let disk = SimDisk::new();
        let image = options::<Archive>(1_000_000).open_with(Arc::new(disk.clone()), IMAGE).unwrap();
        run(&image, &steps);
        let last = image.journal().seq().get();
        Image::close(image).unwrap();
        for void in voids.iter().filter(|_| last > 0) {
            let seq = Seq::new(void.index(last as usize) as u64 + 1);
            Void::new(seq, "a mistake").by("a test").run_with(Arc::new(disk.clone()), IMAGE).unwrap();
        }
        let image = options::<Archive>(2_000_000).open_with(Arc::new(disk.clone()), IMAGE).unwrap();
        run(&image, &later);
        Image::close(image).unwrap();
        let (exported, _) = assert_copied::<Archive>(&disk);
        let undecoded = steps.iter().chain(&later).filter(|step| matches!(step, Step::First(_))).count();
        prop_assert_eq!(exported.undecoded, undecoded as u64);
        // requests are answered as before, and those that were not executed are executed alike
        let [original, copy] = [IMAGE, COPY].map(|path| {
            options::<Archive>(3_000_000).open_with(Arc::new(disk.fork()), path).unwrap()
        });
        for key in 0..4 {
            let [expected, found] = [&original, &copy].map(|image| {
                let answer = image.once(key.to_string()).keep(Item::Unit).map_err(|error| error.to_string());
                (answer, image.journal().seq())
            });
            prop_assert_eq!(found, expected);
        }
    }
}

/// Arguments have JSON, not bytes, if their shape tells where each of them ends.
#[test]
fn the_arguments_of_each_shape_have_the_expected_json() {
    let disk = SimDisk::new();
    let image = options::<Archive>(1_000_000).open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    image.keep(Item::Floats { single: f32::from_bits(0x7fc0_0001), double: -0.0 }).unwrap();
    image.keep(Item::Signed(-1, 0, 0, i64::MIN, i128::MIN)).unwrap();
    image.keep(Item::Option(Some(None))).unwrap();
    image.last(1, Duration::from_secs(2)).unwrap();
    image.first(Duration::from_secs(2), 1).unwrap();
    Image::close(image).unwrap();
    let (_, lines) = export(&disk, IMAGE).unwrap();
    for expected in [
        r#""payload":{"item":{"Floats":{"single":"NaN:7fc00001","double":-0.0}}}"#,
        r#""payload":{"item":{"Signed":[-1,0,0,"-9223372036854775808","-170141183460469231731687303715884105728"]}}"#,
        r#""payload":{"item":{"Option":{"some":null}}}"#,
        r#""payload":{"number":1,"wait":"0200"}"#,
        r#""payload_bytes":"020001","payload_error":""#,
    ] {
        assert!(lines.contains(expected), "{expected}: {lines}");
    }
    assert_copied::<Archive>(&disk);
}
