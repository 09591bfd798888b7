//! Stage 1, the beginning: a café sells cards with money on them, and has a guest book.

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
}

impl Drink {
    fn price(self) -> u64 {
        match self {
            Drink::Espresso => 250,
            Drink::Tea => 200,
        }
    }
}

#[memimage::commands(lock = "locks/stage1.lock")]
impl Cafe {
    /// Sells a card with a printed number and a first amount of money.
    #[command(check = is_new)]
    pub fn issue(&mut self, card: u32, owner: String, cents: u64) {
        self.cards.insert(card, Card { owner, cents });
    }

    fn is_new(&self, card: u32) -> Result<(), String> {
        if self.cards.contains_key(&card) { Err(format!("card {card} is sold already")) } else { Ok(()) }
    }

    /// Takes the price of a drink from a card, and returns the remaining money.
    #[command(check = can_buy)]
    pub fn buy(&mut self, card: u32, drink: Drink) -> u64 {
        self.pay(card, drink.price())
    }

    fn can_buy(&self, card: u32, drink: Drink) -> Result<(), String> {
        self.can_pay(card, drink.price())
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

impl Stage for Cafe {
    fn day(cafe: &Image<Cafe>) -> Result<(), Failure> {
        let card = cafe.query(Cafe::next_card)?;
        cafe.issue(card, "Ada King".to_owned(), 1000)?;
        cafe.issue(card + 1, "Max Bell".to_owned(), 0)?;
        cafe.buy(card, Drink::Espresso)?;
        cafe.buy(card, Drink::Tea)?;
        cafe.gift(card + 1)?;
        cafe.sign("Strong espresso.".to_owned())?;
        Ok(())
    }

    fn show(&self) -> String {
        let cards = self.cards.iter().map(|(number, card)| format!("card {number}: {}, {}\n", card.owner, card.cents));
        let entries = self.guest_book.iter().map(|text| format!("guest book: {text}\n"));
        cards.chain(entries).collect()
    }
}
