//! The book of one instrument: the resting orders of both sides, by price and then by time.

use std::collections::VecDeque;

use memimage::Shape;
use serde::{Deserialize, Serialize};

use crate::order::{OrderId, Price, Quantity, Side, Trade, Trades};

/// An order in the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Shape)]
pub struct Resting {
    /// The order.
    pub order: OrderId,
    /// Its quantity that is not traded yet; never zero.
    pub open: Quantity,
}

/// The resting orders of one instrument. No bid reaches the price of an ask, because such orders trade at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Shape)]
pub struct Book {
    bids: Levels,
    asks: Levels,
}

/// One side of a book: each price with orders, worst price first. Most orders come and go near the best price, which is at the
/// end, where a vector inserts and removes without moving much.
type Levels = Vec<Level>;

/// The orders of one side at one price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Shape)]
struct Level {
    price: Price,
    /// Oldest first, so in the order of their numbers; never empty.
    orders: VecDeque<Resting>,
}

/// A new order's trades, and its quantity that is left.
pub(crate) struct Matched {
    pub(crate) trades: Trades,
    pub(crate) left: Quantity,
}

impl Book {
    /// Trades a new order with the resting orders of the other side, best price first and oldest order first. Without a limit
    /// the order trades at any price. Calls `filled` for each resting order that leaves the book.
    pub(crate) fn take(
        &mut self,
        side: Side,
        limit: Option<Price>,
        quantity: Quantity,
        mut filled: impl FnMut(OrderId),
    ) -> Matched {
        let makers = side.opposite();
        let worst = limit.map_or(0, |limit| makers.merit(limit));
        let levels = self.levels_mut(makers);
        let mut matched = Matched { trades: Trades::new(), left: quantity };
        while matched.left > Quantity::ZERO
            && let Some(best) = levels.last_mut()
            && makers.merit(best.price) >= worst
        {
            best.take(&mut matched, &mut filled);
            if best.orders.is_empty() {
                levels.pop();
            }
        }
        matched
    }

    /// Adds an order that is newer than all others.
    pub(crate) fn rest(&mut self, side: Side, price: Price, resting: Resting) {
        let levels = self.levels_mut(side);
        let found = find(levels, side, price).unwrap_or_else(|place| {
            levels.insert(place, Level { price, orders: VecDeque::new() });
            place
        });
        levels[found].orders.push_back(resting);
    }

    /// Removes an order and returns its open quantity; `None` if it is not at this place.
    pub(crate) fn remove(&mut self, side: Side, price: Price, order: OrderId) -> Option<Quantity> {
        let levels = self.levels_mut(side);
        let found = find(levels, side, price).ok()?;
        let orders = &mut levels[found].orders;
        let position = orders.binary_search_by_key(&order, |resting| resting.order).ok()?;
        let removed = orders.remove(position)?;
        if orders.is_empty() {
            levels.remove(found);
        }
        Some(removed.open)
    }

    /// The orders of one side, best price first and oldest order first.
    pub fn orders(&self, side: Side) -> impl Iterator<Item = (Price, Resting)> {
        let levels = self.levels(side).iter().rev();
        levels.flat_map(|level| level.orders.iter().map(|resting| (level.price, *resting)))
    }

    /// The best price of one side.
    pub fn best(&self, side: Side) -> Option<Price> {
        self.levels(side).last().map(|level| level.price)
    }

    fn levels(&self, side: Side) -> &Levels {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn levels_mut(&mut self, side: Side) -> &mut Levels {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

impl Level {
    /// Trades a new order with the orders at this price.
    fn take(&mut self, matched: &mut Matched, filled: &mut impl FnMut(OrderId)) {
        while matched.left > Quantity::ZERO
            && let Some(oldest) = self.orders.front_mut()
        {
            // the smaller of both quantities, so that no subtraction overflows
            let quantity = matched.left.min(oldest.open);
            matched.left.0 -= quantity.0;
            oldest.open.0 -= quantity.0;
            let maker = oldest.order;
            matched.trades.push(Trade { maker, price: self.price, quantity });
            if oldest.open == Quantity::ZERO {
                self.orders.pop_front();
                filled(maker);
            }
        }
    }
}

/// The index of the level with this price, or the index at which to insert it.
fn find(levels: &Levels, side: Side, price: Price) -> Result<usize, usize> {
    levels.binary_search_by_key(&side.merit(price), |level| side.merit(level.price))
}
