//! Upcasters convert a value with `map`; an erased one stays erased.

use std::sync::Arc;

use memimage::disk::{Disk, SimDisk};
use memimage::{Image, Personal};

mod old {
    use memimage::{Model, Personal, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "People")]
    pub(super) struct People {
        pub(super) names: Vec<Personal<String>>,
    }

    #[memimage::commands]
    impl People {
        #[command]
        pub(super) fn add(&mut self, name: Personal<String>) {
            self.names.push(name);
        }
    }
}

mod new {
    use memimage::{Model, Personal, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape)]
    pub(super) struct Name {
        pub(super) first: String,
        pub(super) last: String,
    }

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "People", version = 2, history(PeopleV1))]
    pub(super) struct People {
        pub(super) names: Vec<Personal<Name>>,
    }

    #[derive(Serialize, Deserialize, Shape)]
    pub(super) struct PeopleV1 {
        names: Vec<Personal<String>>,
    }

    #[derive(Serialize, Deserialize, Shape)]
    pub(super) struct AddV1 {
        name: Personal<String>,
    }

    #[memimage::commands]
    impl People {
        #[command(version = 2, history(AddV1))]
        pub(super) fn add(&mut self, name: Personal<Name>) {
            self.names.push(name);
        }
    }

    fn split(name: String) -> Name {
        let (first, last) = name.split_once(' ').unwrap_or((&name, ""));
        Name { first: first.to_owned(), last: last.to_owned() }
    }

    #[memimage::upcast]
    fn add_1_to_2(old: AddV1) -> PeopleAdd {
        PeopleAdd { name: old.name.map(split) }
    }

    #[memimage::upcast]
    fn people_1_to_2(old: PeopleV1) -> People {
        People { names: old.names.into_iter().map(|name| name.map(split)).collect() }
    }
}

use new::PeopleCommands as _;
use old::PeopleCommands as _;

#[test]
fn an_upcaster_converts_values_and_keeps_erased_ones() {
    for snapshot in [false, true] {
        let disk = SimDisk::new();
        let shared = || Arc::new(disk.clone()) as Arc<dyn Disk>;
        let image = Image::<old::People>::options().open_with(shared(), "/people").unwrap();
        image.add(Personal::new(1, "Ann Smith".to_owned())).unwrap();
        image.add(Personal::new(2, "Bob Stone".to_owned())).unwrap();
        image.admin().erase(1).unwrap();
        if snapshot {
            image.admin().snapshot().unwrap();
        }
        Image::close(image).unwrap();
        let image = Image::<new::People>::options().open_with(shared(), "/people").unwrap();
        let eve = new::Name { first: "Eve".to_owned(), last: "Jones".to_owned() };
        image.add(Personal::new(3, eve.clone())).unwrap();
        let check = |people: &new::People| {
            assert!(people.names[0].is_erased());
            assert_eq!(people.names[1].get().unwrap().last, "Stone");
            assert_eq!(people.names[2].get(), Some(&eve));
        };
        image.query(check).unwrap();
        image.admin().snapshot().unwrap();
        Image::close(image).unwrap();
        Image::<new::People>::options().open_with(shared(), "/people").unwrap().query(check).unwrap();
    }
}
