//! Giving up the end of a journal, from damage on.

use super::replacement::{Replacement, make_whole};
use super::session::RepairSession;
use crate::admin::repair_action::{RepairAction, SeqRange};
use crate::error::Error;
use crate::journal::SEGMENT_HEADER;
use crate::seq::Seq;

/// Gives up event `seq` and all after it, where that is the first that is missing or damaged.
///
/// The order is one in which each crash leaves either what was damaged before, with the same place to be cut at, or an image
/// that ends there: the evidence of what is given up goes first, then the later segments, newest first; the segment with the
/// damage is replaced by one rename at the end.
pub(super) fn cut(hold: &mut RepairSession, seq: Seq) -> Result<Option<SeqRange>, Error> {
    let Some(fault) = hold.found.first_fault().cloned() else {
        let ends = hold.found.content.last.max(hold.found.base_seq()).unwrap_or(Seq::ZERO);
        return match ends.next() == seq && hold.found.first_around().is_none() {
            true => Ok(None),
            false => Err(hold.unfit_without_fault()),
        };
    };
    if fault.seq != Some(seq) {
        return Err(hold.unfit_for(&fault));
    }
    let Some(mend) = hold.found.cut(&fault) else {
        return Err(hold.unfit("what comes before it has no state to begin with".to_owned()));
    };
    debug_assert_eq!(mend.choice, RepairAction::CutFrom(seq));
    hold.revived = hold.found.revived(&fault);
    hold.layout().make_dirs(hold.disk())?;
    let kept_to = fault.offset.unwrap_or(0);
    let stays = kept_to > SEGMENT_HEADER as u64;
    let last = if stays { fault.segment } else { fault.segment.before() };
    make_whole(hold, |segment| segment < fault.segment)?;

    let replacement = if stays { Some(Replacement::prepare(hold, fault.segment, kept_to)?) } else { None };
    let durable = hold.layout().durable_file(hold.disk())?;
    let kept = durable.as_ref().map(|_| hold.keeper().copy(&hold.layout().durable())).transpose();
    let kept = kept.inspect_err(|_| {
        if let Some(replacement) = &replacement {
            replacement.discard(hold);
        }
    })?;

    hold.take_states_from(seq)?;
    let place = hold.place_in(last, if stays { kept_to as usize } else { usize::MAX })?;
    hold.announce(durable, kept, Seq::new(seq.get() - 1), place)?;
    let later = hold.found.segments.iter().rev().filter(|segment| **segment > last);
    let later = later.map(|segment| hold.found.trail.path(*segment)).collect();
    hold.take_all(later)?;
    if let Some(replacement) = replacement {
        replacement.install(hold, "ends before what was damaged")?;
    }
    Ok(mend.loses)
}
