//! Stage 5: the sum of the money on all cards, and a guest book for card holders.
//!
//! - *The model changed*: it has a new sum, and another guest book. Without a declaration, recovery would skip the older
//!   snapshots and replay the whole journal. With a version, the old shape as `CafeV1`, and an upcaster, the snapshots of
//!   stage 4 stay usable. Replayed events act on the new model, so even the retired `gift` adds to the sum.
//! - *Events were dropped*: entries in the guest book without a card disappear. The upcaster of `sign` returns nothing.
//! - *The commands are in groups*, each in a module of its own, as in a model with many commands. The journal does not record
//!   groups.
//!
//! The lock has a line for `sign v2`. Groups do not change it, and it does not contain the shape of the model: a model may
//! change at any time.

use std::collections::BTreeMap;

use memimage::{Image, Model, Shape, Value, ValueError};
use serde::{Deserialize, Serialize};

use crate::{Failure, Stage};

/// The state of the café.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(name = "cafe", version = 2, history(CafeV1), groups(Cards, Counter))]
pub struct Cafe {
    cards: BTreeMap<u32, Card>,
    /// The money on all cards.
    owed: u64,
    guest_book: Vec<Entry>,
}

#[derive(Serialize, Deserialize, Shape)]
struct Entry {
    card: u32,
    text: String,
}

#[derive(Serialize, Deserialize, Shape)]
struct Card {
    owner: String,
    cents: u64,
}

/// The drinks on the menu.
#[derive(Clone, Copy, Serialize, Deserialize, Shape)]
pub enum Drink {
    /// A small cup.
    Espresso,
    /// A pot.
    Tea,
    /// With cream.
    Cocoa,
}

impl Drink {
    fn price(self) -> u64 {
        match self {
            Drink::Espresso => 280,
            Drink::Tea => 230,
            Drink::Cocoa => 330,
        }
    }

    /// The price up to stage 3.
    fn old_price(self) -> u64 {
        match self {
            Drink::Espresso => 250,
            Drink::Tea => 200,
            Drink::Cocoa => 300,
        }
    }
}

#[memimage::commands(group = Cards, lock = "locks/stage5.lock")]
impl Cafe {
    /// Sells an empty card with a printed number.
    #[command(version = 3, history(IssueV1, value = two_names), check = is_new)]
    pub fn issue(&mut self, card: u32, first: String, last: String) {
        let owner = format!("{first} {last}").trim().to_owned();
        self.cards.insert(card, Card { owner, cents: 0 });
    }

    fn is_new(&self, card: u32) -> Result<(), String> {
        if self.cards.contains_key(&card) { Err(format!("card {card} is sold already")) } else { Ok(()) }
    }

    /// Adds money to a card.
    #[command(check = is_known)]
    pub fn load(&mut self, card: u32, cents: u64) {
        self.add(card, cents);
    }

    fn is_known(&self, card: u32) -> Result<(), String> {
        if self.cards.contains_key(&card) { Ok(()) } else { Err(format!("there is no card {card}")) }
    }

    /// Added a small gift to a card, up to stage 3.
    #[command(replay_only)]
    fn gift(&mut self, card: u32) {
        self.add(card, 100);
    }
}

#[memimage::commands(group = Counter, lock = "locks/stage5.lock")]
impl Cafe {
    /// Takes the price of some cups from a card, and returns the remaining money.
    #[command(name = "buy", version = 3, check = can_serve)]
    pub fn serve(&mut self, card: u32, drink: Drink, cups: u32) -> u64 {
        self.pay(card, drink.price() * u64::from(cups))
    }

    fn can_serve(&self, card: u32, drink: Drink, cups: u32) -> Result<(), String> {
        self.can_pay(card, drink.price() * u64::from(cups))
    }

    /// Serves cups at the prices up to stage 3.
    #[command(name = "buy", version = 2, history(BuyV1), replay_only)]
    fn serve_at_old_prices(&mut self, card: u32, drink: Drink, cups: u32) -> u64 {
        self.pay(card, drink.old_price() * u64::from(cups))
    }

    /// Writes into the guest book.
    #[command(version = 2, history(SignV1), check = has_card)]
    pub fn sign(&mut self, card: u32, text: String) {
        self.guest_book.push(Entry { card, text });
    }

    fn has_card(&self, card: u32) -> Result<(), String> {
        self.is_known(card)
    }
}

impl Cafe {
    /// A card that exists, as the check of the command has found.
    fn card(&mut self, card: u32) -> &mut Card {
        self.cards.get_mut(&card).expect("a card that was sold")
    }

    fn add(&mut self, card: u32, cents: u64) {
        self.card(card).cents += cents;
        self.owed += cents;
    }

    fn pay(&mut self, card: u32, cents: u64) -> u64 {
        self.owed -= cents;
        let card = self.card(card);
        card.cents -= cents;
        card.cents
    }

    fn can_pay(&self, card: u32, cents: u64) -> Result<(), String> {
        match self.cards.get(&card) {
            None => Err(format!("there is no card {card}")),
            Some(Card { cents: there, .. }) if *there < cents => Err(format!("card {card} has {there} cents left")),
            Some(_) => Ok(()),
        }
    }

    fn next_card(&self) -> u32 {
        self.cards.keys().next_back().map_or(1, |last| last + 1)
    }
}

/// The model in the snapshots of stage 4 and earlier.
#[derive(Serialize, Deserialize, Shape)]
struct CafeV1 {
    cards: BTreeMap<u32, Card>,
    guest_book: Vec<String>,
}

#[memimage::upcast]
fn cafe_1_to_2(old: CafeV1) -> Cafe {
    drop(old.guest_book); // as its events are
    let owed = old.cards.values().map(|card| card.cents).sum();
    Cafe { cards: old.cards, owed, guest_book: Vec::new() }
}

/// The payload of `sign` up to stage 4.
#[derive(Deserialize, Shape)]
struct SignV1 {
    text: String,
}

#[memimage::upcast]
fn sign_1_to_none(old: SignV1) {
    drop(old.text);
}

/// The payload of `issue` in stages 1 and 2.
#[derive(Deserialize, Shape)]
struct IssueV1 {
    card: u32,
    owner: String,
    cents: u64,
}

#[memimage::upcast]
fn issue_1_to_3(old: IssueV1) -> (CafeIssue, Option<CafeLoad>) {
    let load = CafeLoad { card: old.card, cents: old.cents };
    let (first, last) = first_and_last(&old.owner);
    (CafeIssue { card: old.card, first, last }, Some(load).filter(|load| load.cents > 0))
}

/// Replaces the `owner` of an event by `first` and `last`.
fn two_names(mut event: Value) -> Result<Value, ValueError> {
    let (first, last) = first_and_last(&event.take::<String>("owner")?);
    event.insert("first", first)?;
    event.insert("last", last)?;
    Ok(event)
}

fn first_and_last(owner: &str) -> (String, String) {
    let (first, last) = owner.split_once(' ').unwrap_or(("", owner));
    (first.to_owned(), last.to_owned())
}

/// The payload of `buy` in stage 1.
#[derive(Deserialize, Shape)]
struct BuyV1 {
    card: u32,
    drink: Drink,
}

#[memimage::upcast]
fn buy_1_to_2(old: BuyV1) -> CafeServeAtOldPrices {
    CafeServeAtOldPrices { card: old.card, drink: old.drink, cups: 1 }
}

impl Stage for Cafe {
    fn day(cafe: &Image<Cafe>) -> Result<(), Failure> {
        let card = cafe.query(Cafe::next_card)?;
        cafe.issue(card, "Emmy".to_owned(), "Noether".to_owned())?;
        cafe.load(card, 900)?;
        cafe.serve(card, Drink::Cocoa, 1)?;
        cafe.sign(card, "Best in town.".to_owned())?;
        Ok(())
    }

    fn show(&self) -> String {
        let cards = self.cards.iter().map(|(number, card)| format!("card {number}: {}, {}\n", card.owner, card.cents));
        let entries = self.guest_book.iter().map(|entry| format!("guest book, card {}: {}\n", entry.card, entry.text));
        cards.chain([format!("owed: {}\n", self.owed)]).chain(entries).collect()
    }
}
