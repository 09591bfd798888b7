//! Orders and trades: ids, sides, integer prices and quantities.

use memimage::Shape;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// The number of an instrument, such as a share, that is traded in a book of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Shape)]
pub struct Instrument(pub u16);

/// The number of an order: the seq of its event. A later order has a larger number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Shape)]
pub struct OrderId(pub u64);

/// Whether an order buys or sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Shape)]
pub enum Side {
    /// The order buys.
    Buy,
    /// The order sells.
    Sell,
}

impl Side {
    /// The side of the orders that this side trades with.
    pub fn opposite(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }

    /// Ranks the prices of orders on this side: the better a price is for the other side, the larger the number.
    pub(crate) fn merit(self, price: Price) -> u32 {
        match self {
            Side::Buy => price.0,
            Side::Sell => !price.0,
        }
    }
}

/// A price, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Shape)]
pub struct Price(pub u32);

impl Price {
    /// The lowest price of a limit order.
    pub const MIN: Price = Price(1);
    /// The highest price of a limit order.
    pub const MAX: Price = Price(1_000_000);
}

/// A quantity, in lots. Sums of quantities are `u64`: 4 billion orders cannot overflow them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Shape)]
pub struct Quantity(pub u32);

impl Quantity {
    /// Nothing.
    pub const ZERO: Quantity = Quantity(0);
}

/// A trade between a new order and an order that was already in the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// The order that was in the book.
    pub maker: OrderId,
    /// The maker's price.
    pub price: Price,
    /// The quantity that the buyer buys and the seller sells.
    pub quantity: Quantity,
}

/// Trades in the order of execution. Most orders trade with one other order at most, which needs no allocation.
pub type Trades = SmallVec<[Trade; 1]>;

/// The result of a new order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The number of the new order.
    pub order: OrderId,
    /// Its trades.
    pub trades: Trades,
    /// The quantity that was not traded at once. It rests in the book if the order is a limit order, and lapses if it is a
    /// market order.
    pub unfilled: Quantity,
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The instrument is listed already.
    #[error("the instrument {} is listed already", .0.0)]
    Listed(Instrument),
    /// The instrument is not listed.
    #[error("the instrument {} is not listed", .0.0)]
    NotListed(Instrument),
    /// The quantity is zero.
    #[error("the quantity is zero")]
    NoQuantity,
    /// The price is out of range.
    #[error("the price {} is not between {} and {}", .0.0, Price::MIN.0, Price::MAX.0)]
    PriceOutOfRange(Price),
    /// The order is filled, was cancelled, or never existed.
    #[error("the order {} is not open", .0.0)]
    NotOpen(OrderId),
}
