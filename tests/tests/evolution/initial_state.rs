//! The initial state is the model's `Default`, and a newer program changes the `Default`.

use memimage::{ErrorKind, Image, Model};
use tempfile::tempdir;

use super::options;

/// A program with a till that accepts at most `$max` cents at a time. Versions differ in the maximum, the fields and the
/// upcaster.
macro_rules! program {
    ($module:ident, $version:literal, $max:literal, { $($fields:tt)* }, { $($default:tt)* } $(, $old:ident, { $($step:tt)* })?) => {
        mod $module {
            use memimage::{Model, Shape};
            use serde::{Deserialize, Serialize};

            #[derive(Serialize, Deserialize, Shape, Model)]
            #[model(name = "Till", version = $version $(, history($old))?)]
            pub struct Till {
                pub max: u32,
                pub cents: u32,
                $($fields)*
            }

            impl Default for Till {
                fn default() -> Till {
                    Till { max: $max, cents: 0, $($default)* }
                }
            }

            $(
                #[derive(Serialize, Deserialize, Shape)]
                pub struct $old {
                    max: u32,
                    cents: u32,
                }

                #[memimage::upcast]
                fn till_1_to_2(old: $old) -> Till {
                    Till { max: old.max, cents: old.cents, $($step)* }
                }
            )?

            #[memimage::commands]
            impl Till {
                #[command]
                pub fn put(&mut self, cents: u32) {
                    self.cents += cents.min(self.max);
                }
            }
        }
    };
}

program!(first, 1, 100, {}, {});
program!(other_default, 1, 500, {}, {});
program!(new_field, 2, 100, { pub note: String, }, { note: "none".to_owned() });
program!(new_field_and_other_default, 2, 500, { pub note: String, }, { note: "none".to_owned() });
program!(upcast, 2, 100, { pub note: String, }, { note: "none".to_owned() }, TillV1, { note: "none".to_owned() });
program!(upcast_and_other_default, 2, 500, { pub note: String, }, { note: "none".to_owned() }, TillV1, { note: "none".to_owned() });
program!(upcast_to_other_value, 2, 100, { pub note: String, }, { note: "none".to_owned() }, TillV1, { note: "old".to_owned() });

use first::TillCommands as _;
use upcast_and_other_default::TillCommands as _;

/// Creates an image of the first program, with one put that was limited to a hundred cents.
fn create(path: &std::path::Path) {
    let till: Image<first::Till> = options().open(path).unwrap();
    till.put(300).unwrap();
    assert_eq!(till.read_uncommitted().unwrap().cents, 100);
    Image::close(till).unwrap();
}

fn refused<M: Model>(path: &std::path::Path) -> String {
    let error = options::<M>().open(path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incompatible, "{error}");
    error.to_string()
}

#[test]
fn a_changed_default_is_refused() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("till");
    create(&path);
    assert!(refused::<other_default::Till>(&path).contains("the current `Default` differs"));
}

#[test]
fn a_changed_default_is_refused_even_if_the_shape_changed_too() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("till");
    create(&path);
    let error = refused::<new_field_and_other_default::Till>(&path);
    assert!(error.contains("has other values in these fields: `max`"), "{error}");
    let till: Image<new_field_and_other_default::Till> = options().verify_digests(false).open(&path).unwrap();
    assert_eq!(till.read_uncommitted().unwrap().cents, 300, "accepted without digest verification");
    Image::close(till).unwrap();
    let till: Image<new_field::Till> = options().open(&path).unwrap();
    let till = till.read_uncommitted().unwrap();
    assert_eq!((till.cents, &*till.note), (100, "none"), "a new field does not change the others");
}

#[test]
fn the_upcast_initial_state_must_equal_the_default() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("till");
    create(&path);
    for error in [refused::<upcast_and_other_default::Till>(&path), refused::<upcast_to_other_value::Till>(&path)] {
        assert!(error.contains("the upcasters do not turn it into the current `Default`"), "{error}");
    }
    let till: Image<upcast::Till> = options().open(&path).unwrap();
    assert_eq!(till.read_uncommitted().unwrap().cents, 100);
}

#[test]
fn snapshot_verification_detects_a_changed_default() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("till");
    create(&path);
    let till: Image<first::Till> = options().open(&path).unwrap();
    till.admin().snapshot().unwrap();
    Image::close(till).unwrap();
    let till: Image<upcast_and_other_default::Till> = options().open(&path).unwrap();
    till.put(1).unwrap();
    let error = till.admin().snapshot().unwrap_err();
    assert!(error.kind() == ErrorKind::Incompatible && error.to_string().contains("`Default`"), "{error}");
}
