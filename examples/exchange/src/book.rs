//! The book of one instrument: the resting orders of both sides, by price and then by time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

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

/// The orders at one price, oldest first, so in the order of their numbers; never empty.
type Level = VecDeque<Resting>;

/// One side of a book, best price first.
type Levels<K> = BTreeMap<K, Level>;

/// The resting orders of one instrument. No buyer's price reaches a seller's price, because such orders trade at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Shape)]
pub struct Book {
    bids: Levels<Reverse<Price>>,
    asks: Levels<Price>,
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
        filled: impl FnMut(OrderId),
    ) -> Matched {
        match side {
            Side::Buy => take(&mut self.asks, limit, quantity, filled),
            Side::Sell => take(&mut self.bids, limit.map(Reverse), quantity, filled),
        }
    }

    /// Adds an order that is newer than all others.
    pub(crate) fn rest(&mut self, side: Side, price: Price, resting: Resting) {
        match side {
            Side::Buy => self.bids.entry(Reverse(price)).or_default().push_back(resting),
            Side::Sell => self.asks.entry(price).or_default().push_back(resting),
        }
    }

    /// Removes an order and returns its open quantity; `None` if it is not at this place.
    pub(crate) fn remove(&mut self, side: Side, price: Price, order: OrderId) -> Option<Quantity> {
        match side {
            Side::Buy => remove(&mut self.bids, Reverse(price), order),
            Side::Sell => remove(&mut self.asks, price, order),
        }
    }

    /// The orders of one side, best price first and oldest order first.
    pub fn orders(&self, side: Side) -> impl Iterator<Item = (Price, Resting)> {
        let (bids, asks) = match side {
            Side::Buy => (Some(&self.bids), None),
            Side::Sell => (None, Some(&self.asks)),
        };
        let bids = bids.into_iter().flatten().map(|(Reverse(price), level)| (*price, level));
        let asks = asks.into_iter().flatten().map(|(price, level)| (*price, level));
        bids.chain(asks).flat_map(|(price, level)| level.iter().map(move |resting| (price, *resting)))
    }

    /// The best price of one side.
    pub fn best(&self, side: Side) -> Option<Price> {
        match side {
            Side::Buy => self.bids.keys().next().map(|Reverse(price)| *price),
            Side::Sell => self.asks.keys().next().copied(),
        }
    }
}

/// The price of a level, for both orders of prices.
trait LevelKey: Copy + Ord {
    fn price(self) -> Price;
}

impl LevelKey for Price {
    fn price(self) -> Price {
        self
    }
}

impl LevelKey for Reverse<Price> {
    fn price(self) -> Price {
        self.0
    }
}

fn take<K: LevelKey>(
    levels: &mut Levels<K>,
    limit: Option<K>,
    quantity: Quantity,
    mut filled: impl FnMut(OrderId),
) -> Matched {
    let mut matched = Matched { trades: Trades::new(), left: quantity };
    while matched.left > Quantity::ZERO
        && let Some(mut best) = levels.first_entry()
        && limit.is_none_or(|limit| *best.key() <= limit)
    {
        let price = best.key().price();
        take_level(best.get_mut(), price, &mut matched, &mut filled);
        if best.get().is_empty() {
            best.remove();
        }
    }
    matched
}

fn take_level(level: &mut Level, price: Price, matched: &mut Matched, filled: &mut impl FnMut(OrderId)) {
    while matched.left > Quantity::ZERO
        && let Some(oldest) = level.front_mut()
    {
        // the smaller of both quantities, so that no subtraction overflows
        let quantity = matched.left.min(oldest.open);
        matched.left.0 -= quantity.0;
        oldest.open.0 -= quantity.0;
        let maker = oldest.order;
        matched.trades.push(Trade { maker, price, quantity });
        if oldest.open == Quantity::ZERO {
            level.pop_front();
            filled(maker);
        }
    }
}

fn remove<K: LevelKey>(levels: &mut Levels<K>, key: K, order: OrderId) -> Option<Quantity> {
    let level = levels.get_mut(&key)?;
    let position = level.binary_search_by_key(&order, |resting| resting.order).ok()?;
    let removed = level.remove(position)?;
    if level.is_empty() {
        levels.remove(&key);
    }
    Some(removed.open)
}
