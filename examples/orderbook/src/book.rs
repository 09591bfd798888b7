//! The model: the open orders, their total at each price, and the progress in each file. The totals follow from the orders, so they
//! are not stored.

use std::collections::BTreeMap;

use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

use crate::money::{Cents, Satoshis};

/// The exchange's number of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Shape)]
pub(crate) struct OrderId(pub(crate) u64);

/// A bid buys, an ask sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Shape)]
pub(crate) enum Side {
    Bid,
    Ask,
}

/// An open order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Shape)]
pub(crate) struct Order {
    pub(crate) side: Side,
    pub(crate) price: Cents,
    pub(crate) volume: Satoshis,
}

/// The orders at one price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Shape)]
pub(crate) struct Level {
    /// Wider than the volume of an order, so that no feed can overflow it.
    pub(crate) satoshis: u128,
    pub(crate) orders: u64,
}

impl Level {
    fn add(&mut self, order: Order) {
        self.satoshis += u128::from(order.volume.0);
        self.orders += 1;
    }
}

/// The prices of one side, each with at least one order.
type Levels = BTreeMap<Cents, Level>;

/// The source of a command. Each command contains it, because the journal does not record refused rows and so cannot be used to count
/// rows.
#[derive(Clone, Debug, Serialize, Deserialize, Shape)]
pub(crate) struct RowId {
    /// The file's name without its directory.
    pub(crate) file: String,
    /// 1 for the first row after the header.
    pub(crate) number: u64,
}

/// The progress in a file. Rows before the last applied row were either applied or refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Shape)]
pub(crate) struct Progress {
    /// The number of the last row applied.
    pub(crate) row: u64,
    /// The order in that row, to recognise the file.
    pub(crate) order: OrderId,
    /// Rows applied.
    pub(crate) applied: u64,
}

/// Why a row is not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the order is already open")]
    Known,
    #[error("no such order is open")]
    Unknown,
    #[error("the volume is 0")]
    NoVolume,
    #[error("the row was reached before")]
    Repeated,
}

/// The order book.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = rebuild_levels)]
pub(crate) struct Book {
    orders: BTreeMap<OrderId, Order>,
    #[model(derived)]
    #[serde(skip)]
    bids: Levels,
    #[model(derived)]
    #[serde(skip)]
    asks: Levels,
    files: BTreeMap<String, Progress>,
}

#[memimage::commands]
impl Book {
    /// Opens an order.
    #[command(check = can_create)]
    pub(crate) fn create(&mut self, row: RowId, id: OrderId, order: Order) {
        self.insert(id, order);
        self.advance(row, id);
    }

    fn can_create(&self, row: &RowId, id: OrderId, order: Order) -> Result<(), Refusal> {
        self.is_new(row)?;
        has_volume(order.volume)?;
        if self.orders.contains_key(&id) { Err(Refusal::Known) } else { Ok(()) }
    }

    /// Changes the price and volume of an order. Its side stays.
    #[command(check = can_change)]
    pub(crate) fn change(&mut self, row: RowId, id: OrderId, price: Cents, volume: Satoshis) {
        let order = self.remove(id);
        self.insert(id, Order { price, volume, ..order });
        self.advance(row, id);
    }

    fn can_change(&self, row: &RowId, id: OrderId, volume: Satoshis) -> Result<(), Refusal> {
        self.is_new(row)?;
        has_volume(volume)?;
        self.is_open(id)
    }

    /// Closes an order.
    #[command(check = can_delete)]
    pub(crate) fn delete(&mut self, row: RowId, id: OrderId) {
        self.remove(id);
        self.advance(row, id);
    }

    fn can_delete(&self, row: &RowId, id: OrderId) -> Result<(), Refusal> {
        self.is_new(row)?;
        self.is_open(id)
    }
}

fn has_volume(volume: Satoshis) -> Result<(), Refusal> {
    if volume == Satoshis(0) { Err(Refusal::NoVolume) } else { Ok(()) }
}

impl Book {
    /// Counts the orders of a loaded book at their prices.
    fn rebuild_levels(&mut self) {
        (self.bids, self.asks) = Default::default();
        for order in self.orders.values() {
            let levels = match order.side {
                Side::Bid => &mut self.bids,
                Side::Ask => &mut self.asks,
            };
            levels.entry(order.price).or_default().add(*order);
        }
    }

    /// Refuses a row that was reached before, so that no row is applied twice.
    fn is_new(&self, row: &RowId) -> Result<(), Refusal> {
        if row.number <= self.progress(&row.file).row { Err(Refusal::Repeated) } else { Ok(()) }
    }

    fn is_open(&self, id: OrderId) -> Result<(), Refusal> {
        if self.orders.contains_key(&id) { Ok(()) } else { Err(Refusal::Unknown) }
    }

    fn insert(&mut self, id: OrderId, order: Order) {
        self.levels(order.side).entry(order.price).or_default().add(order);
        self.orders.insert(id, order);
    }

    fn remove(&mut self, id: OrderId) -> Order {
        let order = self.orders.remove(&id).expect("the check found the order open");
        let levels = self.levels(order.side);
        let level = levels.get_mut(&order.price).expect("an open order counts at its price");
        level.satoshis -= u128::from(order.volume.0);
        level.orders -= 1;
        if level.orders == 0 {
            levels.remove(&order.price);
        }
        order
    }

    fn levels(&mut self, side: Side) -> &mut Levels {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }

    fn advance(&mut self, row: RowId, order: OrderId) {
        let progress = self.files.entry(row.file).or_default();
        *progress = Progress { row: row.number, order, applied: progress.applied + 1 };
    }

    /// The progress in the file of this name.
    pub(crate) fn progress(&self, file: &str) -> Progress {
        self.files.get(file).copied().unwrap_or_default()
    }

    /// The number of open orders.
    pub(crate) fn len(&self) -> usize {
        self.orders.len()
    }

    /// The bids, highest first.
    pub(crate) fn bids(&self) -> impl Iterator<Item = (Cents, Level)> {
        self.bids.iter().rev().map(|(price, level)| (*price, *level))
    }

    /// The asks, lowest first.
    pub(crate) fn asks(&self) -> impl Iterator<Item = (Cents, Level)> {
        self.asks.iter().map(|(price, level)| (*price, *level))
    }
}

#[cfg(test)]
mod tests {
    use memimage::Image;

    use super::*;

    #[test]
    fn no_row_is_applied_twice() {
        let image = Image::<Book>::in_memory().unwrap();
        let row = |number| RowId { file: "feed.csv".to_owned(), number };
        let order = Order { side: Side::Bid, price: Cents(100), volume: Satoshis(1) };
        image.create(row(2), OrderId(7), order).unwrap();
        for number in [1, 2] {
            let again = image.create(row(number), OrderId(8), order).unwrap_err();
            assert_eq!(again.refusal(), Some(&Refusal::Repeated));
            let again = image.change(row(number), OrderId(7), Cents(200), Satoshis(1)).unwrap_err();
            assert_eq!(again.refusal(), Some(&Refusal::Repeated));
            let again = image.delete(row(number), OrderId(7)).unwrap_err();
            assert_eq!(again.refusal(), Some(&Refusal::Repeated));
        }
        image.delete(row(3), OrderId(7)).unwrap();
        let progress = image.query(|book| book.progress("feed.csv")).unwrap();
        assert_eq!(progress, Progress { row: 3, order: OrderId(7), applied: 2 });
    }
}
