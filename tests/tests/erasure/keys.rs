//! Lost, foreign, damaged and exposed key files.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use memimage::disk::{Disk, SimDisk};
use memimage::{ErrorKind, Image, Personal};

use super::{ClinicCommands, PATH, clinic, open, options, shared};

fn keys() -> std::path::PathBuf {
    Path::new(PATH).join("personal.keys/keys")
}

#[test]
fn a_lost_key_file_is_an_error_that_says_what_to_do() {
    let disk = SimDisk::new();
    Image::close(clinic(&disk)).unwrap();
    let bytes = disk.read(keys()).unwrap();
    disk.remove(&keys()).unwrap();
    let before = disk.files();
    let error = options().open_with(shared(&disk), PATH).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PersonalKey);
    assert!(error.to_string().contains("event 1") && error.to_string().contains("which does not exist"), "{error}");
    assert_eq!(disk.files(), before, "nothing was created");
    // the file is put back
    let file = disk.create_new(&keys()).unwrap();
    file.write_at(&bytes, 0).unwrap();
    open(&disk).query(|clinic| assert_eq!(clinic.name(2), Some("Bob"))).unwrap();
}

#[test]
fn the_key_file_of_another_image_is_an_error() {
    let (disk, other) = (SimDisk::new(), SimDisk::new());
    Image::close(clinic(&disk)).unwrap();
    Image::close(clinic(&other)).unwrap();
    disk.write(keys(), 0, &other.read(keys()).unwrap()).unwrap();
    let error = options().open_with(shared(&disk), PATH).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PersonalKey);
    assert!(error.to_string().contains("with 2 keys, 0 of them destroyed"), "{error}");
}

#[test]
fn a_damaged_key_file_is_an_error_with_its_place() {
    let disk = SimDisk::new();
    Image::close(clinic(&disk)).unwrap();
    disk.write(keys(), 128 + 70, &[0xFF; 4]).unwrap();
    let error = options().open_with(shared(&disk), PATH).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("personal.keys/keys` is damaged at byte 128"), "{error}");
}

#[test]
fn a_file_in_the_place_of_the_directory_is_refused() {
    let disk = SimDisk::new();
    let image = open(&disk);
    Image::close(image).unwrap();
    disk.create_new(&Path::new(PATH).join("personal.keys")).unwrap();
    assert_eq!(options().open_with(shared(&disk), PATH).unwrap_err().kind(), ErrorKind::NotAnImage);
}

#[test]
fn a_full_disk_refuses_the_command_and_records_nothing() {
    let disk = SimDisk::new();
    let image = open(&disk);
    disk.inject(memimage::disk::Fault::full().path("personal.keys"));
    let refused = image.register(1, Personal::new(1, "Ann".to_owned()));
    assert!(refused.is_err());
    disk.heal();
    assert_eq!(image.query(|clinic| clinic.patients.len()).unwrap(), 0);
    image.register(1, Personal::new(1, "Ann".to_owned())).unwrap();
    Image::close(image).unwrap();
    open(&disk).query(|clinic| assert_eq!(clinic.name(1), Some("Ann"))).unwrap();
}

#[test]
fn only_the_owner_can_read_the_keys() {
    let directory = tempfile::tempdir().unwrap();
    let image = options().open(directory.path().join("clinic")).unwrap();
    image.register(1, Personal::new(1, "Ann".to_owned())).unwrap();
    let mode = |path: &str| {
        let path = directory.path().join("clinic").join(path);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode("personal.keys"), mode("personal.keys/keys")), (0o700, 0o600));
}

#[test]
fn keys_may_be_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    let (path, keys) = (directory.path().join("clinic"), directory.path().join("keys"));
    let image = options().personal_keys(&keys).open(&path).unwrap();
    image.register(1, Personal::new(1, "Ann".to_owned())).unwrap();
    Image::close(image).unwrap();
    assert!(!path.join("personal.keys").exists() && keys.join("keys").exists());
    let image = options().personal_keys(&keys).open(&path).unwrap();
    image.query(|clinic| assert_eq!(clinic.name(1), Some("Ann"))).unwrap();
}
