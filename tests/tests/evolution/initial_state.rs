//! The state before the first event, when it is the model's `Default` and that is changed.

use memimage::{ErrorKind, Image, Model};
use tempfile::tempdir;

use super::options;

/// A program whose till takes so much at a time, and is changed by what it holds besides.
macro_rules! program {
    ($module:ident, $version:literal, $most:literal, { $($more:tt)* }, { $($default:tt)* } $(, $old:ident, { $($step:tt)* })?) => {
        mod $module {
            use memimage::{Model, Shape};
            use serde::{Deserialize, Serialize};

            #[derive(Serialize, Deserialize, Shape, Model)]
            #[model(name = "Till", version = $version $(, history($old))?)]
            pub struct Till {
                pub most: u32,
                pub cents: u32,
                $($more)*
            }

            impl Default for Till {
                fn default() -> Till {
                    Till { most: $most, cents: 0, $($default)* }
                }
            }

            $(
                #[derive(Serialize, Deserialize, Shape)]
                pub struct $old {
                    most: u32,
                    cents: u32,
                }

                #[memimage::upcast]
                fn to_the_present(old: $old) -> Till {
                    Till { most: old.most, cents: old.cents, $($step)* }
                }
            )?

            #[memimage::commands]
            impl Till {
                #[command]
                pub fn put(&mut self, cents: u32) {
                    self.cents += cents.min(self.most);
                }
            }
        }
    };
}

program!(first, 1, 100, {}, {});
program!(more, 1, 500, {}, {});
program!(wider, 2, 100, { pub note: String, }, { note: "none".to_owned() });
program!(wider_and_more, 2, 500, { pub note: String, }, { note: "none".to_owned() });
program!(upcast, 2, 100, { pub note: String, }, { note: "none".to_owned() }, TillV1, { note: "none".to_owned() });
program!(upcast_and_more, 2, 500, { pub note: String, }, { note: "none".to_owned() }, TillV1, { note: "none".to_owned() });
program!(upcast_otherwise, 2, 100, { pub note: String, }, { note: "none".to_owned() }, TillV1, { note: "old".to_owned() });

use first::TillCommands as _;
use upcast_and_more::TillCommands as _;

/// An image of the first program, in which a put was cut to a hundred.
fn made(path: &std::path::Path) {
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
fn a_default_that_was_changed_is_refused() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("till");
    made(&path);
    assert!(refused::<more::Till>(&path).contains("now gives another state"));
}

#[test]
fn it_is_refused_too_if_the_shape_changed_with_it() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("till");
    made(&path);
    let error = refused::<wider_and_more::Till>(&path);
    assert!(error.contains("fields of unchanged shape now have other values: `most`"), "{error}");
    let till: Image<wider_and_more::Till> = options().verify_digests(false).open(&path).unwrap();
    assert_eq!(till.read_uncommitted().unwrap().cents, 300, "accepted on request");
    Image::close(till).unwrap();
    let till: Image<wider::Till> = options().open(&path).unwrap();
    let till = till.read_uncommitted().unwrap();
    assert_eq!((till.cents, &*till.note), (100, "none"), "a new field is no change");
}

#[test]
fn the_upcasters_are_held_to_it() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("till");
    made(&path);
    for error in [refused::<upcast_and_more::Till>(&path), refused::<upcast_otherwise::Till>(&path)] {
        assert!(error.contains("which the upcasters turn into another state than the current `Default`"), "{error}");
    }
    let till: Image<upcast::Till> = options().open(&path).unwrap();
    assert_eq!(till.read_uncommitted().unwrap().cents, 100);
}

#[test]
fn where_a_snapshot_stands_before_it_the_next_drill_tells() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("till");
    made(&path);
    let till: Image<first::Till> = options().open(&path).unwrap();
    till.admin().snapshot().unwrap();
    Image::close(till).unwrap();
    let till: Image<upcast_and_more::Till> = options().open(&path).unwrap();
    till.put(1).unwrap();
    let error = till.admin().snapshot().unwrap_err();
    assert!(error.kind() == ErrorKind::Incompatible && error.to_string().contains("`Default`"), "{error}");
}
