//! Derived fields of types inside a model, of an enum, and of types that cannot be compared.

use std::collections::BTreeMap;

use memimage::disk::SimDisk;
use memimage::testing::given;
use memimage::{Image, Model, Seq, Shape};
use serde::{Deserialize, Serialize};

use super::{failure, open};

/// A generic type with an index of its own.
#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
struct Indexed<T> {
    items: Vec<T>,
    #[model(derived)]
    #[serde(skip)]
    places: BTreeMap<String, usize>,
}

impl<T> Default for Indexed<T> {
    fn default() -> Indexed<T> {
        Indexed { items: Vec::new(), places: BTreeMap::new() }
    }
}

impl<T: ToString> Indexed<T> {
    fn push(&mut self, item: T) {
        self.places.insert(item.to_string(), self.items.len());
        self.items.push(item);
    }

    fn reindex(&mut self) {
        self.places = self.items.iter().enumerate().map(|(place, item)| (item.to_string(), place)).collect();
    }
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = reindex)]
struct Shop {
    parts: BTreeMap<u8, Indexed<u32>>,
    found: Vec<usize>,
}

impl Shop {
    fn reindex(&mut self) {
        self.parts.values_mut().for_each(Indexed::reindex);
    }
}

#[memimage::commands]
impl Shop {
    #[command]
    fn add(&mut self, shelf: u8, number: u32) {
        self.parts.entry(shelf).or_default().push(number);
    }

    #[command]
    fn find(&mut self, shelf: u8, number: u32) -> Option<usize> {
        let found = self.parts.get(&shelf).and_then(|part| part.places.get(&number.to_string())).copied();
        self.found.extend(found);
        found
    }

    /// Forgets the index.
    #[command]
    fn reverse(&mut self, shelf: u8) {
        if let Some(part) = self.parts.get_mut(&shelf) {
            part.items.reverse();
        }
    }
}

#[test]
fn the_models_method_rebuilds_the_indexes_of_types_inside_it() {
    let disk = SimDisk::new();
    let shop = open::<Shop>(&disk);
    shop.add(1, 10).unwrap();
    shop.add(1, 20).unwrap();
    assert!(shop.admin().snapshot().unwrap().verified);
    assert_eq!(shop.find(1, 20).unwrap(), Some(1));
    Image::close(shop).unwrap();
    let shop = open::<Shop>(&disk);
    assert_eq!(shop.admin().stats().recovery.snapshot, Some(Seq::new(2)));
    assert_eq!(shop.query(|shop| shop.found.clone()).unwrap(), [1]);
}

#[test]
fn a_forgotten_index_inside_a_field_is_shown_by_the_fields_debug_text() {
    let message = failure(|| {
        let given = given::<Shop>().event(ShopAdd { shelf: 1, number: 10 }).event(ShopAdd { shelf: 1, number: 20 });
        drop(given.event(ShopReverse { shelf: 1 }).event(ShopAdd { shelf: 1, number: 30 }).then(|_| {}));
    });
    assert!(message.starts_with("after event 3, `reverse` v1 "), "{message}");
    assert!(message.contains("derived fields differ from what `reindex` gives:\n  parts"), "{message}");
    assert!(message.contains(".places: \"10\": 0 as maintained, \"10\": 1 as rebuilt"), "{message}");
}

/// An enum as a model. Only one variant has an index.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = refill)]
enum Account {
    #[default]
    Closed,
    Open {
        entries: Vec<i64>,
        #[model(derived)]
        #[serde(skip)]
        balance: i64,
    },
}

impl Account {
    fn refill(&mut self) {
        if let Account::Open { entries, balance } = self {
            *balance = entries.iter().sum();
        }
    }
}

#[memimage::commands]
impl Account {
    #[command]
    fn open(&mut self) {
        *self = Account::Open { entries: Vec::new(), balance: 0 };
    }

    #[command]
    fn enter(&mut self, amount: i64) -> Option<i64> {
        let Account::Open { entries, balance } = self else { return None };
        entries.push(amount);
        *balance += amount;
        Some(*balance)
    }

    /// Forgets the balance.
    #[command]
    fn undo(&mut self) {
        if let Account::Open { entries, .. } = self {
            entries.pop();
        }
    }
}

#[test]
fn a_variant_of_a_model_can_have_a_derived_field() {
    let disk = SimDisk::new();
    let account = open::<Account>(&disk);
    account.open().unwrap();
    account.enter(5).unwrap();
    assert!(account.admin().snapshot().unwrap().verified);
    Image::close(account).unwrap();
    let account = open::<Account>(&disk);
    assert_eq!(account.admin().stats().recovery.snapshot, Some(Seq::new(2)));
    assert_eq!(account.enter(1).unwrap(), Some(6));
    account.undo().unwrap();
    let error = account.admin().snapshot().unwrap_err().to_string();
    assert!(error.contains("the derived field `balance`"), "{error}");
}

/// A derived float, which is NaN for a model without values.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = refill)]
struct Mean {
    values: Vec<f64>,
    #[model(derived)]
    #[serde(skip)]
    mean: f64,
}

impl Mean {
    fn refill(&mut self) {
        self.mean = self.values.iter().sum::<f64>() / self.values.len() as f64;
    }
}

#[memimage::commands]
impl Mean {
    #[command]
    fn keep(&mut self, values: Vec<f64>) {
        self.values = values;
        self.refill();
    }
}

#[test]
fn a_derived_nan_is_no_difference() {
    given::<Mean>().when(MeanKeep { values: vec![] }).then(|mean| assert!(mean.mean.is_nan()));
    let mean = Image::<Mean>::in_memory().unwrap();
    mean.keep(vec![]).unwrap();
    assert!(mean.admin().snapshot().unwrap().verified);
}

/// A type without any trait but `Default`, so its values cannot be compared.
#[derive(Default)]
struct Total(u64);

/// A type that is only `PartialEq`.
#[derive(Default, PartialEq)]
struct Count(u64);

#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = refill)]
struct Meter {
    values: Vec<u64>,
    #[model(derived)]
    #[serde(skip)]
    total: Total,
    #[model(derived)]
    #[serde(skip)]
    count: Count,
}

impl Meter {
    fn refill(&mut self) {
        (self.total, self.count) = (Total(self.values.iter().sum()), Count(self.values.len() as u64));
    }
}

#[memimage::commands]
impl Meter {
    #[command]
    fn read(&mut self, value: u64) -> u64 {
        self.values.push(value);
        self.total.0 += value;
        self.count.0 += 1;
        self.total.0
    }

    /// Forgets the total.
    #[command]
    fn forget_total(&mut self) {
        self.values.pop();
        self.count.0 = self.values.len() as u64;
    }

    /// Forgets the count.
    #[command]
    fn forget_count(&mut self) {
        self.values.pop();
        self.total.0 = self.values.iter().sum();
    }
}

#[test]
fn a_field_that_cannot_be_compared_shows_in_the_answer_of_a_later_command() {
    let forgotten = || given::<Meter>().event(MeterRead { value: 5 }).event(MeterForgetTotal {});
    forgotten().then(|meter| assert_eq!((meter.total.0, meter.values.len()), (5, 0)));
    let message = failure(|| drop(forgotten().when(MeterRead { value: 1 }).then_ok(6)));
    assert!(message.contains("found 6, as expected, but 1 on a model that was loaded from a snapshot"), "{message}");
}

#[test]
fn a_field_that_is_only_comparable_is_named() {
    let message = failure(|| {
        drop(given::<Meter>().event(MeterRead { value: 5 }).when(MeterForgetCount {}));
    });
    assert!(message.contains("after event 2, `forget_count` v1: derived fields differ"), "{message}");
    assert!(message.contains("\n  count: the two values differ\n"), "{message}");
}
