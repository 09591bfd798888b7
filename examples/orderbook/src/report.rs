//! Reports on the book: its best prices as JSON, its depth as a table.

use memimage::Seq;
use serde::Serialize;

use crate::book::{Book, Level};
use crate::money::{Cents, Satoshis, decimal};

/// The best price of each side.
#[derive(Serialize)]
pub(crate) struct Best {
    seq: u64,
    orders: usize,
    bid: Option<Totals>,
    ask: Option<Totals>,
}

/// Cents, satoshis and orders at one price.
type Totals = (u64, u128, u64);

/// The best prices of the book after event `seq`.
pub(crate) fn best(seq: Seq, book: &Book) -> Best {
    let totals = |(price, level): (Cents, Level)| (price.0, level.satoshis, level.orders);
    Best {
        seq: seq.get(),
        orders: book.len(),
        bid: book.bids().next().map(totals),
        ask: book.asks().next().map(totals),
    }
}

/// A table with a line for the best price of each side, a line for the next price, and so on.
pub(crate) fn depth(book: &Book, levels: usize) -> String {
    let (mut bids, mut asks) = (book.bids().take(levels), book.asks().take(levels));
    let mut table = line(&["orders", "volume", "bid", "ask", "volume", "orders"]);
    loop {
        let (bid, ask) = (bids.next(), asks.next());
        if bid.is_none() && ask.is_none() {
            return table;
        }
        let [bid_price, bid_volume, bid_orders] = cells(bid);
        let [ask_price, ask_volume, ask_orders] = cells(ask);
        table += &line(&[bid_orders, bid_volume, bid_price, ask_price, ask_volume, ask_orders]);
    }
}

fn cells(level: Option<(Cents, Level)>) -> [String; 3] {
    level.map_or_else(Default::default, |(price, level)| {
        let price = decimal(price.0.into(), Cents::PLACES);
        [price, decimal(level.satoshis, Satoshis::PLACES), level.orders.to_string()]
    })
}

fn line(cells: &[impl AsRef<str>; 6]) -> String {
    let [bid_orders, bid_volume, bid, ask, ask_volume, ask_orders] = cells.each_ref().map(AsRef::as_ref);
    let line = format!("{bid_orders:>6} {bid_volume:>16} {bid:>13} | {ask:>13} {ask_volume:>16} {ask_orders:>6}");
    format!("{}\n", line.trim_end())
}
