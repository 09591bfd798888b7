//! A placeholder for the report to the facade `metrics`, whose feature is disabled. No value of this type can exist.

use std::path::Path;
use std::time::Duration;

use super::NewestSnapshot;

/// Nothing is reported without the feature `metrics`.
#[derive(Debug)]
pub(super) enum MetricsReport {}

impl MetricsReport {
    pub(super) fn register(_: &'static str, _: &Path) -> Option<MetricsReport> {
        None
    }

    pub(super) fn batch(&self, _: u32, _: usize) {
        match *self {}
    }

    pub(super) fn sync(&self, _: Duration) {
        match *self {}
    }

    pub(super) fn journal_bytes(&self, _: u64) {
        match *self {}
    }

    pub(super) fn newest_snapshot(&self, _: NewestSnapshot) {
        match *self {}
    }

    pub(super) fn snapshot(&self, _: Duration) {
        match *self {}
    }

    pub(super) fn snapshot_failure(&self) {
        match *self {}
    }

    pub(super) fn recovery(&self, _: u64, _: u64, _: Duration) {
        match *self {}
    }
}
