//! Events without a command: `retired(…)` on the command block.

use memimage::{Image, Metadata, Seq};
use tempfile::tempdir;

use super::{open, options};

/// The first program.
mod first {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Bank {
        pub blocked: Vec<u32>,
        pub cents: i64,
    }

    #[memimage::commands]
    impl Bank {
        #[command]
        pub fn block(&mut self, account: u32) {
            self.blocked.push(account);
        }

        #[command]
        pub fn ping(&mut self) {}

        #[command(name = "to close")]
        pub fn shut(&mut self, account: u32, cents: i64) {
            self.blocked.push(account);
            self.cents += cents;
        }

        #[command]
        pub fn charge(&mut self, cents: i64) {
            self.cents += cents;
        }
    }
}

/// The second program: blocking an account needs a reason, and charging needs a purpose.
mod second {
    use memimage::{Model, Recorded, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Bank {
        pub blocked: Vec<(u32, String)>,
        pub cents: i64,
    }

    #[derive(Deserialize, Shape)]
    struct BlockV1 {
        account: u32,
    }

    #[memimage::upcast]
    fn block(old: BlockV1, recorded: &Recorded<'_>) -> BankBlock {
        BankBlock { account: old.account, why: recorded.metadata().get("actor").unwrap_or("unknown").to_owned() }
    }

    #[memimage::commands]
    impl Bank {
        #[command(version = 2, history(BlockV1))]
        pub fn block(&mut self, account: u32, why: String) {
            self.blocked.push((account, why));
        }

        #[command]
        pub fn ping(&mut self) {}

        #[command(name = "to close")]
        pub fn shut(&mut self, account: u32, cents: i64) {
            self.blocked.push((account, "shut".to_owned()));
            self.cents += cents;
        }

        #[command(name = "charge", replay_only)]
        fn charge_without_purpose(&mut self, cents: i64) {
            self.cents += cents;
        }

        #[command(version = 2)]
        pub fn charge(&mut self, cents: i64, purpose: String) {
            self.cents += cents * purpose.len() as i64;
        }
    }
}

/// The third program: freezing replaces blocking, and the four old events are retired.
mod third {
    use memimage::{Model, Recorded, Shape, Value, ValueError};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Bank {
        pub frozen: Vec<(u32, String, u64)>,
        pub cents: i64,
    }

    /// Upcasts version 1 of `block` to version 2.
    fn with_why(mut value: Value, recorded: &Recorded<'_>) -> Result<Value, ValueError> {
        value.insert("why", recorded.metadata().get("actor").unwrap_or("unknown"))?;
        Ok(value)
    }

    #[derive(Deserialize, Shape)]
    struct BlockV2 {
        account: u32,
        why: String,
    }

    #[memimage::upcast]
    fn block(old: BlockV2, recorded: &Recorded<'_>) -> BankFreeze {
        BankFreeze { account: old.account, why: old.why, since: recorded.seq().get() }
    }

    #[derive(Deserialize, Shape)]
    struct PingV1;

    #[memimage::upcast]
    fn ping(_: PingV1) {}

    #[derive(Deserialize, Shape)]
    struct ShutV1 {
        account: u32,
        cents: i64,
    }

    #[memimage::upcast]
    fn shut(old: ShutV1) -> Result<(BankFreeze, Option<BankPay>), String> {
        if old.account == 13 {
            return Err("account 13".to_owned());
        }
        let freeze = BankFreeze { account: old.account, why: "shut".to_owned(), since: 0 };
        Ok((freeze, (old.cents != 0).then_some(BankPay { cents: old.cents })))
    }

    /// Only version 2: version 1 is replayed with its old logic.
    #[derive(Deserialize, Shape)]
    struct ChargeV2 {
        cents: i64,
        purpose: String,
    }

    #[memimage::upcast]
    fn charge(old: ChargeV2) -> Vec<BankEvent> {
        vec![BankPay { cents: old.cents }.into(); old.purpose.len()]
    }

    #[memimage::commands(
        derive(Clone),
        retired(name = "block", history(value = with_why, BlockV2)),
        retired(name = "ping", history(PingV1)),
        retired(name = "to close", history(ShutV1)),
        retired(name = "charge", oldest = 2, history(ChargeV2))
    )]
    impl Bank {
        #[command]
        pub fn freeze(&mut self, account: u32, why: String, since: u64) {
            self.frozen.push((account, why, since));
        }

        #[command]
        pub fn pay(&mut self, cents: i64) {
            self.cents += cents;
        }

        #[command(name = "charge", replay_only)]
        fn charge_without_purpose(&mut self, cents: i64) {
            self.cents += cents;
        }
    }
}

/// The third program with its commands and retired events in groups.
mod grouped {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(groups(Freezes, Pays))]
    pub struct Bank {
        pub frozen: Vec<u32>,
        pub cents: i64,
    }

    #[derive(Deserialize, Shape)]
    struct BlockV1 {
        account: u32,
    }

    #[memimage::upcast]
    fn block_1_to_2(old: BlockV1) -> BlockV2 {
        BlockV2 { account: old.account, why: String::new() }
    }

    #[derive(Deserialize, Shape)]
    struct BlockV2 {
        account: u32,
        why: String,
    }

    #[memimage::upcast]
    fn block(old: BlockV2) -> BankFreeze {
        assert!(old.why.is_empty() || old.why == "theft");
        BankFreeze { account: old.account }
    }

    #[derive(Deserialize, Shape)]
    struct PingV1;

    #[memimage::upcast]
    fn ping(_: PingV1) -> Option<BankEvent> {
        None
    }

    #[memimage::commands(
        group = Freezes,
        retired(name = "block", history(BlockV1, BlockV2)),
        retired(name = "ping", history(PingV1))
    )]
    impl Bank {
        #[command]
        pub fn freeze(&mut self, account: u32) {
            self.frozen.push(account);
        }
    }

    #[derive(Deserialize, Shape)]
    struct ShutV1 {
        account: u32,
        cents: i64,
    }

    #[memimage::upcast]
    fn shut(old: ShutV1) -> (BankFreeze, BankPay) {
        (BankFreeze { account: old.account }, BankPay { cents: old.cents })
    }

    #[memimage::commands(group = Pays, retired(name = "to close", history(ShutV1)))]
    impl Bank {
        #[command]
        pub fn pay(&mut self, cents: i64) {
            self.cents += cents;
        }

        #[command(replay_only)]
        fn charge(&mut self, cents: i64) {
            self.cents += cents;
        }
    }
}

/// A program with bugs: two removed commands are not retired, and a past type has another shape than the recorded one.
mod incomplete {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Bank {
        pub cents: i64,
    }

    #[derive(Deserialize, Shape)]
    struct BlockV1 {
        account: u64,
    }

    #[memimage::upcast]
    fn block(old: BlockV1) {
        assert_eq!(old.account, 5);
    }

    #[memimage::commands(retired(name = "block", history(BlockV1)))]
    impl Bank {
        #[command]
        pub fn charge(&mut self, cents: i64) {
            self.cents += cents;
        }
    }
}

use first::BankCommands as _;
use grouped::{FreezesCommands as _, PaysCommands as _};
use second::BankCommands as _;
use third::BankCommands as _;

#[test]
fn a_journal_opens_after_its_commands_are_retired() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bank");
    let bank = open::<first::Bank>(&path);
    bank.with(Metadata::actor("teller")).block(1).unwrap();
    bank.ping().unwrap();
    bank.shut(2, 20).unwrap();
    bank.charge(5).unwrap();
    Image::close(bank).unwrap();
    let bank = open::<second::Bank>(&path);
    bank.block(3, "theft".to_owned()).unwrap();
    bank.shut(4, 0).unwrap();
    bank.charge(10, "fee".to_owned()).unwrap();
    Image::close(bank).unwrap();
    let mut frozen = vec![
        (1, "teller".to_owned(), 1),
        (2, "shut".to_owned(), 0),
        (3, "theft".to_owned(), 5),
        (4, "shut".to_owned(), 0),
    ];
    for round in 0..2 {
        let bank = open::<third::Bank>(&path);
        assert_eq!(bank.read_uncommitted().unwrap().frozen, frozen);
        assert_eq!(bank.read_uncommitted().unwrap().cents, 55 + round);
        bank.freeze(7, "new".to_owned(), 9).unwrap();
        bank.pay(1).unwrap();
        frozen.push((7, "new".to_owned(), 9));
        Image::close(bank).unwrap();
    }
}

#[test]
fn events_can_be_retired_in_groups() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bank");
    let bank = open::<first::Bank>(&path);
    bank.block(1).unwrap();
    bank.ping().unwrap();
    bank.shut(2, 20).unwrap();
    bank.charge(5).unwrap();
    Image::close(bank).unwrap();
    let bank = open::<second::Bank>(&path);
    bank.block(3, "theft".to_owned()).unwrap();
    Image::close(bank).unwrap();
    let bank = open::<grouped::Bank>(&path);
    bank.freeze(9).unwrap();
    bank.pay(1).unwrap();
    Image::close(bank).unwrap();
    let bank = open::<grouped::Bank>(&path);
    assert_eq!(bank.read_uncommitted().unwrap().frozen, [1, 2, 3, 9]);
    assert_eq!(bank.read_uncommitted().unwrap().cents, 26);
}

#[test]
fn a_failing_upcaster_of_a_retired_event_is_reported() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bank");
    let bank = open::<first::Bank>(&path);
    bank.ping().unwrap();
    bank.shut(13, 20).unwrap();
    Image::close(bank).unwrap();
    let error = options::<third::Bank>().open(&path).unwrap_err();
    assert_eq!(error.position().and_then(|position| position.seq), Some(Seq::new(2)));
    let error = error.to_string();
    assert!(error.contains("`to close` version 1") && error.contains("an upcaster failed: account 13"), "{error}");
}

#[test]
fn a_removed_command_that_is_not_retired_is_reported_with_a_help() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bank");
    let bank = open::<first::Bank>(&path);
    bank.charge(5).unwrap();
    bank.shut(1, 2).unwrap();
    Image::close(bank).unwrap();
    let error = options::<incomplete::Bank>().open(&path).unwrap_err().to_string();
    let expected = "`to close` version 1 is in the journal, but no command of this program records it: the program is too old, or the \
                command was removed; help: run the newer program, or list the event's past types on the block with \
                `retired(name = \"to close\", history(…))`";
    assert!(error.contains(expected), "{error}");
    // the error does not name events of existing commands
    assert!(!error.contains("charge"), "{error}");
}

#[test]
fn a_retired_event_with_a_changed_shape_is_refused() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bank");
    let bank = open::<first::Bank>(&path);
    bank.block(5).unwrap();
    Image::close(bank).unwrap();
    let error = options::<incomplete::Bank>().open(&path).unwrap_err().to_string();
    let expected = "block v1: payload.account: u32 in the journal, u64 in this program; a past version must keep its \
                recorded shape; help: undo the change";
    assert!(error.contains(expected), "{error}");
}
