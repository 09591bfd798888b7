//! Stage 3: cards are sold empty, and can be loaded at any time.
//!
//! - *A command was split in two*. `issue` no longer takes money; the new command `load` does. An old `issue` becomes both
//!   events, or only the first if there was no money: its upcaster returns two events, the second in an `Option`.
//! - *A method was renamed*, from `buy` to `serve`. The journal records events, and the event is still called `buy`.
//!
//! The lock has lines for `load v1` and `issue v2`. It does not see the renamed method; without `name = "buy"` it would report
//! that `buy` is gone.

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

#[memimage::commands(lock = "locks/stage3.lock")]
impl Cafe {
    /// Sells an empty card with a printed number.
    #[command(version = 2, history(IssueV1), check = is_new)]
    pub fn issue(&mut self, card: u32, owner: String) {
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
    #[command(name = "buy", version = 2, history(BuyV1), check = can_serve)]
    pub fn serve(&mut self, card: u32, drink: Drink, cups: u32) -> u64 {
        self.pay(card, drink.price() * u64::from(cups))
    }

    fn can_serve(&self, card: u32, drink: Drink, cups: u32) -> Result<(), String> {
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

/// The payload of `issue` in stages 1 and 2.
#[derive(Deserialize, Shape)]
struct IssueV1 {
    card: u32,
    owner: String,
    cents: u64,
}

#[memimage::upcast]
fn issue_1_to_2(old: IssueV1) -> (CafeIssue, Option<CafeLoad>) {
    let load = CafeLoad { card: old.card, cents: old.cents };
    (CafeIssue { card: old.card, owner: old.owner }, Some(load).filter(|load| load.cents > 0))
}

/// The payload of `buy` in stage 1.
#[derive(Deserialize, Shape)]
struct BuyV1 {
    card: u32,
    drink: Drink,
}

#[memimage::upcast]
fn buy_1_to_2(old: BuyV1) -> CafeServe {
    CafeServe { card: old.card, drink: old.drink, cups: 1 }
}

impl Stage for Cafe {
    fn day(cafe: &Image<Cafe>) -> Result<(), Failure> {
        let card = cafe.query(Cafe::next_card)?;
        cafe.issue(card, "Alan Turing".to_owned())?;
        cafe.load(card, 1500)?;
        cafe.serve(card, Drink::Tea, 2)?;
        cafe.gift(card)?;
        cafe.sign("I come every day.".to_owned())?;
        Ok(())
    }

    fn show(&self) -> String {
        let cards = self.cards.iter().map(|(number, card)| format!("card {number}: {}, {}\n", card.owner, card.cents));
        let entries = self.guest_book.iter().map(|text| format!("guest book: {text}\n"));
        cards.chain(entries).collect()
    }
}
