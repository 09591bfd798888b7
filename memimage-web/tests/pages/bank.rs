//! The model of the tests.

use std::collections::BTreeMap;

use memimage::{Image, Metadata, Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub(crate) struct Bank {
    accounts: BTreeMap<u32, Account>,
    notes: Vec<String>,
}

#[derive(Default, Serialize, Deserialize, Shape)]
pub(crate) struct Account {
    owner: String,
    cents: u64,
}

#[memimage::commands]
impl Bank {
    /// Opens an account.
    #[command]
    pub(crate) fn open(&mut self, account: u32, owner: String) {
        self.accounts.entry(account).or_default().owner = owner;
    }

    /// Puts money into an account.
    #[command]
    pub(crate) fn deposit(&mut self, account: u32, cents: u64) {
        self.accounts.entry(account).or_default().cents += cents;
    }

    /// Takes money out of an account. A refusal is recorded, because it comes from the body.
    #[command]
    pub(crate) fn withdraw(&mut self, account: u32, cents: u64) -> Result<u64, String> {
        let account = self.accounts.entry(account).or_default();
        account.cents = account.cents.checked_sub(cents).ok_or("not enough")?;
        Ok(account.cents)
    }

    /// Writes a note.
    #[command]
    pub(crate) fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// Opens many accounts with one cent each.
    #[command]
    pub(crate) fn fill(&mut self, accounts: u32) {
        for account in 0..accounts {
            self.accounts.insert(account, Account { owner: format!("owner {account}"), cents: 1 });
        }
    }
}

/// A text that would act in a page that does not escape it.
pub(crate) const HOSTILE: &str =
    "</code><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">'\"&";

/// An image with six events: 4 is rejected, and 5 is by an actor.
pub(crate) fn bank(directory: &tempfile::TempDir) -> Image<Bank> {
    let bank = Image::<Bank>::open(directory.path().join("bank.image")).unwrap();
    bank.open(7, "Ann".to_owned()).unwrap();
    bank.deposit(7, 100).unwrap();
    bank.deposit(8, 20).unwrap();
    assert!(bank.withdraw(8, 5_000).is_err());
    bank.with(Metadata::actor("teller 1")).withdraw(7, 30).unwrap();
    bank.note(HOSTILE.to_owned()).unwrap();
    bank
}
