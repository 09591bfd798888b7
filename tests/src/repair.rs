//! Repairs an image as its check report recommends.

use std::path::Path;
use std::sync::Arc;

use memimage::Seq;
use memimage::admin::{Check, Repair};
use memimage::disk::SimDisk;

use crate::protection::ProtectionMode;
use crate::with_keys;

/// Applies the first repair that the check report offers until the image is sound. No repair may lose an event up to `kept`.
///
/// # Errors
///
/// If a check or a repair fails, if a repair would lose an event up to `kept`, or if the image is not sound after six repairs.
pub fn repair_until_sound(disk: &SimDisk, path: &Path, mode: ProtectionMode, kept: Seq) -> Result<(), String> {
    for _ in 0..6 {
        let checked = with_keys!(mode, Check::new()).run_with(Arc::new(disk.clone()), path);
        let report = checked.map_err(|error| format!("the check failed: {error}"))?;
        let Some(option) = report.repairs().into_iter().next() else {
            return if report.is_sound() { Ok(()) } else { Err(format!("no repair is offered:\n{report}")) };
        };
        if option.lost.is_some_and(|loss| loss.first <= kept) {
            return Err(format!("{:?} would lose acknowledged events:\n{report}", option.action));
        }
        let repair = with_keys!(mode, Repair::new(option.action));
        repair.run_with(Arc::new(disk.clone()), path).map_err(|error| format!("{:?}: {error}", option.action))?;
    }
    Err("the image is not sound after six repairs".to_owned())
}
