//! A model that replays quickly and fills segments evenly, for suites that open an image a million times.

use std::collections::BTreeMap;

use memimage::{Context, Model, Shape};
use serde::{Deserialize, Serialize};

/// Pages of text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
pub struct Book {
    /// The last three pages by their numbers.
    pub pages: BTreeMap<u32, String>,
    /// The number of pages written or torn out.
    pub writes: u64,
    /// The last random value drawn.
    pub drawn: u64,
}

/// The page does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no page {0}")]
pub struct NoPage(pub u32);

#[memimage::commands]
impl Book {
    /// Writes a page; only the last three are kept.
    #[command]
    pub fn write(&mut self, page: u32, text: String) {
        self.pages.insert(page, text);
        self.writes += 1;
        while self.pages.len() > 3 {
            self.pages.pop_first();
        }
    }

    /// Tears a page out. If the page does not exist, the call is rejected, which is recorded too.
    #[command]
    pub fn tear(&mut self, page: u32) -> Result<(), NoPage> {
        self.writes += 1;
        self.pages.remove(&page).map(drop).ok_or(NoPage(page))
    }

    /// Draws a random value.
    #[command]
    pub fn draw(&mut self, ctx: &Context) -> u64 {
        self.drawn = ctx.random().u64();
        self.drawn
    }
}
