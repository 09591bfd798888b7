//! Feeds for the tests, and an independent computation of the expected results.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::program::Counts;

pub(crate) const HEADER: &str = "id,timestamp,exchange_timestamp,price,volume,action,direction\n";

/// A part of the real feed; `tests/data/README.md` describes it.
pub(crate) const BITSTAMP: &[u8] = include_bytes!("../data/bitstamp-btcusd-2000-orders.csv.gz");

pub(crate) fn bitstamp() -> String {
    let mut text = String::new();
    GzDecoder::new(BITSTAMP).read_to_string(&mut text).unwrap();
    text
}

/// A deterministic feed of `rows` rows, many of which are refused.
pub(crate) fn made_up(rows: u32) -> String {
    let mut state = 1u64;
    let mut below = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut text = HEADER.to_owned();
    for _ in 0..rows {
        let (id, price) = (below(500), 70_000 + below(100));
        let volume = ["0.0", "1e-08", "0.25", "1.53453667", "20"][below(5) as usize];
        let action = ["created", "changed", "deleted"][below(3) as usize];
        let direction = if id.is_multiple_of(2) { "bid" } else { "ask" };
        writeln!(text, "{id},0,0,{price}.5,{volume},{action},{direction}").unwrap();
    }
    text
}

/// The expected output of `ingest` and `best` after the first `limit` rows of a feed on a new image.
pub(crate) fn recount(feed: &str, limit: usize) -> (Counts, Value) {
    let mut book: HashMap<&str, (&str, u64, u64)> = HashMap::new();
    let (mut rows, mut applied) = (0, 0);
    for row in feed.lines().skip(1).take(limit) {
        let row: Vec<&str> = row.split(',').collect();
        let (id, price, volume, direction) = (row[0], units(row[3], 1e2), units(row[4], 1e8), row[6]);
        let known = book.get(id).copied();
        let applies = match (row[5], known) {
            ("created", None) => volume > 0 && book.insert(id, (direction, price, volume)).is_none(),
            ("changed", Some((side, ..))) => volume > 0 && book.insert(id, (side, price, volume)).is_some(),
            ("deleted", Some(_)) => book.remove(id).is_some(),
            _ => false,
        };
        rows += 1;
        applied += u64::from(applies);
    }
    let best = |side: &str, better: fn(u64, u64) -> u64| {
        let orders = book.values().filter(|order| order.0 == side);
        let best = orders.clone().map(|order| order.1).reduce(better)?;
        let volumes: Vec<u64> = orders.filter(|order| order.1 == best).map(|order| order.2).collect();
        Some((best, volumes.iter().sum::<u64>(), volumes.len()))
    };
    let (bid, ask) = (best("bid", u64::max), best("ask", u64::min));
    let book = json!({ "seq": applied, "orders": book.len(), "bid": bid, "ask": ask });
    (Counts { rows, applied, refused: rows - applied, seq: applied }, book)
}

/// The orders, bid satoshis and ask satoshis that the first `limit` rows of a feed create on a new image.
pub(crate) fn created(feed: &str, limit: usize) -> [u64; 3] {
    let mut open = HashSet::new();
    let mut sums = [0; 3];
    for row in feed.lines().skip(1).take(limit) {
        let row: Vec<&str> = row.split(',').collect();
        let volume = units(row[4], 1e8);
        match row[5] {
            "created" if volume > 0 && open.insert(row[0]) => {
                sums[0] += 1;
                sums[if row[6] == "bid" { 1 } else { 2 }] += volume;
            }
            "deleted" => {
                open.remove(row[0]);
            }
            _ => {}
        }
    }
    sums
}

/// With floats, unlike the program; the amounts of these feeds are small enough for that.
fn units(text: &str, scale: f64) -> u64 {
    (text.parse::<f64>().unwrap() * scale).round() as u64
}
