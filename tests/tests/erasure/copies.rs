//! Everything that reads an image or is made from one: histories, followers, projections, branches, backups, exports.

use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{ErrorKind, EventInfo, Image, Journal, Personal, Projection, Seq, Shape};
use memimage_tests::wait_until;
use serde::{Deserialize, Serialize};

use super::{
    Clinic, ClinicCommands, ClinicEvent, ClinicRegister, PATH, SECRET, clinic, contains, first_key, options, shared,
};

/// The name in the first event.
fn first_name(journal: &Journal<Clinic>) -> Option<String> {
    let event = journal.history().into_iter().next().unwrap().unwrap();
    match event.event().unwrap() {
        ClinicEvent::Register(ClinicRegister { name, .. }) => name.get().cloned(),
        _ => panic!("the first event registers"),
    }
}

#[test]
fn histories_past_states_changes_and_differences_agree_with_an_erasure() {
    let disk = SimDisk::new();
    let image = clinic(&disk);
    image.visit(1).unwrap();
    let outside = options().open_journal_with(shared(&disk), PATH).unwrap();
    wait_until("the files prove that the events are durable", || outside.durable_seq().unwrap() == Seq::new(3));
    for (journal, erased) in [(Journal::clone(&image.journal()), false), (Journal::clone(&image.journal()), true)] {
        if erased {
            image.admin().erase(1).unwrap();
        }
        let expected = (!erased).then(|| SECRET.to_owned());
        for journal in [&journal, &outside] {
            assert_eq!(first_name(journal), expected);
            let past = journal.at(Seq::new(1)).unwrap();
            assert_eq!(past.name(1).map(str::to_owned), expected);
            let changes = journal.changes(|clinic| clinic.patients.get(&1).map(|patient| patient.visits));
            assert_eq!(changes.count(), 2);
            let differences = journal.diff(Seq::new(1), Seq::new(3)).unwrap();
            assert!(differences.iter().all(|difference| !difference.path.contains("sealed")));
            assert_eq!(differences.len(), 2, "{differences:?}");
        }
    }
}

#[test]
fn a_follower_notices_an_erasure() {
    let disk = SimDisk::new();
    let image = clinic(&disk);
    let follower = options().follow_with(shared(&disk), PATH).unwrap();
    follower.wait(Seq::new(2)).unwrap();
    let names = || follower.query(|clinic| (clinic.name(1).is_some(), clinic.by_name.len())).unwrap();
    assert_eq!(names(), (true, 2));
    image.register(3, Personal::new(3, "Eve".to_owned())).unwrap();
    follower.wait_timeout(Seq::new(3), Duration::from_secs(60)).unwrap();
    follower.query(|clinic| assert_eq!(clinic.name(3), Some("Eve"))).unwrap();
    image.admin().erase(1).unwrap();
    wait_until("the follower notices the erasure", || names() == (false, 2));
    follower.verify().unwrap();
    drop(image);
    let image = follower.promote().unwrap();
    assert!(image.admin().erase(3).unwrap());
    image.query(|clinic| assert_eq!((clinic.name(1), clinic.name(3)), (None, None))).unwrap();
}

#[derive(Default, Serialize, Deserialize, Shape)]
struct Names {
    names: Vec<Personal<String>>,
}

#[memimage::projection(of = Clinic)]
impl Names {
    #[on]
    fn register(&mut self, event: &ClinicRegister, _: &EventInfo<'_>) {
        self.names.push(event.name.clone());
    }
}

#[test]
fn a_projection_reads_an_erased_value_as_erased() {
    let directory = tempfile::tempdir().unwrap();
    let (path, projection) = (directory.path().join("clinic"), directory.path().join("names"));
    let image = options().open(&path).unwrap();
    image.register(1, Personal::new(1, SECRET.to_owned())).unwrap();
    let names = Projection::<Names>::open(&image.journal(), &projection).unwrap();
    names.wait(Seq::new(1)).unwrap();
    assert_eq!(names.query(|names| names.names[0].get().cloned()).unwrap().as_deref(), Some(SECRET));
    names.close().unwrap();
    image.admin().erase(1).unwrap();
    let names = Projection::<Names>::open(&image.journal(), &projection).unwrap();
    assert!(names.query(|names| names.names[0].is_erased()).unwrap());
    names.close().unwrap();
    assert!(!any_file_contains(directory.path(), SECRET.as_bytes()));
}

#[test]
fn a_backup_has_no_keys_and_is_erased_with_the_image() {
    let directory = tempfile::tempdir().unwrap();
    let (path, backup) = (directory.path().join("clinic"), directory.path().join("backup"));
    let image = options().open(&path).unwrap();
    image.register(1, Personal::new(1, SECRET.to_owned())).unwrap();
    image.register(2, Personal::new(2, "Bob".to_owned())).unwrap();
    image.admin().snapshot().unwrap();
    image.admin().backup(&backup).unwrap();
    assert!(!backup.join("personal.keys").exists());
    assert!(!any_file_contains(directory.path(), SECRET.as_bytes()));
    let keys = path.join("personal.keys");
    let key = std::fs::read(keys.join("keys")).unwrap()[192..224].to_vec();
    image.admin().erase(1).unwrap();
    assert!(!any_file_contains(directory.path(), &key));
    Image::close(image).unwrap();

    let error = options().open(&backup).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PersonalKey);
    for part in ["is unknown", "which does not exist", "help:", "personal_keys(path)"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    let restored = options().personal_keys(&keys).open(&backup).unwrap();
    restored.query(|clinic| assert_eq!((clinic.name(1), clinic.name(2)), (None, Some("Bob")))).unwrap();
    // both use one key file
    restored.admin().erase(2).unwrap();
    Image::close(restored).unwrap();
    options().open(&path).unwrap().query(|clinic| assert_eq!(clinic.name(2), None)).unwrap();
}

#[test]
fn a_branch_uses_the_keys_of_its_source() {
    let directory = tempfile::tempdir().unwrap();
    let (path, branch) = (directory.path().join("clinic"), directory.path().join("branch"));
    let image = options().open(&path).unwrap();
    image.register(1, Personal::new(1, SECRET.to_owned())).unwrap();
    image.register(2, Personal::new(2, "Bob".to_owned())).unwrap();
    image.visit(1).unwrap();
    image.journal().branch(&branch).without([Seq::new(3)]).create().unwrap();
    assert!(!branch.join("personal.keys").exists());
    assert_eq!(options().open(&branch).unwrap_err().kind(), ErrorKind::PersonalKey);
    let on_branch = options().personal_keys(path.join("personal.keys")).open(&branch).unwrap();
    on_branch.query(|clinic| assert_eq!(clinic.name(1), Some(SECRET))).unwrap();
    image.admin().erase(1).unwrap();
    on_branch.query(|clinic| assert_eq!((clinic.name(1), clinic.name(2)), (None, Some("Bob")))).unwrap();
    image.journal().branch(directory.path().join("another")).create().unwrap();
}

#[test]
fn an_export_has_neither_values_nor_keys() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("clinic");
    let image = options().open(&path).unwrap();
    image.register(1, Personal::new(1, SECRET.to_owned())).unwrap();
    Image::close(image).unwrap();
    let mut export = Vec::new();
    memimage::admin::export(&path, &mut export).unwrap();
    assert!(!contains(&export, SECRET.as_bytes()));
    assert!(memimage::admin::check(&path).unwrap().is_sound());
}

#[test]
fn the_helper_finds_what_it_must_find() {
    let disk = SimDisk::new();
    let image = clinic(&disk);
    assert!(super::has_bytes(&disk, &first_key(&disk)));
    drop(image);
}

fn any_file_contains(directory: &std::path::Path, wanted: &[u8]) -> bool {
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => any_file_contains(&path, wanted),
            false => contains(&std::fs::read(&path).unwrap(), wanted),
        }
    })
}
