//! Several versions, each upcast to the next.

use std::path::PathBuf;
use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{Image, Metadata, Seq};
use memimage_tests::{changed, files};
use tempfile::tempdir;

use super::{open, options};

/// The first program: accounts are numbers, and amounts have 32 bits.
mod first {
    use std::collections::BTreeMap;

    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Bank {
        pub accounts: BTreeMap<u32, u64>,
    }

    #[memimage::commands]
    impl Bank {
        #[command]
        pub fn deposit(&mut self, account: u32, cents: u32) {
            *self.accounts.entry(account).or_default() += u64::from(cents);
        }
    }
}

/// The second program: a deposit has a memo.
mod second {
    use std::collections::BTreeMap;

    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Bank {
        pub accounts: BTreeMap<u32, u64>,
        pub memos: Vec<String>,
    }

    #[derive(Deserialize, Shape)]
    pub struct DepositV1 {
        pub account: u32,
        pub cents: u32,
    }

    #[memimage::upcast]
    fn deposit_1_to_2(old: DepositV1) -> BankDeposit {
        BankDeposit { account: old.account, cents: old.cents, memo: "none".to_owned() }
    }

    #[memimage::commands]
    impl Bank {
        #[command(version = 2, history(DepositV1))]
        pub fn deposit(&mut self, account: u32, cents: u32, memo: String) {
            *self.accounts.entry(account).or_default() += u64::from(cents);
            self.memos.push(memo);
        }
    }
}

/// The third program: accounts are texts, and the method is renamed.
mod third {
    use std::collections::BTreeMap;

    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Bank {
        pub accounts: BTreeMap<String, u64>,
        pub memos: Vec<String>,
    }

    #[memimage::commands]
    impl Bank {
        #[command(name = "deposit", version = 3, history(past::DepositV1, past::DepositV2))]
        pub fn pay_in(&mut self, account: String, cents: u64, memo: Option<String>) {
            *self.accounts.entry(account).or_default() += cents;
            self.memos.extend(memo);
        }
    }

    mod past {
        use memimage::{Recorded, Shape};
        use serde::Deserialize;

        use super::BankPayIn;

        #[derive(Deserialize, Shape)]
        pub struct DepositV1 {
            account: u32,
            cents: u32,
        }

        #[derive(Deserialize, Shape)]
        pub struct DepositV2 {
            account: u32,
            cents: u32,
            memo: String,
        }

        #[memimage::upcast]
        fn from_1(old: DepositV1, recorded: &Recorded<'_>) -> DepositV2 {
            let memo = recorded.metadata().get("actor").unwrap_or("none").to_owned();
            DepositV2 { account: old.account, cents: old.cents, memo }
        }

        #[memimage::upcast]
        fn from_2(old: DepositV2, recorded: &Recorded<'_>) -> Result<BankPayIn, String> {
            if old.account == 13 {
                return Err(format!("account 13, at {}", recorded.seq()));
            }
            if old.account == 14 {
                panic!("account 14");
            }
            let memo = Some(old.memo).filter(|memo| memo != "none");
            Ok(BankPayIn { account: format!("no. {}", old.account), cents: old.cents.into(), memo })
        }
    }
}

use first::BankCommands as _;
use second::BankCommands as _;
use third::BankCommands as _;

#[test]
fn the_last_program_replays_a_journal_of_three_programs() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bank");
    let bank = open::<first::Bank>(&path);
    bank.deposit(1, 10).unwrap();
    bank.with(Metadata::actor("teller")).deposit(2, 20).unwrap();
    Image::close(bank).unwrap();
    let bank = open::<second::Bank>(&path);
    assert_eq!(bank.read_uncommitted().unwrap().memos, ["none", "none"]);
    bank.deposit(1, 5, "rent".to_owned()).unwrap();
    Image::close(bank).unwrap();
    for _ in 0..2 {
        let bank = open::<third::Bank>(&path);
        assert_eq!(bank.read_uncommitted().unwrap().accounts["no. 1"], 15);
        assert_eq!(bank.read_uncommitted().unwrap().accounts["no. 2"], 20);
        bank.pay_in("new".to_owned(), 7, None).unwrap();
        assert_eq!(bank.read_uncommitted().unwrap().memos, ["teller", "rent"]);
        Image::close(bank).unwrap();
    }
    let bank = open::<third::Bank>(&path);
    assert_eq!(bank.read_uncommitted().unwrap().accounts["new"], 14);
}

#[test]
fn an_older_program_refuses_a_newer_journal() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bank");
    let bank = open::<second::Bank>(&path);
    bank.deposit(1, 10, "rent".to_owned()).unwrap();
    Image::close(bank).unwrap();
    let error = options::<first::Bank>().open(&path).unwrap_err().to_string();
    assert!(
        error.contains("`deposit` version 2")
            && error.contains("the newest version in this program is 1, so the program is too old"),
        "{error}"
    );
}

#[test]
fn a_failing_upcaster_stops_recovery_and_modifies_nothing() {
    for (account, expected) in [
        (
            13,
            "an upcaster failed: account 13, at 2; nothing was changed; help: correct the upcaster, then open the image again",
        ),
        (14, "its replay panicked: account 14; nothing was changed; help: correct the upcaster or the body"),
    ] {
        let disk = Arc::new(SimDisk::new());
        let bank = options::<first::Bank>().open_with(disk.clone(), "bank").unwrap();
        bank.deposit(1, 10).unwrap();
        bank.deposit(account, 10).unwrap();
        Image::close(bank).unwrap();
        let before = files(&disk);
        let error = options::<third::Bank>().open_with(disk.clone(), "bank").unwrap_err();
        assert_eq!(error.position().and_then(|position| position.seq), Some(Seq::new(2)));
        let error = error.to_string();
        assert!(error.contains("`deposit` version 1") && error.contains(expected), "{error}");
        assert_eq!(changed(&before, &files(&disk)), [] as [PathBuf; 0]);
        assert_eq!(options::<first::Bank>().open_with(disk, "bank").unwrap().journal().seq().get(), 2);
    }
}
