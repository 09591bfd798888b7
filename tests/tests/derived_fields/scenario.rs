//! `memimage::testing` compares the derived fields that the commands maintain with rebuilt ones.

use std::collections::{BTreeMap, HashMap};
use std::env;
use std::process::Command;

use memimage::testing::{determinism, given, given_image, given_state, golden};
use memimage::{Image, Model, Shape};
use serde::{Deserialize, Serialize};
use tempfile::tempdir;

use super::directory::{People, PeopleAdd, PeopleCommands as _, PeopleFind, unindexed};
use super::failure;

#[test]
fn a_model_that_maintains_its_index_passes() {
    let add = |id, name: &str| PeopleAdd { id, name: name.to_owned() };
    let past = given_state(&unindexed())
        .event(add(3, "cleo"))
        .when(PeopleFind { name: "ann".to_owned() })
        .then_ok(Some(1))
        .when(add(1, "anna"))
        .then(|people| assert_eq!(people.by_name.len(), 3))
        .when(PeopleFind { name: "ann".to_owned() })
        .then_ok(None)
        .and();
    determinism(past);
}

#[test]
fn a_scenario_may_begin_with_an_image_that_has_an_index() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("people.image");
    let people = Image::<People>::open(&path).unwrap();
    people.add(1, "ann".to_owned()).unwrap();
    Image::close(people).unwrap();
    given_image::<People>(&path).when(PeopleFind { name: "ann".to_owned() }).then_ok(Some(1));
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = reindex)]
struct Tags {
    of_items: BTreeMap<u32, String>,
    #[model(derived)]
    #[serde(skip)]
    items: HashMap<String, Vec<u32>>,
}

impl Tags {
    fn reindex(&mut self) {
        self.items.clear();
        for (item, tag) in &self.of_items {
            self.items.entry(tag.clone()).or_default().push(*item);
        }
    }
}

#[memimage::commands]
impl Tags {
    #[command]
    fn tag(&mut self, item: u32, tag: String) {
        self.of_items.insert(item, tag.clone());
        self.items.entry(tag).or_default().push(item);
    }

    /// Leaves an empty list in the index.
    #[command]
    fn untag(&mut self, item: u32) {
        if let Some(tag) = self.of_items.remove(&item)
            && let Some(items) = self.items.get_mut(&tag)
        {
            items.retain(|other| *other != item);
        }
    }
}

fn tag(item: u32, tag: &str) -> TagsTag {
    TagsTag { item, tag: tag.to_owned() }
}

#[test]
#[ignore = "run by another test, with another environment"]
fn bless_a_history_that_forgets_an_index() {
    let past = given::<Tags>().event(tag(7, "red")).event(TagsUntag { item: 7 });
    golden::<Tags>(tempdir().unwrap().path()).history(past).check();
}

/// The output of the test that writes a fixture.
fn blessing() -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["scenario::bless_a_history_that_forgets_an_index", "--exact", "--ignored"]);
    let output = command.env("MEMIMAGE_BLESS", "1").env("RUST_BACKTRACE", "0").output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// The message of each function for a history after whose second event the index differs.
#[test]
fn each_function_names_the_field_the_difference_and_the_first_event() {
    let past = || given::<Tags>().event(tag(7, "red")).event(TagsUntag { item: 7 });
    let messages = [
        failure(|| drop(past().then(|_| {}))),
        failure(|| drop(past().event(tag(8, "blue")).when(tag(9, "blue")))),
        failure(|| drop(given::<Tags>().event(tag(7, "red")).when(TagsUntag { item: 7 }))),
        failure(|| determinism(past())),
        blessing(),
    ];
    // the command is not to blame for a difference that the given events left
    assert!(messages[1].starts_with("after event 2, "), "{}", messages[1]);
    for message in &messages {
        assert!(message.contains("after event 2, `untag` v1 {item: 7}: derived fields differ from"), "{message}");
        assert!(message.contains("  items[\"red\"]: [] as maintained only\n"), "{message}");
        assert!(message.contains("let the commands maintain the field as `reindex` fills it"), "{message}");
    }
}

/// The order of a list in the index is part of it: a later command may depend on it.
#[test]
fn another_order_in_the_index_is_a_difference() {
    let message = failure(|| drop(given::<Tags>().event(tag(8, "red")).when(tag(7, "red"))));
    assert!(message.contains("items[\"red\"][0]: 8 as maintained, 7 as rebuilt"), "{message}");
}

/// A model whose method changes a stored field.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = refill)]
struct Meddling {
    numbers: Vec<u32>,
    #[model(derived)]
    #[serde(skip)]
    sum: u32,
}

impl Meddling {
    fn refill(&mut self) {
        self.numbers.sort_unstable();
        self.sum = self.numbers.iter().sum();
    }
}

#[memimage::commands]
impl Meddling {
    #[command]
    fn add(&mut self, number: u32) {
        self.numbers.push(number);
        self.sum += number;
    }
}

#[test]
fn a_method_that_changes_stored_fields_is_reported_with_the_changes() {
    let message = failure(|| {
        drop(given::<Meddling>().event(MeddlingAdd { number: 2 }).event(MeddlingAdd { number: 1 }).then(|_| {}));
    });
    assert!(message.starts_with("after event 2, `add` v1 {number: 1}: `refill` changes stored fields:"), "{message}");
    assert!(message.contains("numbers[0]: 2 before, 1 after"), "{message}");
}
