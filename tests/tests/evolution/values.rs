//! Past versions without a type: functions on values upcast them.

use memimage::{Image, Value, ValueError};
use tempfile::tempdir;

use super::{open, options};

/// The first program.
mod first {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize, Shape)]
    pub struct Owner {
        pub first: String,
        pub last: String,
    }

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Register {
        pub owners: Vec<Owner>,
    }

    #[memimage::commands]
    impl Register {
        #[command]
        pub fn enter(&mut self, owner: Owner, cents: u32) {
            self.owners.push(owner);
            _ = cents;
        }

        #[command]
        pub fn leave(&mut self, owner: Owner, cents: u32) {
            self.owners.retain(|known| known.last != owner.last);
            _ = cents;
        }
    }
}

/// A later program: one name and wider amounts in version 2, a memo in version 3.
mod later {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    use super::{add_memo, full_name};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Register {
        pub entries: Vec<(String, u64, String)>,
    }

    #[derive(Deserialize, Shape)]
    pub struct LeaveV2 {
        owner: String,
        cents: u64,
    }

    #[memimage::upcast]
    fn leave_2_to_3(old: LeaveV2) -> RegisterLeave {
        RegisterLeave { who: old.owner, cents: old.cents }
    }

    #[memimage::commands]
    impl Register {
        #[command(version = 3, history(value = full_name, value = add_memo))]
        pub fn enter(&mut self, owner: String, cents: u64, memo: String) {
            self.entries.push((owner, cents, memo));
        }

        #[command(version = 3, history(value = full_name, LeaveV2))]
        pub fn leave(&mut self, who: String, cents: u64) {
            self.entries.push((who, cents, "left".to_owned()));
        }
    }
}

/// Upcasts both events.
fn full_name(mut value: Value) -> Result<Value, ValueError> {
    let owner = value.get("owner")?;
    let name = format!("{} {}", owner.read::<String>("first")?, owner.read::<String>("last")?);
    value.insert("owner", name)?;
    Ok(value)
}

fn add_memo(mut value: Value, recorded: &memimage::Recorded<'_>) -> Value {
    value.insert("memo", format!("event {}", recorded.seq())).expect("a payload is a map");
    value
}

/// A program with a bug: the result of the upcaster does not match the next version.
mod wrong {
    use memimage::{Model, Shape, Value};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Register {
        pub entries: u32,
    }

    fn unchanged(value: Value) -> Value {
        value
    }

    #[memimage::commands]
    impl Register {
        #[command(version = 2, history(value = unchanged))]
        pub fn enter(&mut self, owner: String, cents: u64) {
            self.entries += 1;
            _ = (owner, cents);
        }
    }
}

use first::RegisterCommands as _;

fn owner(first: &str, last: &str) -> first::Owner {
    first::Owner { first: first.to_owned(), last: last.to_owned() }
}

#[test]
fn values_are_upcast_over_several_steps() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("register");
    let register = open::<first::Register>(&path);
    register.enter(owner("Ada", "King"), 5).unwrap();
    register.leave(owner("Ada", "King"), 6).unwrap();
    Image::close(register).unwrap();
    let register = open::<later::Register>(&path);
    let entries = register.read_uncommitted().unwrap().entries.clone();
    let expected = [("Ada King", 5, "event 1"), ("Ada King", 6, "left")];
    assert_eq!(entries, expected.map(|(owner, cents, memo)| (owner.to_owned(), cents, memo.to_owned())));
}

#[test]
fn the_result_of_a_step_must_match_the_next_shape() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("register");
    let register = open::<first::Register>(&path);
    register.enter(owner("Ada", "King"), 5).unwrap();
    Image::close(register).unwrap();
    let error = options::<wrong::Register>().open(&path).unwrap_err().to_string();
    assert!(error.contains("event 1") && error.contains("`enter` version 1") && error.contains("owner"), "{error}");
}
