//! Corrects recorded time after a wrong reading of the clock.

use super::core::Shared;
use crate::context::Timestamp;
use crate::error::{Error, ErrorDetail};
use crate::event::Model;
use crate::journal::TimeCorrection;
use crate::log;

/// The maximum length of the reason for a correction, in bytes.
const LONGEST_REASON: usize = 4096;

impl<M: Model> Shared<M> {
    pub(super) fn correct_time(&self, to: Timestamp, reason: String) -> Result<(), Error> {
        let what = match reason.len() {
            0 => Some("the reason is recorded for later readers, so it must not be empty"),
            1..=LONGEST_REASON => None,
            _ => Some("the reason is longer than 4096 bytes"),
        };
        if let Some(what) = what {
            let value = reason.chars().take(20).collect();
            return Err(Error::new(ErrorDetail::Option { option: "reason", value, what }));
        }
        loop {
            let recorded = {
                let _entered = self.enter_to_wait("correct_time")?;
                let _core = self.core.write();
                let mut open = self.journal.open();
                if let Some(error) = open.ended() {
                    return Err(error.clone());
                }
                let from = open.time();
                if to >= from {
                    let (to, last) = (to.to_string(), from.to_string());
                    return Err(Error::new(ErrorDetail::TimeNotEarlier { to, last }));
                }
                self.journal.correct_time(&mut open, &TimeCorrection { to, from, reason: reason.clone() })
            };
            match recorded {
                Ok(()) => break,
                Err(room) => self.journal.obtain_segment(room)?,
            }
        }
        log::warning!(%to, reason, "recorded time was corrected");
        self.journal.sync()
    }
}
