//! Repairs an image that does not open, as its check recommends.

use std::path::Path;
use std::sync::Arc;

use memimage::Seq;
use memimage::admin::{Repair, check_with};
use memimage::disk::SimDisk;

/// Repairs an image as its check says, until it is sound. No event up to `kept` may be lost.
///
/// # Errors
///
/// If a check or a repair fails, if one loses such an event, or if it does not end.
pub fn mend(disk: &SimDisk, path: &Path, kept: Seq) -> Result<(), String> {
    for _ in 0..6 {
        let checked = check_with(Arc::new(disk.clone()), path).map_err(|error| format!("not checked: {error}"))?;
        let Some(mend) = checked.repairs().into_iter().next() else {
            return if checked.is_sound() { Ok(()) } else { Err(format!("nothing mends it:\n{checked}")) };
        };
        if mend.lost.is_some_and(|loss| loss.first <= kept) {
            return Err(format!("{:?} would lose what was acknowledged:\n{checked}", mend.action));
        }
        let repair = Repair::new(mend.action);
        repair.run_with(Arc::new(disk.clone()), path).map_err(|error| format!("{:?}: {error}", mend.action))?;
    }
    Err("after six repairs it is not sound".to_owned())
}
