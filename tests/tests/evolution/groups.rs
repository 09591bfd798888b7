//! A model with several command blocks.

use memimage::{Event, Image};
use tempfile::tempdir;

use super::open;

mod bank {
    use std::collections::BTreeMap;

    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(groups(accounts::Accounts, rates::Rates))]
    pub struct Bank {
        pub accounts: BTreeMap<u32, u64>,
        pub rate: u32,
    }

    pub mod accounts {
        use super::Bank;

        #[memimage::commands(group = Accounts)]
        impl Bank {
            #[command(check = has_rate)]
            pub fn deposit(&mut self, account: u32, cents: u64) -> u64 {
                let balance = self.accounts.entry(account).or_default();
                *balance += cents;
                *balance
            }

            fn has_rate(&self) -> Result<(), String> {
                if self.rate == 0 { Err("no rate yet".to_owned()) } else { Ok(()) }
            }
        }
    }

    pub mod rates {
        use memimage::Shape;
        use serde::Deserialize;

        use super::Bank;

        #[derive(Deserialize, Shape)]
        struct SetRateV1 {
            rate: u8,
        }

        #[memimage::upcast]
        fn set_rate_1_to_2(old: SetRateV1) -> BankSetRate {
            BankSetRate { rate: old.rate.into() }
        }

        #[memimage::commands(group = Rates, derive(Debug))]
        impl Bank {
            #[command(version = 2, history(SetRateV1))]
            pub fn set_rate(&mut self, rate: u32) {
                self.rate = rate;
            }
        }
    }
}

use bank::accounts::{AccountsCommands as _, AccountsEvent, BankDeposit};
use bank::rates::{BankSetRate, RatesCommands as _};
use bank::{Bank, BankEvent};

#[test]
fn commands_of_all_groups_are_methods_of_the_image() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bank");
    let bank = open::<Bank>(&path);
    assert!(bank.deposit(1, 5).is_err());
    bank.set_rate(3).unwrap();
    assert_eq!(bank.deposit(1, 5).unwrap(), 5);
    assert_eq!(bank.submit(BankDeposit { account: 1, cents: 6 }).unwrap().wait().unwrap(), 11);
    Image::close(bank).unwrap();
    let bank = open::<Bank>(&path);
    assert_eq!((bank.read_uncommitted().unwrap().rate, bank.journal().seq().get()), (3, 3));
}

#[test]
fn the_event_enum_contains_the_enums_of_the_groups() {
    let event = BankEvent::from(AccountsEvent::from(BankDeposit { account: 1, cents: 2 }));
    assert_eq!((event.name(), event.version()), ("deposit", 1));
    let event = BankEvent::Rates(BankSetRate { rate: 2 }.into());
    assert_eq!((event.name(), event.version()), ("set_rate", 2));
}
