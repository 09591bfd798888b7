//! A projection: the volume of new orders by minute, which the book itself does not hold.

use std::collections::BTreeMap;
use std::path::Path;

use memimage::{EventInfo, Journal, Projection, Shape};
use serde::{Deserialize, Serialize};

use crate::book::{Book, BookCreate, Side};

/// The volume of new orders, by the minute in which they were recorded.
#[derive(Debug, Default, Serialize, Deserialize, Shape)]
pub(crate) struct Volume {
    /// The minutes since 1970.
    minutes: BTreeMap<u64, Minute>,
}

/// The new orders of one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Shape)]
struct Minute {
    orders: u64,
    bid_satoshis: u128,
    ask_satoshis: u128,
}

#[memimage::projection(of = Book, version = 1)]
impl Volume {
    #[on]
    fn created(&mut self, event: &BookCreate, info: &EventInfo<'_>) {
        let minute = self.minutes.entry(info.time().as_secs() / 60).or_default();
        minute.orders += 1;
        let satoshis = u128::from(event.order.volume.0);
        match event.order.side {
            Side::Bid => minute.bid_satoshis += satoshis,
            Side::Ask => minute.ask_satoshis += satoshis,
        }
    }
}

/// Brings the projection in the directory `projection` up to date with the image, and returns a line of JSON for each minute.
pub(crate) fn volume(image: &Path, projection: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let volume = Projection::<Volume>::open(&Journal::<Book>::open(image)?, projection)?;
    let lines = volume.query(|volume| -> Result<String, serde_json::Error> {
        let line = |(minute, totals): (&u64, &Minute)| {
            let Minute { orders, bid_satoshis, ask_satoshis } = totals;
            serde_json::to_string(&(minute, orders, bid_satoshis, ask_satoshis)).map(|line| line + "\n")
        };
        volume.minutes.iter().map(line).collect()
    })??;
    volume.close()?;
    Ok(lines)
}
