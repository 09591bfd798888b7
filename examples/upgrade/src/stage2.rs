//! Stage 2: several cups at once, and cocoa.
//!
//! - *A field was added* to `buy`. That changes its shape, so `buy` is now at version 2. The struct `BuyV1` keeps the old
//!   shape, and an upcaster converts an old event: one cup.
//! - *A variant was appended* to `Drink`. An old event cannot contain it, so `Drink` needs no version.
//!
//! The lock refused the new argument until the version was raised and `BuyV1` had the old shape. Once blessed, it has a line
//! for `buy v2`, and the cocoa in both lines of `buy`.

use std::collections::BTreeMap;

use memimage::{Image, Model, Shape};
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
            Drink::Espresso => 250,
            Drink::Tea => 200,
            Drink::Cocoa => 300,
        }
    }
}

#[memimage::commands(lock = "locks/stage2.lock")]
impl Cafe {
    /// Sells a card with a printed number and a first amount of money.
    #[command(check = is_new)]
    pub fn issue(&mut self, card: u32, owner: String, cents: u64) {
        self.cards.insert(card, Card { owner, cents });
    }

    fn is_new(&self, card: u32) -> Result<(), String> {
        if self.cards.contains_key(&card) { Err(format!("card {card} is sold already")) } else { Ok(()) }
    }

    /// Takes the price of some cups from a card, and returns the remaining money.
    #[command(version = 2, history(BuyV1), check = can_buy)]
    pub fn buy(&mut self, card: u32, drink: Drink, cups: u32) -> u64 {
        self.pay(card, drink.price() * u64::from(cups))
    }

    fn can_buy(&self, card: u32, drink: Drink, cups: u32) -> Result<(), String> {
        self.can_pay(card, drink.price() * u64::from(cups))
    }

    /// Adds a small gift to a card.
    #[command(check = is_known)]
    pub fn gift(&mut self, card: u32) {
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

/// The payload of `buy` in stage 1.
#[derive(Deserialize, Shape)]
struct BuyV1 {
    card: u32,
    drink: Drink,
}

#[memimage::upcast]
fn buy_1_to_2(old: BuyV1) -> CafeBuy {
    CafeBuy { card: old.card, drink: old.drink, cups: 1 }
}

impl Stage for Cafe {
    fn day(cafe: &Image<Cafe>) -> Result<(), Failure> {
        let card = cafe.query(Cafe::next_card)?;
        cafe.issue(card, "Grace Hopper".to_owned(), 2000)?;
        cafe.buy(card, Drink::Cocoa, 3)?;
        cafe.buy(card, Drink::Espresso, 1)?;
        cafe.gift(card)?;
        cafe.sign("Cocoa at last.".to_owned())?;
        Ok(())
    }

    fn show(&self) -> String {
        let cards = self.cards.iter().map(|(number, card)| format!("card {number}: {}, {}\n", card.owner, card.cents));
        let entries = self.guest_book.iter().map(|text| format!("guest book: {text}\n"));
        cards.chain(entries).collect()
    }
}
