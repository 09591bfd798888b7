//! Checks, which report no damage where none is.

use memimage::admin::{Severity, check_with};
use memimage_tests::Change;

use super::{IMAGE, Pruned, beside};

#[test]
fn a_check_finds_no_damage() {
    beside(&Change::ALL, Pruned::Never, |reading| {
        let report = check_with(reading.disk(), IMAGE)?;
        assert!(report.is_sound() && report.worst() <= Some(Severity::Note), "{report}");
        assert!(report.last >= Some(reading.began.last), "{report}");
        assert!(report.durable >= reading.began.last, "{report}");
        Ok(())
    });
}
