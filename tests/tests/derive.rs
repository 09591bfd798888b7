//! The forms of commands.

use std::collections::BTreeMap;
use std::fmt;

use memimage::{CommandError, Commands, Context, Event, Execute, Model, Payload, Shape};
use memimage_tests::InMemory;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq)]
enum BankError {
    UnknownAccount,
    InsufficientFunds { balance: u64 },
}

impl fmt::Display for BankError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Bank {
    accounts: BTreeMap<String, u64>,
}

#[memimage::commands(derive(Debug, Clone, PartialEq))]
impl Bank {
    /// Adds money to an account.
    #[command]
    fn deposit(&mut self, account: String, amount: u64) -> u64 {
        let balance = self.accounts.entry(account).or_default();
        *balance += amount;
        *balance
    }

    /// Takes money from an account.
    #[command(check = can_withdraw)]
    fn withdraw(&mut self, account: String, amount: u64) -> u64 {
        let balance = self.accounts.get_mut(&account).expect("the check found the account");
        *balance -= amount;
        *balance
    }

    fn can_withdraw(&self, amount: u64, _context: &Context, account: &str) -> Result<(), BankError> {
        match self.accounts.get(account) {
            None => Err(BankError::UnknownAccount),
            Some(&balance) if balance < amount => Err(BankError::InsufficientFunds { balance }),
            Some(_) => Ok(()),
        }
    }

    #[command(version = 3, oldest = 3, name = "settled")]
    fn settle(&mut self, _context: &Context, mut account: String) -> Result<u64, BankError> {
        account.make_ascii_lowercase();
        self.accounts.remove(&account).ok_or(BankError::UnknownAccount)
    }

    #[command(payload = Wipe)]
    fn clear(&mut self) {
        self.accounts.clear();
    }
}

#[test]
fn each_form_of_command_runs() {
    let bank = InMemory::<Bank>::default();
    assert_eq!(bank.deposit("ann".into(), 100).unwrap(), 100);
    assert_eq!(bank.withdraw("ann".into(), 30).unwrap(), 70);
    let refused = bank.withdraw("ann".into(), 300);
    assert!(matches!(refused, Err(CommandError::Refused(BankError::InsufficientFunds { balance: 70 }))));
    assert!(matches!(bank.settle("bob".into()), Err(CommandError::Refused(BankError::UnknownAccount))));
    assert_eq!(bank.settle("ANN".into()).unwrap(), 70);
    bank.clear().unwrap();
    bank.execute(Wipe {}).unwrap();
    assert!(bank.query(|bank| bank.accounts.is_empty()));
}

#[test]
fn events_have_the_declared_names_and_versions() {
    let event = BankEvent::from(BankSettle { account: "ann".into() });
    assert_eq!((event.name(), event.version()), ("settled", 3));
    let rows: Vec<_> = Bank::EVENTS.iter().map(|row| (row.name(), row.version())).collect();
    assert_eq!(rows, [("deposit", 1), ("withdraw", 1), ("settled", 3), ("clear", 1)]);
    assert_eq!(<BankSettle as Payload<Bank>>::ROW, 2);
    assert_eq!(Bank::NAME, "Bank");
}
