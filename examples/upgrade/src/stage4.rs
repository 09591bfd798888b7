//! Stage 4: higher prices, no more gifts, and two names for a guest.
//!
//! - *A rule changed*: prices rose. Old drinks must keep their old prices on replay, or the old state would change. So `buy`
//!   got a version 3, though its arguments are the same, and the old body stays as version 2, for replay only.
//! - *A command was retired*: nobody can execute `gift` any more. Replay still executes recorded gifts.
//! - *A value upcaster* converts `issue` from version 2 to 3: a function on maps and lists, which needs no old struct. The
//!   library checks its result against the new shape. The function would also work for any other event with an `owner`.
//!
//! The lock has lines for `buy v3` and `issue v3`, and does not allow `gift` to be deleted. It keeps the shape of `issue v2`,
//! which is no longer in the source. It cannot see the new prices, because a rule is not part of a shape.

use std::collections::BTreeMap;

use memimage::{Image, Model, Shape, Value, ValueError};
use serde::{Deserialize, Serialize};

use crate::{Failure, Stage};

/// The state of the café.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(name = "cafe")]
pub struct Cafe {
    cards: BTreeMap<u32, Card>,
    guest_book: Vec<String>,
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

#[memimage::commands(lock = "locks/stage4.lock")]
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
        self.card(card).cents += cents;
    }

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

    /// Added a small gift to a card, up to stage 3.
    #[command(replay_only)]
    fn gift(&mut self, card: u32) {
        self.card(card).cents += 100;
    }

    fn is_known(&self, card: u32) -> Result<(), String> {
        if self.cards.contains_key(&card) { Ok(()) } else { Err(format!("there is no card {card}")) }
    }

    /// Writes into the guest book.
    #[command]
    pub fn sign(&mut self, text: String) {
        self.guest_book.push(text);
    }
}

impl Cafe {
    /// A card that exists, as the check of the command has found.
    fn card(&mut self, card: u32) -> &mut Card {
        self.cards.get_mut(&card).expect("a card that was sold")
    }

    fn pay(&mut self, card: u32, cents: u64) -> u64 {
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
        cafe.issue(card, "Mary".to_owned(), "Shelley".to_owned())?;
        cafe.load(card, 1000)?;
        cafe.sign("Dear, but good.".to_owned())?;
        cafe.admin().snapshot()?;
        cafe.serve(card, Drink::Espresso, 2)?;
        Ok(())
    }

    fn show(&self) -> String {
        let cards = self.cards.iter().map(|(number, card)| format!("card {number}: {}, {}\n", card.owner, card.cents));
        let entries = self.guest_book.iter().map(|text| format!("guest book: {text}\n"));
        cards.chain(entries).collect()
    }
}
