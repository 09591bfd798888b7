//! Beginning a journal anew with a state that is good, without the damage before it.

use std::sync::Arc;

use super::hold::Hold;
use crate::admin::choice::Loss;
use crate::entropy::random;
use crate::error::Error;
use crate::journal::{Flaw, Maker, Place, Salts, make_continued};
use crate::keys::Keyring;
use crate::seq::{SegmentId, Seq};

/// Lets the journal begin after event `seq`, with the state in its snapshot or base.
///
/// The state stands beside the journal twice, and a segment with what comes after it is there, before any segment goes. They go
/// oldest first, so that whatever a crash leaves is cut off from the rest, or damaged in the same way as before.
pub(super) fn begin(hold: &mut Hold, seq: Seq, keyring: &Keyring) -> Result<Option<Loss>, Error> {
    let good = hold.found.states.iter().find(|state| state.seq == seq && state.flaw.is_none()).cloned();
    let Some(good) = good else {
        return Err(hold.unfit(format!("there is no good snapshot or base after event {seq}")));
    };
    let newest = hold.found.states.iter().find(|state| state.flaw.is_none()).map_or(seq, |state| state.seq);
    if newest != seq {
        return Err(
            hold.unfit(format!("there is a newer good state, after event {newest}, and this one would give up more"))
        );
    }
    match hold.found.first_fault() {
        None if hold.found.is_pruned() => return Ok(None),
        None => return Err(hold.unfit("nothing is damaged".to_owned())),
        Some(fault) if !matches!(fault.flaw, Flaw::Damaged | Flaw::Forged) => return Err(hold.unfit_for(fault)),
        Some(_) => {}
    }
    let Some(identity) = hold.found.trail.identity().cloned() else {
        return Err(hold.unfit("no segment says whose journal it is".to_owned()));
    };
    let protection = keyring.current(&identity.uuid, hold.layout().root())?;
    hold.layout().make_dirs(hold.disk())?;
    hold.install_base(&good)?;

    let (first, lost, durable, place) = match hold.found.kept_after(seq) {
        Some(first) => {
            let last = hold.found.trailed.stretches.iter().rev().find(|stretch| stretch.first.is_some());
            let last = last.map_or(first, |stretch| stretch.segment);
            (first, None, hold.found.evidence, hold.place_in(last, usize::MAX)?)
        }
        None => {
            let lost = Loss::of(seq.next(), hold.found.known());
            let segment = hold.found.segments.last().map_or(SegmentId::FIRST, |last| last.next());
            let maker = Maker {
                disk: Arc::clone(&hold.found.disk),
                layout: hold.layout().clone(),
                identity,
                epoch: hold.epoch,
                largest: LARGEST,
                protection,
            };
            let table = hold.found.content.newest.clone().unwrap_or_default();
            let align_shift = hold.found.trailed.align_shift.unwrap_or(ALIGN_SHIFT);
            let mut salts = Salts::new(u64::from_le_bytes(random()?));
            let (offset, previous) = make_continued(&maker, segment, seq.next(), &table, align_shift, &mut salts)?;
            let path = hold.found.trail.path(segment);
            hold.changed(path, "was made, to go on in", None);
            hold.take_states_from(seq.next())?;
            (segment, lost, seq, (Place { segment, offset }, previous))
        }
    };
    hold.raise(durable, place)?;
    let before = hold.found.segments.iter().filter(|segment| **segment < first);
    let before = before.map(|segment| hold.found.trail.path(*segment)).collect();
    hold.take_all(before)?;
    Ok(lost)
}

/// The length of a segment that is made here: whoever opens the image makes the next as large as it likes.
const LARGEST: u64 = 1 << 20;
/// Where frames begin if no frame is left to say it: at sectors.
const ALIGN_SHIFT: u8 = 9;
