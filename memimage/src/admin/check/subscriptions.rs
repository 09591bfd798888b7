//! Reports positions of named subscriptions that cannot be used.

use super::findings::add;
use super::messages;
use super::report::{CheckReport, Severity};
use crate::admin::examine::Examination;
use crate::error::Error;
use crate::history::SubscriptionInfo;

/// Reports a position that is damaged, or that the journal does not reach. The image is intact without it.
pub(super) fn positions(examination: &Examination, report: &mut CheckReport) -> Result<(), Error> {
    let Examination { disk, layout, .. } = examination;
    let Some(identity) = examination.source.identity() else { return Ok(()) };
    let uuid = identity.uuid;
    for SubscriptionInfo { name, acknowledged, .. } in SubscriptionInfo::list(disk, layout, &uuid)? {
        let path = layout.subscription(&name).acknowledged;
        match acknowledged {
            None => add(report, Severity::Warning, path, messages::damaged_position(&name)),
            // a running owner may have recorded the event after the journal was read
            Some(seq) if seq > examination.last_known() && report.owner.is_none() => {
                let message = messages::position_beyond_end(&name, seq, examination.last_known());
                add(report, Severity::Warning, path, message);
            }
            Some(_) => {}
        }
    }
    Ok(())
}
