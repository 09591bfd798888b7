//! The model: a book for each instrument, and the place of each open order.

use std::collections::{BTreeMap, HashMap};

use memimage::{Context, Model, Shape};
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

use crate::book::{Book, Resting};
use crate::order::{Execution, Instrument, OrderId, Price, Quantity, Refusal, Side};

/// The place of an open order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Shape)]
struct Place {
    instrument: Instrument,
    side: Side,
    price: Price,
}

/// The matching engine. An order trades with the best prices of the other side first, and at one price with the oldest orders
/// first. A trade has the price of the order that was in the book.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = rebuild_places)]
pub struct Exchange {
    books: BTreeMap<Instrument, Book>,
    /// Follows from the books.
    #[model(derived)]
    #[serde(skip)]
    places: HashMap<OrderId, Place, FxBuildHasher>,
}

#[memimage::commands(derive(Clone, Copy, Debug))]
impl Exchange {
    /// Lists an instrument, with an empty book.
    #[command(check = can_list)]
    pub fn list(&mut self, instrument: Instrument) {
        self.books.insert(instrument, Book::default());
    }

    pub(crate) fn can_list(&self, instrument: Instrument) -> Result<(), Refusal> {
        if self.books.contains_key(&instrument) { Err(Refusal::Listed(instrument)) } else { Ok(()) }
    }

    /// Buys or sells at the limit price or a better one. The quantity that is not traded at once rests in the book.
    #[command(check = can_limit)]
    pub fn limit(
        &mut self,
        instrument: Instrument,
        side: Side,
        price: Price,
        quantity: Quantity,
        ctx: &Context,
    ) -> Execution {
        self.execute_limit(OrderId(ctx.seq().get()), instrument, side, price, quantity)
    }

    pub(crate) fn can_limit(&self, instrument: Instrument, price: Price, quantity: Quantity) -> Result<(), Refusal> {
        if !(Price::MIN..=Price::MAX).contains(&price) {
            return Err(Refusal::PriceOutOfRange(price));
        }
        self.can_market(instrument, quantity)
    }

    /// Buys or sells at once, at any price. The quantity that is not traded lapses.
    #[command(check = can_market)]
    pub fn market(&mut self, instrument: Instrument, side: Side, quantity: Quantity, ctx: &Context) -> Execution {
        self.execute_market(OrderId(ctx.seq().get()), instrument, side, quantity)
    }

    pub(crate) fn can_market(&self, instrument: Instrument, quantity: Quantity) -> Result<(), Refusal> {
        if quantity == Quantity::ZERO {
            return Err(Refusal::NoQuantity);
        }
        if self.books.contains_key(&instrument) { Ok(()) } else { Err(Refusal::NotListed(instrument)) }
    }

    /// Removes an open order from its book, and returns the quantity that was not traded.
    #[command(check = can_cancel)]
    pub fn cancel(&mut self, order: OrderId) -> Quantity {
        self.execute_cancel(order)
    }

    pub(crate) fn can_cancel(&self, order: OrderId) -> Result<(), Refusal> {
        if self.places.contains_key(&order) { Ok(()) } else { Err(Refusal::NotOpen(order)) }
    }
}

/// The bodies of the commands, without a context: the number of a new order is an argument.
impl Exchange {
    pub(crate) fn execute_limit(
        &mut self,
        order: OrderId,
        instrument: Instrument,
        side: Side,
        price: Price,
        quantity: Quantity,
    ) -> Execution {
        let book = self.books.get_mut(&instrument).expect("the check found the instrument");
        let matched = book.take(side, Some(price), quantity, |filled| {
            self.places.remove(&filled);
        });
        if matched.left > Quantity::ZERO {
            book.rest(side, price, Resting { order, open: matched.left });
            self.places.insert(order, Place { instrument, side, price });
        }
        Execution { order, trades: matched.trades, unfilled: matched.left }
    }

    pub(crate) fn execute_market(
        &mut self,
        order: OrderId,
        instrument: Instrument,
        side: Side,
        quantity: Quantity,
    ) -> Execution {
        let book = self.books.get_mut(&instrument).expect("the check found the instrument");
        let matched = book.take(side, None, quantity, |filled| {
            self.places.remove(&filled);
        });
        Execution { order, trades: matched.trades, unfilled: matched.left }
    }

    pub(crate) fn execute_cancel(&mut self, order: OrderId) -> Quantity {
        let Place { instrument, side, price } = self.places.remove(&order).expect("the check found the order");
        let book = self.books.get_mut(&instrument).expect("an open order is in a book");
        book.remove(side, price, order).expect("an open order is at its place")
    }

    /// Finds the places of a loaded exchange's orders.
    fn rebuild_places(&mut self) {
        self.places.clear();
        for (&instrument, book) in &self.books {
            for side in [Side::Buy, Side::Sell] {
                let places =
                    book.orders(side).map(|(price, resting)| (resting.order, Place { instrument, side, price }));
                self.places.extend(places);
            }
        }
    }

    /// The instruments and their books.
    pub fn books(&self) -> impl Iterator<Item = (Instrument, &Book)> {
        self.books.iter().map(|(instrument, book)| (*instrument, book))
    }

    /// The book of an instrument, if it is listed.
    pub fn book(&self, instrument: Instrument) -> Option<&Book> {
        self.books.get(&instrument)
    }

    /// The number of open orders.
    pub fn open_orders(&self) -> usize {
        self.places.len()
    }

    /// Whether the order is open.
    pub fn is_open(&self, order: OrderId) -> bool {
        self.places.contains_key(&order)
    }
}
