//! Tests of the differences between two values, and of parts of large values.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use memimage::Shape;
use memimage::inspect::{Bounds, Path, compare, inspect, observe};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape)]
struct Shop {
    stock: BTreeMap<String, Item>,
    open: Door,
    tags: HashSet<String>,
    queue: Vec<u32>,
    owner: Option<Person>,
    prices: HashMap<u32, (u32, u32)>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape)]
struct Item {
    count: u32,
    colours: HashSet<u8>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape)]
struct Person {
    name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape)]
enum Door {
    #[default]
    Closed,
    Open {
        hours: u32,
        by: Option<Person>,
    },
    Broken(Person),
}

fn shop() -> Shop {
    let item = |count| Item { count, colours: (0..9).collect() };
    Shop {
        stock: BTreeMap::from([("nail".to_owned(), item(3)), ("a.b".to_owned(), item(4))]),
        open: Door::Open { hours: 8, by: Some(Person { name: "Ann".to_owned() }) },
        tags: ["new", "old", "red"].map(str::to_owned).into(),
        queue: vec![1, 2, 3, 4],
        owner: None,
        prices: (0..20).map(|item| (item, (item, 1))).collect(),
    }
}

/// The differences after a change of the shop, as lines.
fn after(change: impl FnOnce(&mut Shop)) -> Vec<String> {
    let (before, mut after) = (shop(), shop());
    change(&mut after);
    lines(&before, &after, &Path::root())
}

fn lines<T: Shape + Serialize>(before: &T, after: &T, path: &Path) -> Vec<String> {
    let comparison = compare(before, after, path, 100).unwrap();
    assert_eq!(comparison.more, 0);
    comparison.differences.iter().map(ToString::to_string).collect()
}

fn path(text: &str) -> Path {
    text.parse().unwrap()
}

#[test]
fn equal_values_have_no_differences_whatever_the_order_of_their_sets_and_maps() {
    assert_eq!(after(|_| {}), [""; 0]);
    assert_eq!(lines(&shop(), &shop(), &path("tags")), [""; 0]);
    assert_eq!(lines(&shop(), &shop(), &path("open.hours")), [""; 0]);
}

#[test]
fn each_change_is_shown_as_far_inside_as_possible() {
    assert_eq!(after(|shop| shop.stock.get_mut("a.b").unwrap().count = 5), [r#"stock."a.b".count: 4 → 5"#]);
    assert_eq!(after(|shop| shop.prices.get_mut(&7).unwrap().1 = 2), ["prices.7.1: 1 → 2"]);
    assert_eq!(after(|shop| assert!(shop.prices.remove(&7).is_some())), ["prices.7: [7, 1] → absent"]);
    let nuts = |shop: &mut Shop| drop(shop.stock.insert("nut".to_owned(), Item::default()));
    assert_eq!(after(nuts), ["stock.nut: absent → {count: 0, colours: []}"]);
    let opened = |shop: &mut Shop| shop.open = Door::Open { hours: 9, by: None };
    assert_eq!(after(opened), ["open.hours: 8 → 9", r#"open.by: {name: "Ann"} → none"#]);
    let broken = |shop: &mut Shop| shop.open = Door::Broken(Person { name: "Bob".to_owned() });
    assert_eq!(after(broken), [r#"open: Open {hours: 8, by: {name: "Ann"}} → Broken {name: "Bob"}"#]);
    assert_eq!(after(|shop| shop.open = Door::Closed), [r#"open: Open {hours: 8, by: {name: "Ann"}} → Closed"#]);
    let owned = |shop: &mut Shop| shop.owner = Some(Person { name: "Eve".to_owned() });
    assert_eq!(after(owned), [r#"owner: none → {name: "Eve"}"#]);
}

#[test]
fn added_and_removed_items_do_not_move_the_others() {
    assert_eq!(after(|shop| assert_eq!(shop.queue.remove(0), 1)), ["queue.0: 1 → absent"]);
    assert_eq!(after(|shop| shop.queue.insert(2, 9)), ["queue.2: absent → 9"]);
    assert_eq!(after(|shop| shop.queue.push(9)), ["queue.4: absent → 9"]);
    assert_eq!(after(|shop| shop.queue[1] = 9), ["queue.1: 2 → 9"]);
    assert_eq!(after(|shop| shop.queue.swap(0, 1)), ["queue.0: 1 → 2", "queue.1: 2 → 1"]);
    let retagged = |shop: &mut Shop| {
        shop.tags.remove("old");
        shop.tags.insert("blue".to_owned());
    };
    assert_eq!(after(retagged), [r#"tags: "old" → absent"#, r#"tags: absent → "blue""#]);
    assert_eq!(
        after(|shop| assert!(shop.stock.get_mut("nail").unwrap().colours.remove(&3))),
        ["stock.nail.colours: 3 → absent"]
    );
}

#[test]
fn a_path_restricts_the_comparison() {
    let (before, mut after) = (shop(), shop());
    after.queue.clear();
    after.stock.remove("nail");
    assert_eq!(lines(&before, &after, &path("stock.nail.count")), ["stock.nail.count: 3 → absent"]);
    assert_eq!(lines(&after, &before, &path("stock.nail.count")), ["stock.nail.count: absent → 3"]);
    assert_eq!(lines(&before, &after, &path("tags")), [""; 0]);
    let error = compare(&before, &after, &path("stock.screw"), 9).unwrap_err();
    assert_eq!(error.to_string(), "there is nothing at `stock.screw`: `stock` has no entry `screw` among its 2");
}

#[test]
fn an_observation_changes_with_its_part_and_not_with_the_order_of_a_set() {
    let observed = |shop: &Shop, at: &str| observe(shop, &path(at)).unwrap();
    let (before, mut after) = (shop(), shop());
    after.tags = ["red", "old", "new"].map(str::to_owned).into();
    for _ in 0..20 {
        // each of these has another order
        let tags = Shop { tags: before.tags.iter().cloned().collect(), ..shop() };
        assert_eq!(observed(&tags, "tags"), observed(&before, "tags"));
    }
    after.queue[2] = 9;
    after.prices.insert(99, (1, 2));
    let differences = |at: &str| {
        let found = observed(&after, at).differences_from(&observed(&before, at));
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(differences("queue"), ["queue.2: 3 → 9"]);
    assert_eq!(differences("prices"), ["prices.99: absent → [1, 2]"]);
    assert_eq!(differences("tags"), [""; 0]);
}

#[test]
fn differences_beyond_the_limit_are_counted() {
    let before: BTreeMap<u32, u32> = (0..1000).map(|key| (key, key)).collect();
    let after: BTreeMap<u32, u32> = (0..1000).map(|key| (key, key + 1)).collect();
    let found = compare(&before, &after, &Path::root(), 10).unwrap();
    assert_eq!((found.differences.len(), found.more), (10, 990));
    assert_eq!(found.differences[9].to_string(), "9: 9 → 10");
}

type Nested = BTreeMap<u8, BTreeMap<u8, u8>>;

proptest! {
    #[test]
    fn the_differences_of_nested_maps_are_those_of_their_entries(
        before in proptest::collection::btree_map(0..4_u8, proptest::collection::btree_map(0..4_u8, 0..2_u8, 0..4), 0..4),
        after in proptest::collection::btree_map(0..4_u8, proptest::collection::btree_map(0..4_u8, 0..2_u8, 0..4), 0..4),
    ) {
        let found: BTreeSet<String> =
            compare(&before, &after, &Path::root(), 100).unwrap().differences.iter().map(ToString::to_string).collect();
        prop_assert_eq!(found, expected(&before, &after));
    }
}

fn expected(before: &Nested, after: &Nested) -> BTreeSet<String> {
    let shown = |value: Option<&BTreeMap<u8, u8>>| match value {
        Some(value) => inspect(value, &Path::root(), Bounds::WHOLE).unwrap().to_string(),
        None => "absent".to_owned(),
    };
    let number = |value: Option<&u8>| value.map_or_else(|| "absent".to_owned(), ToString::to_string);
    let mut lines = BTreeSet::new();
    for outer in 0..4 {
        match (before.get(&outer), after.get(&outer)) {
            (Some(a), Some(b)) => (0..4).filter(|key| a.get(key) != b.get(key)).for_each(|key| {
                lines.insert(format!("{outer}.{key}: {} → {}", number(a.get(&key)), number(b.get(&key))));
            }),
            (None, None) => {}
            (a, b) => drop(lines.insert(format!("{outer}: {} → {}", shown(a), shown(b)))),
        }
    }
    lines
}

#[test]
fn a_part_of_a_map_with_a_million_entries_is_read_quickly() {
    let people: BTreeMap<u32, Person> = (0..1_000_000).map(|key| (key, Person { name: key.to_string() })).collect();
    let begin = Instant::now();
    let part = inspect(&people, &path("999999.name"), Bounds::default()).unwrap();
    let page = inspect(&people, &Path::root(), Bounds { offset: 999_000, limit: 3, ..Bounds::default() }).unwrap();
    let time = begin.elapsed();
    assert_eq!((part.to_string().as_str(), page.len, page.entries().len()), (r#""999999""#, 1_000_000, 3));
    // this is a bound for unoptimized code on a busy machine
    assert!(time < Duration::from_secs(20), "{time:?}");
}
