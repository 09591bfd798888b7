//! Followers. The tests in `follower/races.rs` have more cases of void events.

use memimage::{ErrorKind, Follower, Image};
use memimage_tests::{Change, Ledger, wait_until};

use super::{IMAGE, Pruned, Reading, beside, beside_until};

/// A follower makes calls for as long as it follows. Of these, so many are tried.
const CALLS: u64 = 150;

/// Waits until the follower has the state of the owner, who may change it meanwhile.
fn assert_follows(reading: &Reading<'_>, follower: &Follower<Ledger>) {
    let is_newest = || follower.query(|ledger| reading.owner.is_newest(ledger));
    wait_until("the follower has the state of the owner", || is_newest().unwrap_or_else(|error| panic!("{error}")));
}

#[test]
fn a_follower_opens_and_follows() {
    beside(&Change::ALL, Pruned::Never, |reading| {
        let follower = reading.options().follow_with(reading.disk(), IMAGE)?;
        follower.query(|ledger| assert!(ledger.filed > 0))?;
        assert_follows(reading, &follower);
        Ok(())
    });
}

#[test]
fn a_follower_goes_on_and_takes_over() {
    beside_until(CALLS, &Change::ALL, Pruned::Never, |reading| {
        let follower = reading.options().follow_with(reading.disk(), IMAGE)?;
        reading.change.restart();
        wait_until("the change", || reading.change.has_run());
        assert_follows(reading, &follower);
        let (began, _) = (reading.owner.begin(), reading.owner.end());
        let image = follower.promote().map_err(|error| error.error().clone())?;
        assert_eq!(image.journal().seq(), began.last);
        image.query(|ledger| reading.owner.assert_state(began, began.last, ledger))?;
        Image::close(image)
    });
}

#[test]
fn a_follower_verifies_its_state() {
    beside_until(CALLS, &Change::ALL, Pruned::Never, |reading| {
        let follower = reading.options().follow_with(reading.disk(), IMAGE)?;
        reading.change.restart();
        while !reading.change.has_run() {
            let verified = follower.verify()?;
            assert!(verified >= reading.began.last);
        }
        assert_follows(reading, &follower);
        Ok(())
    });
}

/// A takeover is refused while the owner lives.
#[test]
fn a_follower_takes_over_from_an_owner_that_changes_the_image_meanwhile() {
    beside(&Change::ALL, Pruned::Never, |reading| {
        let follower = reading.options().follow_with(reading.disk(), IMAGE)?;
        reading.change.restart();
        let refused = follower.promote().map(drop).expect_err("the owner lives");
        assert_eq!(refused.error().kind(), ErrorKind::Locked);
        assert_follows(reading, &refused.into_follower());
        Ok(())
    });
}
