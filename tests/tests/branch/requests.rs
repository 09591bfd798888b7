//! Requests that are executed once, on a branch.

use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image};
use memimage_tests::{Ledger, LedgerCommands};

use super::{BRANCH, PARENT, branch, open, options, seq};

#[test]
fn a_branch_remembers_requests_and_executes_none_of_them_again() {
    let disk = SimDisk::new();
    let image: Image<Ledger> = options().open_with(Arc::new(disk.clone()), PARENT).unwrap();
    image.once("kept").deposit(1, 5).unwrap();
    image.once("left out").deposit(1, 7).unwrap();
    image.once("later").deposit(1, 9).unwrap();
    Image::close(image).unwrap();
    branch::<Ledger>(&disk).without([seq(2)]).create().unwrap();

    let image = open::<Ledger>(&disk, BRANCH);
    assert_eq!(image.query(|ledger| ledger.accounts[&1]).unwrap(), 14);
    assert_eq!(image.once("kept").deposit(1, 5).unwrap(), 5);
    assert_eq!(image.once("later").deposit(1, 9).unwrap(), 14, "the answer is that of the branch");
    assert_eq!(image.once("left out").deposit(1, 7).unwrap_err().kind(), ErrorKind::AlreadyExecuted);
    assert_eq!(image.journal().seq(), seq(3), "nothing was executed again");
}
