//! Versions that keep their old logic for replay, retired commands, and enums with new variants.

use memimage::Image;
use tempfile::tempdir;

use super::{open, options};

mod first {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "Till")]
    pub struct Till {
        pub cents: i64,
    }

    #[memimage::commands]
    impl Till {
        #[command]
        pub fn charge(&mut self, cents: i64) {
            self.cents += cents;
        }

        #[command]
        pub fn round_up(&mut self) {
            self.cents += 1;
        }
    }
}

/// A later program. `charge` has a fee, which old charges do not pay; `round_up` is retired; the type and the methods are
/// renamed.
mod later {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "Till")]
    pub struct CashDesk {
        pub cents: i64,
    }

    #[derive(Deserialize, Shape)]
    struct ChargeV2 {
        amount: i64,
    }

    #[memimage::upcast]
    fn charge_2_to_3(old: ChargeV2) -> CashDeskCharge {
        CashDeskCharge { cents: old.amount, fee: 10 }
    }

    #[memimage::commands]
    impl CashDesk {
        #[command(name = "charge", version = 3, history(ChargeV2))]
        pub fn charge(&mut self, cents: i64, fee: i64) {
            self.cents += cents + fee;
        }

        #[command(name = "charge", version = 1, replay_only)]
        fn charge_without_fee(&mut self, cents: i64) {
            self.cents += cents;
        }

        #[command(name = "round_up", replay_only)]
        fn retired(&mut self) {
            self.cents += 1;
        }
    }
}

/// A program with a model of notes in these forms.
macro_rules! notes {
    ($module:ident, $($form:ident),*) => {
        mod $module {
            use memimage::{Model, Shape};
            use serde::{Deserialize, Serialize};

            #[derive(Serialize, Deserialize, Shape)]
            pub enum Form {
                $($form,)*
            }

            #[derive(Default, Serialize, Deserialize, Shape, Model)]
            #[model(name = "Notes")]
            pub struct Notes {
                pub forms: Vec<u8>,
            }

            #[memimage::commands]
            impl Notes {
                #[command]
                pub fn note(&mut self, form: Form) {
                    self.forms.push(form as u8);
                }
            }
        }
    };
}

notes!(narrow, Plain, Bold);
notes!(wide, Plain, Bold, Struck);

use first::TillCommands as _;
use later::CashDeskCommands as _;

#[test]
fn old_versions_are_replayed_with_their_old_logic() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("till");
    let till = open::<first::Till>(&path);
    till.charge(100).unwrap();
    till.round_up().unwrap();
    Image::close(till).unwrap();
    for round in 0..2 {
        let till = open::<later::CashDesk>(&path);
        assert_eq!(till.read_uncommitted().unwrap().cents, 101 + 12 * round);
        till.charge(10, 2).unwrap();
        Image::close(till).unwrap();
    }
}

#[test]
fn an_appended_variant_needs_no_version_and_an_older_program_refuses_it() {
    use narrow::NotesCommands as _;
    use wide::NotesCommands as _;

    let directory = tempdir().unwrap();
    let path = directory.path().join("notes");
    let notes = open::<narrow::Notes>(&path);
    notes.note(narrow::Form::Bold).unwrap();
    Image::close(notes).unwrap();
    let notes = open::<wide::Notes>(&path);
    assert_eq!(notes.read_uncommitted().unwrap().forms, [1]);
    notes.note(wide::Form::Struck).unwrap();
    Image::close(notes).unwrap();
    let error = options::<narrow::Notes>().open(&path).unwrap_err().to_string();
    let expected = "note v1: payload.form::Struck: only in the journal: a newer program added this variant; help: run the newer program";
    assert!(error.contains(expected), "{error}");
    assert_eq!(open::<wide::Notes>(&path).read_uncommitted().unwrap().forms, [1, 2]);
}
