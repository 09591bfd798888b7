//! Power cuts at each operation: an event is never there without its key, and an acknowledged erasure never comes back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use memimage::disk::{Crash, Fate, SimDisk};
use memimage::{Image, Personal};

use super::{ClinicCommands, SECRET, open, options, shared};

/// Whether the crash leaves garbage in a sector, which the assumptions in FORMAT.md exclude.
fn leaves_garbage(disk: &SimDisk, crash: &Crash) -> bool {
    disk.fates(crash).iter().any(|(_, fate)| matches!(fate, Fate::Garbage(_)))
}

#[test]
fn after_a_crash_each_event_has_its_key_and_an_erasure_is_done_or_not() {
    let disk = SimDisk::new();
    let done = Arc::new(AtomicUsize::new(0));
    let crashes = Arc::new(Mutex::new(Vec::new()));
    let image = open(&disk);
    let (counted, found) = (Arc::clone(&done), Arc::clone(&crashes));
    disk.observe(move |_, disk| {
        let variants = Crash::all(disk.unsynced().len(), 0..3);
        let variants = variants.iter().filter(|crash| !leaves_garbage(disk, crash));
        let done = counted.load(Ordering::SeqCst);
        found.lock().unwrap().extend(variants.map(|crash| (done, disk.crash_by(crash))));
    });
    let step = || done.fetch_add(1, Ordering::SeqCst);
    image.register(1, Personal::new(1, SECRET.to_owned())).unwrap();
    step();
    image.register(2, Personal::new(2, "Bob".to_owned())).unwrap();
    step();
    assert!(image.admin().erase(1).unwrap());
    step();
    Image::close(image).unwrap();
    let crashes = std::mem::take(&mut *crashes.lock().unwrap());
    assert!(crashes.len() > 100, "{}", crashes.len());
    let mut erased_early = 0;
    for (done, crash) in crashes {
        let image = options().open_with(shared(&crash), super::PATH).unwrap();
        let (patients, first) = image
            .query(|clinic| {
                let first = clinic.patients.contains_key(&1).then(|| clinic.name(1).map(str::to_owned));
                (clinic.patients.len(), first)
            })
            .unwrap();
        assert!(patients >= done.min(2));
        match first {
            None => assert_eq!(done, 0),
            Some(Some(name)) => assert!(name == SECRET && done < 3, "the erased value came back"),
            Some(None) => {
                assert!(done >= 2, "the value is lost");
                erased_early += usize::from(done == 2);
            }
        }
        assert!(!super::has_bytes(&crash, SECRET.as_bytes()));
    }
    assert!(erased_early > 0, "no crash came between the decision and the end of the erasure");
}
