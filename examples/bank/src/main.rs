//! A bank: run it twice, and the second run continues where the first ended. `bank admin` looks into its image.

use std::collections::BTreeMap;
use std::error::Error;
use std::iter;
use std::process::ExitCode;

use memimage::{Image, Model, Shape};
use serde::{Deserialize, Serialize};

type Account = u32;
type Cents = u64;

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Bank {
    accounts: BTreeMap<Account, Cents>,
}

#[derive(Debug, thiserror::Error)]
#[error("account {account} holds {balance} cents, which is less than {wanted}")]
struct Insufficient {
    account: Account,
    balance: Cents,
    wanted: Cents,
}

#[memimage::commands]
impl Bank {
    /// Has no check, so it is always recorded.
    #[command]
    fn deposit(&mut self, account: Account, amount: Cents) -> Cents {
        let balance = self.accounts.entry(account).or_default();
        *balance += amount;
        *balance
    }

    /// Has a check, `can_withdraw`; a refused command is not recorded.
    #[command(check = can_withdraw)]
    fn withdraw(&mut self, account: Account, amount: Cents) -> Cents {
        let balance = self.accounts.entry(account).or_default();
        *balance -= amount;
        *balance
    }

    fn can_withdraw(&self, account: Account, amount: Cents) -> Result<(), Insufficient> {
        let balance = self.accounts.get(&account).copied().unwrap_or(0);
        if balance < amount {
            return Err(Insufficient { account, balance, wanted: amount });
        }
        Ok(())
    }
}

const IMAGE: &str = "bank.image";

#[expect(clippy::disallowed_methods, reason = "a program may read its arguments, and a command may not")]
fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.next_if(|verb| verb == "admin").is_some() {
        let arguments = iter::once("bank admin".into()).chain(arguments);
        return Ok(memimage_web::tool::<Bank>().image(IMAGE).run(arguments));
    }
    let path = arguments.next().unwrap_or_else(|| IMAGE.into());
    if path.as_encoded_bytes().starts_with(b"-") {
        println!("usage: bank [IMAGE]\n       bank admin --help");
        return Ok(ExitCode::from(2));
    }
    let bank = Image::<Bank>::open(&path)?; // creates the image, or recovers it
    println!("`{}` holds {} events from earlier runs", path.display(), bank.journal().seq());

    bank.deposit(7, 100)?; // on disk when it returns
    bank.deposit(8, 20)?;
    bank.withdraw(7, 30)?;
    match bank.withdraw(8, 1_000_000) {
        Ok(left) => println!("account 8 has {left} cents left"),
        Err(refused) => println!("refused: {refused}"),
    }

    bank.query(|bank| {
        for (account, balance) in &bank.accounts {
            println!("account {account}: {balance} cents");
        }
    })?;
    Image::close(bank)?;
    println!("run it again: it continues from here; `bank admin changes accounts.7` shows its history");
    Ok(ExitCode::SUCCESS)
}
