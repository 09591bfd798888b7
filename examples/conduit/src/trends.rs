//! How often tags were used, and when: a projection, because the model keeps only the articles of today.

use std::collections::BTreeMap;

use memimage::{EventInfo, Shape, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::Conduit;
use crate::model::articles::ConduitPublish;
use crate::text::Tag;

const MICROS_A_DAY: u64 = 24 * 60 * 60 * 1_000_000;

/// The number of articles that were published with a tag, by day.
#[derive(Default, Serialize, Deserialize, Shape)]
pub struct Trends {
    days: BTreeMap<u64, BTreeMap<Tag, u64>>,
}

#[memimage::projection(of = Conduit)]
impl Trends {
    #[on]
    fn publish(&mut self, event: &ConduitPublish, info: &EventInfo<'_>) {
        let day = self.days.entry(info.time().as_micros() / MICROS_A_DAY).or_default();
        for tag in &event.tags {
            *day.entry(tag.clone()).or_default() += 1;
        }
    }
}

impl Trends {
    /// The tags since the day of this time, the most used first.
    pub fn since(&self, time: Timestamp) -> Vec<(String, u64)> {
        let mut used: BTreeMap<&Tag, u64> = BTreeMap::new();
        for day in self.days.range(time.as_micros() / MICROS_A_DAY..).map(|(_, day)| day) {
            for (tag, number) in day {
                *used.entry(tag).or_default() += number;
            }
        }
        let mut tags: Vec<_> = used.into_iter().map(|(tag, number)| (tag.as_str().to_owned(), number)).collect();
        tags.sort_by(|(tag_a, a), (tag_b, b)| b.cmp(a).then_with(|| tag_a.cmp(tag_b)));
        tags
    }
}
