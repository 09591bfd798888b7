//! An erasure in the image itself.

use memimage::disk::SimDisk;
use memimage::{Error, ErrorKind, Image, Personal, Subject};

use super::{Clinic, ClinicCommands, SECRET, clinic, digest_of, first_key, has_bytes, open};

#[test]
fn a_value_is_there_until_it_is_erased_and_never_again() {
    let disk = SimDisk::new();
    let image = clinic(&disk);
    image.visit(1).unwrap();
    assert!(image.query(|clinic| clinic.name(1) == Some(SECRET)).unwrap());
    Image::close(image).unwrap();

    let image = open(&disk);
    assert!(image.query(|clinic| clinic.name(1) == Some(SECRET)).unwrap());
    let (digest, key) = (digest_of(&image), first_key(&disk));
    assert!(!has_bytes(&disk, SECRET.as_bytes()));
    assert!(has_bytes(&disk, &key));
    assert!(image.admin().erase(1_u32).unwrap());
    assert!(!image.admin().erase(1_u32).unwrap(), "again");
    assert!(!image.admin().erase("nobody").unwrap());
    assert!(!has_bytes(&disk, &key));
    image.query(|clinic| assert_eq!((clinic.name(1), clinic.name(2)), (None, Some("Bob")))).unwrap();
    assert_eq!(digest_of(&image), digest);
    image.visit(1).unwrap();
    Image::close(image).unwrap();

    let image = open(&disk);
    image.query(|clinic| assert_eq!((clinic.name(1), clinic.name(2)), (None, Some("Bob")))).unwrap();
    assert_eq!(image.query(|clinic| clinic.patients[&1].visits).unwrap(), 2);
    assert_eq!(image.query(|clinic| clinic.patients[&1].name.subject().clone()).unwrap(), Subject::from(1));
    assert!(!has_bytes(&disk, SECRET.as_bytes()));
}

#[test]
fn snapshots_before_and_after_an_erasure_are_verified_and_open() {
    let disk = SimDisk::new();
    let image = clinic(&disk);
    image.admin().snapshot().unwrap();
    image.visit(1).unwrap();
    image.admin().erase(1).unwrap();
    image.admin().verify().unwrap();
    image.visit(2).unwrap();
    image.admin().snapshot().unwrap();
    image.admin().verify().unwrap();
    assert!(!has_bytes(&disk, SECRET.as_bytes()));
    let digest = digest_of(&image);
    Image::close(image).unwrap();
    let image = open(&disk);
    assert!(image.admin().stats().recovery.snapshot.is_some());
    assert!(image.admin().stats().recovery.unusable_snapshots.is_empty());
    assert_eq!(digest_of(&image), digest);
    image.query(|clinic| assert!(clinic.name(1).is_none() && clinic.name(2).is_some())).unwrap();
}

#[test]
fn derived_fields_keep_nothing_of_an_erased_value() {
    let disk = SimDisk::new();
    let image = clinic(&disk);
    assert_eq!(image.query(|clinic| clinic.by_name.len()).unwrap(), 2);
    image.admin().erase(1).unwrap();
    assert_eq!(image.query(|clinic| clinic.by_name.keys().cloned().collect::<Vec<_>>()).unwrap(), ["Bob"]);
    image.admin().snapshot().unwrap();
}

#[test]
fn new_data_of_an_erased_subject_get_a_new_key() {
    let disk = SimDisk::new();
    let image = clinic(&disk);
    image.admin().erase(1).unwrap();
    image.register(3, Personal::new(1, "Ann again".to_owned())).unwrap();
    Image::close(image).unwrap();
    let image = open(&disk);
    image.query(|clinic| assert_eq!((clinic.name(1), clinic.name(3)), (None, Some("Ann again")))).unwrap();
    assert!(image.admin().erase(1).unwrap());
    image.query(|clinic| assert_eq!(clinic.name(3), None)).unwrap();
}

#[test]
fn a_value_that_a_body_derives_is_erased_with_the_first() {
    let disk = SimDisk::new();
    let image = clinic(&disk);
    image.shout(1).unwrap();
    image.admin().snapshot().unwrap();
    assert!(!has_bytes(&disk, SECRET.to_uppercase().as_bytes()));
    Image::close(image).unwrap();
    let image = open(&disk);
    image.query(|clinic| assert_eq!(clinic.name(1), Some(&*SECRET.to_uppercase()))).unwrap();
    image.admin().erase(1).unwrap();
    image.query(|clinic| assert_eq!(clinic.name(1), None)).unwrap();
}

#[test]
fn a_value_that_a_body_makes_cannot_be_stored() {
    let image = clinic(&SimDisk::new());
    image.invent(3).unwrap();
    let error = image.admin().snapshot().unwrap_err();
    assert!(error.to_string().contains("no argument of a command"), "{error}");
}

#[test]
fn an_erased_value_that_the_program_still_holds_may_be_recorded_again() {
    let disk = SimDisk::new();
    let image = clinic(&disk);
    let name = image.query(|clinic| clinic.patients[&1].name.clone()).unwrap();
    assert_eq!(name.get().map(String::as_str), Some(SECRET));
    image.admin().erase(1).unwrap();
    assert_eq!(name.get(), None);
    image.register(3, name).unwrap();
    Image::close(image).unwrap();
    open(&disk).query(|clinic| assert_eq!(clinic.name(3), None)).unwrap();
}

#[test]
fn all_ways_to_execute_a_command_create_keys() {
    let disk = SimDisk::new();
    let image = open(&disk);
    let name = |id: u32| Personal::new(id, format!("number {id}"));
    image.submit(super::ClinicRegister { id: 1, name: name(1) }).unwrap().wait().unwrap();
    image.try_submit(super::ClinicRegister { id: 2, name: name(2) }).unwrap().wait().unwrap();
    let commands = (3..10).map(|id| super::ClinicRegister { id, name: name(id) });
    assert!(image.submit_all(commands).wait().iter().all(Result::is_ok));
    image.once("a key").register(10, name(10)).unwrap();
    image.once("a key").register(10, name(10)).unwrap();
    image.admin().erase(10).unwrap();
    // a retry after the erasure is still the same request, because its subject is the same
    image.once("a key").register(10, name(10)).unwrap();
    Image::close(image).unwrap();
    let image = open(&disk);
    image
        .query(|clinic| {
            assert_eq!(clinic.patients.len(), 10);
            (1..10).for_each(|id| assert_eq!(clinic.name(id), Some(&*format!("number {id}"))));
            assert_eq!(clinic.name(10), None);
        })
        .unwrap();
}

#[test]
fn a_page_gets_the_value_or_null_and_cannot_send_one() {
    let image = clinic(&SimDisk::new());
    let json = |id: u32| image.query(|clinic| serde_json::to_string(&clinic.patients[&id]).unwrap()).unwrap();
    assert_eq!(json(2), r#"{"name":"Bob","visits":0}"#);
    image.admin().erase(2).unwrap();
    assert_eq!(json(2), r#"{"name":null,"visits":0}"#);
    let error = serde_json::from_str::<Personal<String>>("\"Bob\"").unwrap_err();
    assert!(error.to_string().contains("Personal::new"), "{error}");
}

#[test]
fn an_image_in_memory_erases_too() {
    let image = Image::<Clinic>::options().in_memory().unwrap();
    image.register(1, Personal::new(1, SECRET.to_owned())).unwrap();
    assert!(image.admin().erase(1).unwrap());
    image.query(|clinic| assert_eq!(clinic.name(1), None)).unwrap();
}

#[test]
fn a_closed_image_erases_nothing() {
    let image = clinic(&SimDisk::new());
    Image::close(image.clone()).unwrap();
    let refused: Result<bool, Error> = image.admin().erase(1);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn many_threads_create_subjects_and_erase() {
    let disk = SimDisk::new();
    let image = open(&disk);
    std::thread::scope(|scope| {
        for thread in 0..8_u32 {
            let image = &image;
            scope.spawn(move || {
                for number in 0..10 {
                    let id = 100 * thread + number;
                    image.register(id, Personal::new(id, format!("number {id}"))).unwrap();
                    if number % 2 == 0 {
                        assert!(image.admin().erase(id).unwrap());
                    }
                }
            });
        }
    });
    let check = |clinic: &Clinic| {
        assert_eq!(clinic.patients.len(), 80);
        for id in clinic.patients.keys() {
            assert_eq!(clinic.name(*id).is_none(), id % 100 % 2 == 0, "{id}");
        }
    };
    image.query(check).unwrap();
    Image::close(image).unwrap();
    open(&disk).query(check).unwrap();
}
