//! Branches of the journal in another process.

use std::sync::Arc;

use memimage_tests::Change;

use super::{Pruned, beside};

/// The changes after which the journal still is complete.
const COMPLETE: [Change; 4] = [Change::Write, Change::WriteLong, Change::Reopen, Change::MakeVoid];

#[test]
fn a_branch_has_the_state_of_its_parent() {
    beside(&COMPLETE, Pruned::Never, |reading| {
        let owner = reading.owner;
        let branch = format!("/branch-{}", owner.last());
        let report = reading.journal()?.branch(&branch).segment_bytes(16 << 10).create()?;
        assert!(report.parent.seq >= reading.began.last);
        let image = owner.options(false).open_with(Arc::new(owner.disk().fork()), branch)?;
        image.query(|ledger| owner.assert_state(reading.began, report.parent.seq, ledger))
    });
}
