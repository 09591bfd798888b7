//! What a close says about events that are not in the log.

mod support;

use std::time::{Duration, Instant};

use memimage::replication::Acknowledge;
use memimage::{ErrorKind, Image};
use memimage_replication::testing::MemoryLog;
use memimage_replication::{Log, Sidecar};
use support::replicas::{CutLog, LOCAL, log, try_owner};
use support::{Place, Tally, TallyCommands, wait_until};

#[test]
fn a_close_names_the_events_that_are_on_the_local_disk_only() {
    let (memory, place) = (MemoryLog::new("rest"), Place::new());
    let cut = CutLog::new(&memory);
    let shipping = Log::new(cut.clone());
    let owner = try_owner(shipping.clone(), &place, "owner", LOCAL).unwrap();
    owner.add(1).unwrap();
    wait_until("the first event is shipped", || shipping.status().shipped.get() == 1);
    cut.cut_after(0);
    (2..=3).for_each(|number| {
        owner.add(number).unwrap();
    });
    let begun = Instant::now();
    let error = Image::close(owner).unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert_eq!(error.kind(), ErrorKind::Replication, "{error}");
    let text = error.to_string();
    for part in ["closed", "events 2 to 3 are on the local disk only", "memory://rest", "the test cut the log off"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.ends_with("help: open the directory as the owner again to ship them"), "{text}");

    // the image is closed nevertheless, and the next owner ships them
    let owner = try_owner(log(&memory), &place, "owner", Acknowledge::Remote).unwrap();
    assert_eq!(owner.query(|tally| tally.sum).unwrap(), 6);
    Image::close(owner).unwrap();
    memimage_replication::restore(&log(&memory), place.path("restored")).unwrap();
    let restored = Image::<Tally>::open(place.path("restored")).unwrap();
    assert_eq!(restored.query(|tally| tally.sum).unwrap(), 6);
}

#[test]
fn a_sidecar_that_is_stopped_says_that_the_log_lacks_the_rest() {
    let (memory, place) = (MemoryLog::new("beside"), Place::new());
    let image = Image::<Tally>::options().open(place.path("image")).unwrap();
    image.add(1).unwrap();
    let cut = CutLog::new(&memory);
    let sidecar = Sidecar::start(Log::new(cut.clone()), place.path("image")).unwrap();
    sidecar.ship_all().unwrap();
    cut.cut_after(0);
    image.add(2).unwrap();
    Image::close(image).unwrap();
    wait_until("the sidecar notices", || sidecar.status().failure.is_some());
    let error = sidecar.stop().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Replication, "{error}");
    assert!(error.to_string().contains("memory://beside"), "{error}");
}
