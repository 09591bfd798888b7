//! Tests of paths and of the parts at them.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::{Bounds, Content, Kind, Part, Path, inspect, observe};
use crate::value::Value;

#[derive(Serialize)]
struct Person {
    name: String,
    email: Option<String>,
}

#[derive(Serialize)]
enum Status {
    Closed,
    Open { price: u64 },
    Split(u32, u32),
    Moved(Place),
}

#[derive(Serialize)]
enum Place {
    Shelf(u8),
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
enum Side {
    Buy,
}

#[derive(Serialize)]
struct Id(u32);

#[derive(Serialize)]
struct State {
    people: BTreeMap<u32, Person>,
    by_text: BTreeMap<String, Vec<i8>>,
    by_pair: BTreeMap<(u8, char), Id>,
    by_side: BTreeMap<Side, f64>,
    statuses: Vec<Status>,
    pair: (u8, String),
    address: std::net::IpAddr,
}

fn state() -> State {
    let person = |name: &str, email: Option<&str>| Person { name: name.to_owned(), email: email.map(str::to_owned) };
    State {
        people: BTreeMap::from([(7, person("Ann", None)), (8, person("Bob", Some("bob@example.org")))]),
        by_text: BTreeMap::from([("a.b".to_owned(), vec![-1, 2]), (String::new(), vec![])]),
        by_pair: BTreeMap::from([((1, 'x'), Id(5))]),
        by_side: BTreeMap::from([(Side::Buy, f64::NEG_INFINITY)]),
        statuses: vec![Status::Closed, Status::Open { price: 3 }, Status::Split(1, 2), Status::Moved(Place::Shelf(4))],
        pair: (1, "two".to_owned()),
        address: [127, 0, 0, 1].into(),
    }
}

fn path(text: &str) -> Path {
    text.parse().unwrap()
}

fn at(text: &str) -> Part {
    inspect(&state(), &path(text), Bounds::default()).unwrap()
}

fn missing(text: &str) -> String {
    inspect(&state(), &path(text), Bounds::default()).unwrap_err().to_string()
}

#[test]
fn a_path_reads_back_as_it_is_written() {
    let steps =
        ["plain", "7", "a.b", "", "two words", "quote\"d", "[0]", "back\\slash", "line\nbreak", "\u{1}", "ä", "日"];
    let written: Path = steps.iter().copied().collect();
    assert_eq!(path(&written.to_string()), written, "{written}");
    assert_eq!(path(r#"a[3]["b.c"].d"#), ["a", "3", "b.c", "d"].into_iter().collect());
    assert!(path("").is_root());
}

#[test]
fn an_error_in_a_path_points_at_the_place() {
    let position = |text: &str| text.parse::<Path>().unwrap_err().position();
    assert_eq!(position("a..b"), 2);
    assert_eq!(position("a."), 2);
    assert_eq!(position(".a"), 0);
    assert_eq!(position("a[1"), 3);
    assert_eq!(position("a b"), 1);
    assert_eq!(position("a.\"b"), 4);
    assert_eq!(position(r#"ä."\q""#), 4);
    let error = "accounts..7".parse::<Path>().unwrap_err().to_string();
    assert!(error.ends_with("\n  accounts..7\n           ^"), "{error}");
}

#[test]
fn a_path_leads_through_fields_keys_items_options_and_variants() {
    for (path, text) in [
        ("people.7.name", r#""Ann""#),
        ("people.7.email", "none"),
        ("people[8].email", r#""bob@example.org""#),
        (r#"by_text."a.b".0"#, "-1"),
        (r#"by_text."""#, "[]"),
        (r#"by_pair."(1, 'x')""#, "5"),
        ("by_side.Buy", "-inf"),
        ("statuses.0", "Closed"),
        ("statuses.1.price", "3"),
        ("statuses.1.Open.price", "3"),
        ("statuses.1.Open", "{price: 3}"),
        ("statuses.2.1", "2"),
        ("statuses.3", "Moved(Shelf(4))"),
        ("statuses.3.Moved.Shelf", "4"),
        ("pair.1", r#""two""#),
        ("address", r#""127.0.0.1""#),
    ] {
        assert_eq!(at(path).to_string(), text, "{path}");
    }
    assert_eq!((at("people").kind, at("people").len), (Kind::Map, 2));
    assert_eq!((at("people.7").kind, at("people.7").name), (Kind::Record, "Person"));
    assert_eq!((at("statuses.1").name, at("statuses.1").variant), ("Status", Some("Open")));
}

#[test]
fn every_entry_is_found_by_its_key() {
    fn follow(path: &Path, part: &Part) {
        assert_eq!(inspect(&state(), path, Bounds::WHOLE).unwrap().content, part.content, "{path}");
        for entry in part.entries() {
            // the entry of a variant in a variant leads to the fields of the inner one
            if part.variant != Some("Moved") {
                follow(&path.child(entry.key.as_str()), &entry.part);
            }
        }
    }
    follow(&Path::root(), &inspect(&state(), &Path::root(), Bounds::WHOLE).unwrap());
}

#[test]
fn a_path_that_leads_nowhere_tells_where_it_ends() {
    assert_eq!(missing("people.9.name"), "there is nothing at `people.9.name`: `people` has no entry `9` among its 2");
    assert_eq!(
        missing("people.7.nam"),
        "there is nothing at `people.7.nam`: `people.7` has no field `nam`; it has name, email"
    );
    assert_eq!(missing("statuses.4"), "there is nothing at `statuses.4`: `statuses` has 4 items, numbered from 0");
    assert_eq!(missing("people.7.email.x"), "there is nothing at `people.7.email.x`: `people.7.email` is none");
    assert_eq!(missing("statuses.0.price"), "there is nothing at `statuses.0.price`: `statuses.0` is Closed");
    assert_eq!(missing("pair.0.x"), "there is nothing at `pair.0.x`: `pair.0` has no parts");
    let error = inspect(&state(), &path("people.9.name"), Bounds::default()).unwrap_err();
    assert_eq!(error.existing(), Some(path("people")));
}

#[test]
fn bounds_limit_depth_entries_and_texts() {
    let numbers: Vec<Vec<u32>> = (0..1000).map(|number| vec![number; 300]).collect();
    let part = inspect(&numbers, &Path::root(), Bounds { depth: 1, offset: 998, limit: 5, text: 4 }).unwrap();
    assert_eq!((part.len, part.entries().len(), part.entries_after()), (1000, 2, 0));
    assert_eq!(part.entries()[0].key, "998");
    assert_eq!(part.entries()[0].part.len, 300);
    assert_eq!(part.entries()[0].part.content, Content::Preview("[998, 998, 998, 998, 296 more]".to_owned()));

    let part = inspect(&numbers, &path("3"), Bounds { limit: 2, ..Bounds::default() }).unwrap();
    assert_eq!(part.to_string(), "[3, 3, 298 more]");
    let closed = inspect(&numbers, &Path::root(), Bounds { depth: 0, ..Bounds::default() }).unwrap();
    assert!(matches!(closed.content, Content::Preview(_)) && closed.len == 1000, "{closed:?}");
    let beyond = inspect(&numbers, &Path::root(), Bounds { offset: 2000, ..Bounds::default() }).unwrap();
    assert_eq!((beyond.len, beyond.entries().len()), (1000, 0));

    let text = inspect("ääää", &Path::root(), Bounds { text: 3, ..Bounds::default() }).unwrap();
    assert_eq!(text.content, Content::Scalar(Value::String("ä".to_owned())));
    assert!(text.is_cut() && text.len == 8);
}

/// A number that counts how often it is serialized.
struct Counted<'c>(&'c Cell<u32>);

impl Serialize for Counted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.set(self.0.get() + 1);
        serializer.serialize_u8(0)
    }
}

#[test]
fn what_is_not_on_the_path_or_on_the_page_is_not_serialized() {
    let count = Cell::new(0);
    let map: BTreeMap<u32, [Counted<'_>; 2]> = (0..1000).map(|key| (key, [Counted(&count), Counted(&count)])).collect();
    inspect(&map, &path("500.1"), Bounds::default()).unwrap();
    assert_eq!(count.replace(0), 1);
    inspect(&map, &Path::root(), Bounds { depth: 2, offset: 10, limit: 3, text: 0 }).unwrap();
    assert_eq!(count.replace(0), 6);
}

#[test]
fn a_tree_has_a_line_for_each_part() {
    expect_test::expect![[r#"
        State
          people: 2 entries
            7:
              name: "Ann"
              email: none
            8:
              name: "Bob"
              email: "bob@example.org"
          by_text: 2 entries
            "": []
            "a.b": 2 items
              0: -1
              1: 2
          by_pair: 1 entry
            "(1, 'x')": 5
          by_side: 1 entry
            Buy: -inf
          statuses: 4 items
            0: Closed
            1: Open
              price: 3
            2: Split
              0: 1
              1: 2
            3: Moved(Shelf(4))
          pair:
            0: 1
            1: "two"
          address: "127.0.0.1""#]]
    .assert_eq(&format!("{:#}", inspect(&state(), &Path::root(), Bounds::WHOLE).unwrap()));
}

#[test]
#[cfg(feature = "json")]
fn the_json_of_a_value_is_that_of_its_part() {
    let part = inspect(&state(), &Path::root(), Bounds::WHOLE).unwrap();
    let mut text = String::new();
    super::write_json(&state(), &Path::root(), &mut text).unwrap();
    let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(parsed, serde_json::to_value(&part).unwrap(), "{text}");
    expect_test::expect![[r#"{"people":{"7":{"name":"Ann","email":null},"8":{"name":"Bob","email":"bob@example.org"}},"by_text":{"":[],"a.b":[-1,2]},"by_pair":{"(1, 'x')":5},"by_side":{"Buy":"-inf"},"statuses":["Closed",{"Open":{"price":3}},{"Split":[1,2]},{"Moved":{"Shelf":4}}],"pair":[1,"two"],"address":"127.0.0.1"}"#]].assert_eq(&serde_json::to_string(&part).unwrap());
    expect_test::expect![[r#"
        : [
            "Closed",
            {"Open": {
              "price": 3
            }},
            {"Split": [
              1,
              2
            ]},
            {"Moved": {"Shelf": 4}}
          ],
          "pair": [
            1,
            "two"
          ],
          "address": "127.0.0.1"
        }"#]]
    .assert_eq(text.split_once("\"statuses\"").unwrap().1);

    let numbers = (u64::MAX, f32::NAN, (1_u64 << 53) - 1, i64::MIN);
    let part = inspect(&numbers, &Path::root(), Bounds::WHOLE).unwrap();
    let json = r#"["18446744073709551615","NaN",9007199254740991,"-9223372036854775808"]"#;
    assert_eq!(serde_json::to_string(&part).unwrap(), json);
}

/// The items `0..len`, each of which counts how often it is passed.
struct CountedItems<'c> {
    passed: &'c Cell<u32>,
    next: u32,
    len: u32,
}

impl Iterator for CountedItems<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.nth(0)
    }

    /// One step, as for a slice.
    fn nth(&mut self, skipped: usize) -> Option<u32> {
        self.passed.set(self.passed.get() + 1);
        let item = self.next + u32::try_from(skipped).unwrap();
        self.next = item + 1;
        (item < self.len).then_some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.len.saturating_sub(self.next) as usize;
        (left, Some(left))
    }
}

struct CountedList<'c>(&'c Cell<u32>);

impl Serialize for CountedList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(CountedItems { passed: self.0, next: 0, len: 1000 })
    }
}

#[test]
fn the_items_before_the_wanted_ones_are_passed_in_one_step() {
    let passed = Cell::new(0);
    let list = CountedList(&passed);
    assert_eq!(inspect(&list, &path("900"), Bounds::default()).unwrap().to_string(), "900");
    assert_eq!(passed.replace(0), 2);
    let page = inspect(&list, &Path::root(), Bounds { offset: 900, limit: 3, ..Bounds::default() }).unwrap();
    assert_eq!(page.to_string(), "[900 before, 900, 901, 902, 97 more]");
    assert_eq!(passed.replace(0), 4);
    let beyond = inspect(&list, &Path::root(), Bounds { offset: 2000, ..Bounds::default() }).unwrap();
    assert_eq!((beyond.len, beyond.to_string().as_str()), (1000, "[1000 before, ]"));
    for missing in ["1000", "x"] {
        let error = inspect(&list, &path(missing), Bounds::default()).unwrap_err().to_string();
        assert!(error.ends_with("the value has 1000 items, numbered from 0"), "{error}");
    }
}

/// A key that counts how often it is compared or written.
struct CountedKey<'c>(u32, &'c Cell<u32>);

impl PartialEq for CountedKey<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for CountedKey<'_> {}

impl PartialOrd for CountedKey<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CountedKey<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl Serialize for CountedKey<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.1.set(self.1.get() + 1);
        serializer.serialize_u32(self.0)
    }
}

#[test]
#[expect(clippy::mutable_key_type, reason = "the counter is no part of the order")]
fn the_keys_behind_the_wanted_one_are_not_read() {
    let count = Cell::new(0);
    let map: BTreeMap<CountedKey<'_>, u32> = (0..1000).map(|key| (CountedKey(key, &count), key)).collect();
    inspect(&map, &path("500"), Bounds::default()).unwrap();
    assert_eq!(count.replace(0), 501);
    let page = inspect(&map, &Path::root(), Bounds { offset: 900, limit: 3, ..Bounds::default() }).unwrap();
    assert_eq!(page.to_string(), "{900 before, 900: 900, 901: 901, 902: 902, 97 more}");
    assert_eq!(count.replace(0), 3);
}

#[test]
fn a_key_of_each_kind_is_found_by_its_text_and_by_no_other() {
    fn finds<K: Ord + Serialize>(keys: [K; 2], texts: [&str; 2]) {
        let map: BTreeMap<K, usize> = keys.into_iter().zip(0..).collect();
        let root = inspect(&map, &Path::root(), Bounds::default()).unwrap();
        let mut found: Vec<&str> = root.entries().iter().map(|entry| entry.key.as_str()).collect();
        found.sort_unstable();
        let mut wanted = texts;
        wanted.sort_unstable();
        assert_eq!(found, wanted);
        for (index, text) in texts.into_iter().enumerate() {
            let part = inspect(&map, &Path::root().child(text), Bounds::default()).unwrap();
            assert_eq!(part.to_string(), index.to_string(), "{text}");
            for other in [format!("0{text}"), format!("+{text}"), format!("{text} "), format!("{text}0")] {
                assert!(inspect(&map, &Path::root().child(&other), Bounds::default()).is_err(), "{other}");
            }
        }
    }
    #[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
    enum Mixed {
        Unit,
        Newtype(i8),
    }
    finds([0_u8, 7], ["0", "7"]);
    finds([-1_i8, 1], ["-1", "1"]);
    finds([u128::MAX, 1], ["340282366920938463463374607431768211455", "1"]);
    finds([i128::MIN, 1], ["-170141183460469231731687303715884105728", "1"]);
    finds([false, true], ["false", "true"]);
    finds(['a', 'ä'], ["a", "ä"]);
    finds(["", "007"], ["", "007"]);
    finds([None, Some(7)], ["none", "7"]);
    finds([(1, 'x'), (2, 'y')], ["(1, 'x')", "(2, 'y')"]);
    finds([Mixed::Unit, Mixed::Newtype(-1)], ["Unit", "Newtype(-1)"]);
    finds([std::net::Ipv6Addr::LOCALHOST, std::net::Ipv6Addr::UNSPECIFIED], ["::1", "::"]);
}

#[test]
fn a_part_that_is_observed_again_tells_only_changes() {
    let mut map = BTreeMap::from([(7, vec![1]), (8, vec![2])]);
    let first = observe(&map, &path("7")).unwrap();
    map.insert(8, vec![3]);
    assert_eq!(first.changed(&map).unwrap(), None);
    map.insert(7, vec![1, 4]);
    let second = first.changed(&map).unwrap().unwrap();
    assert_eq!(second, observe(&map, &path("7")).unwrap());
    assert_eq!(second.differences_from(&first)[0].to_string(), "7.1: absent → 4");
    map.remove(&7);
    let third = second.changed(&map).unwrap().unwrap();
    assert_eq!((third.part(), third.changed(&map).unwrap()), (None, None));
}
