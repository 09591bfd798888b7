//! The expansions compile without warnings in each kind of place, under the lints that users deny.
#![deny(
    warnings,
    missing_docs,
    unreachable_pub,
    unused,
    private_interfaces,
    private_bounds,
    missing_debug_implementations
)]
#![deny(clippy::all, clippy::pedantic, non_ascii_idents, unused_qualifications, single_use_lifetimes)]
#![forbid(unsafe_code)]

use memimage_tests::InMemory;

/// A public model with public, crate-visible and private commands.
pub mod public {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    /// A counter.
    #[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
    pub struct Counter {
        count: u64,
    }

    #[derive(Debug, Clone, Serialize, Deserialize, Shape)]
    pub(crate) struct Step(u64);

    #[memimage::commands(derive(Debug, Clone))]
    impl Counter {
        /// Adds to the count.
        #[command]
        pub fn add(&mut self, by: u64) -> u64 {
            self.count += by;
            self.count
        }

        #[command]
        pub(crate) fn step(&mut self, step: Step) -> u64 {
            self.count += step.0;
            self.count
        }

        #[command]
        fn reset(&mut self) {
            self.count = 0;
        }
    }

    pub(crate) fn step_and_reset(counter: &impl CounterCommands) -> u64 {
        let count = counter.step(Step(2)).expect("the command cannot be refused");
        counter.reset().expect("the command cannot be refused");
        count
    }
}

mod private {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub(super) struct Counter {
        count: u64,
    }

    #[derive(Serialize, Deserialize, Shape)]
    pub(super) struct By {
        pub(super) by: u64,
    }

    #[memimage::commands]
    impl Counter {
        #[command]
        pub(super) fn add(&mut self, by: By) -> u64 {
            self.count += by.by;
            self.count
        }
    }
}

/// A private model with two groups, a past version of a payload and one of the state.
mod evolved {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(version = 2, history(CounterV1), groups(Adding, taking::Taking))]
    pub(super) struct Counter {
        count: u64,
    }

    #[derive(Serialize, Deserialize, Shape)]
    struct CounterV1 {
        count: u32,
        name: String,
    }

    #[memimage::upcast]
    fn counter_1_to_2(old: CounterV1) -> Counter {
        drop(old.name);
        Counter { count: old.count.into() }
    }

    #[derive(Deserialize, Shape)]
    struct AddV1 {
        by: String,
    }

    #[memimage::upcast]
    fn add_1_to_2(old: AddV1) -> Result<CounterAdd, std::num::ParseIntError> {
        let by = old.by.parse();
        drop(old.by);
        Ok(CounterAdd { by: by? })
    }

    #[memimage::commands(group = Adding)]
    impl Counter {
        #[command(version = 2, history(AddV1))]
        pub(super) fn add(&mut self, by: u64) -> u64 {
            self.count += by;
            self.count
        }
    }

    pub(super) mod taking {
        use super::Counter;

        #[memimage::commands(group = Taking)]
        impl Counter {
            #[command]
            pub(in super::super) fn take(&mut self, by: u64) -> u64 {
                self.count -= by;
                self.count
            }

            #[command(replay_only)]
            fn halve(&mut self) {
                self.count /= 2;
            }
        }
    }
}

/// An enum with one variant, and a type inside it, with derived fields.
mod derived {
    use std::collections::BTreeMap;

    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape)]
    pub(super) struct Names {
        of: BTreeMap<u32, String>,
        #[model(derived)]
        #[serde(skip)]
        r#type: BTreeMap<String, u32>,
    }

    #[derive(Serialize, Deserialize, Shape, Model)]
    #[model(rebuild = rebuild)]
    pub(super) enum Tags {
        Only {
            names: Names,
            #[model(derived)]
            #[serde(skip)]
            r#final: Option<u32>,
        },
    }

    impl Default for Tags {
        fn default() -> Tags {
            Tags::Only { names: Names::default(), r#final: None }
        }
    }

    impl Tags {
        fn rebuild(&mut self) {
            let Tags::Only { names, r#final } = self;
            names.r#type = names.of.iter().map(|(id, name)| (name.clone(), *id)).collect();
            *r#final = names.of.keys().next_back().copied();
        }
    }

    #[memimage::commands]
    impl Tags {
        #[command]
        pub(super) fn add(&mut self, id: u32, name: String) -> Option<u32> {
            let Tags::Only { names, r#final } = self;
            names.of.insert(id, name.clone());
            *r#final = Some(r#final.map_or(id, |last| last.max(id)));
            names.r#type.insert(name, id)
        }
    }
}

#[derive(Default, serde::Serialize, serde::Deserialize, memimage::Shape, memimage::Model)]
struct Private {
    count: u64,
}

/// Only private commands, at the crate's root.
#[memimage::commands]
impl Private {
    #[command]
    fn add(&mut self, by: u64) -> u64 {
        self.count += by;
        self.count
    }
}

#[test]
fn a_model_in_a_public_module_compiles() {
    use public::CounterCommands;
    let counter = InMemory::<public::Counter>::default();
    assert_eq!(counter.add(1).unwrap(), 1);
    assert_eq!(public::step_and_reset(&counter), 3);
    assert_eq!(counter.add(1).unwrap(), 1);
}

#[test]
fn a_model_in_a_private_module_or_at_the_root_compiles() {
    use private::CounterCommands;
    let counter = InMemory::<private::Counter>::default();
    assert_eq!(counter.add(private::By { by: 4 }).unwrap(), 4);
    assert_eq!(InMemory::<Private>::default().add(5).unwrap(), 5);
}

#[test]
fn a_model_with_groups_and_past_versions_compiles() {
    use evolved::AddingCommands as _;
    use evolved::taking::TakingCommands as _;
    let counter = memimage::Image::<evolved::Counter>::in_memory().unwrap();
    assert_eq!(counter.add(5).unwrap(), 5);
    assert_eq!(counter.take(2).unwrap(), 3);
}

#[test]
fn a_model_with_derived_fields_compiles() {
    use derived::TagsCommands as _;
    let tags = memimage::Image::<derived::Tags>::in_memory().unwrap();
    assert_eq!(tags.add(1, "red".to_owned()).unwrap(), None);
    assert_eq!(tags.add(2, "red".to_owned()).unwrap(), Some(1));
}

#[test]
fn two_models_in_one_function_compile() {
    #[derive(Default, serde::Serialize, serde::Deserialize, memimage::Shape, memimage::Model)]
    struct Left(u64);

    #[memimage::commands]
    impl Left {
        #[command]
        fn add(&mut self, by: u64) -> u64 {
            self.0 += by;
            self.0
        }
    }

    #[derive(Default, serde::Serialize, serde::Deserialize, memimage::Shape, memimage::Model)]
    struct Right(u64);

    #[memimage::commands]
    impl Right {
        #[command]
        fn add(&mut self, by: u64) -> u64 {
            self.0 += 10 * by;
            self.0
        }
    }

    assert_eq!(InMemory::<Left>::default().add(1).unwrap(), 1);
    assert_eq!(std::rc::Rc::new(InMemory::<Right>::default()).add(1).unwrap(), 10);
}
