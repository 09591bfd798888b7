//! The last handle of a follower is dropped on the follower's own thread.

use std::sync::{Arc, Mutex};

use memimage::disk::{Disk, SimDisk};
use memimage::{Follower, Image, Model, Options, Shape};
use memimage_tests::{wait_until, with_timeout};
use serde::{Deserialize, Serialize};

use super::IMAGE;

/// The last handle of a follower.
static HELD: Mutex<Option<Follower<Keeper>>> = Mutex::new(None);

fn is_follower() -> bool {
    std::thread::current().name() == Some("memimage-follower")
}

fn drop_held() {
    if is_follower() {
        let held = HELD.lock().unwrap().take();
        drop(held);
    }
}

/// Its drop drops the follower that replays it.
#[derive(Default, Serialize, Deserialize, Shape)]
struct Token {
    number: u64,
}

impl Drop for Token {
    fn drop(&mut self) {
        drop_held();
    }
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Keeper {
    token: Token,
    count: u64,
}

#[memimage::commands]
impl Keeper {
    #[command]
    fn replace(&mut self, number: u64) {
        self.token = Token { number };
    }

    #[command]
    fn add(&mut self) {
        self.count += 1;
        assert!(!is_follower(), "a panic on the follower's thread");
    }
}

fn keeper() -> Options<Keeper> {
    Image::options()
}

/// Lets `command` drop the last handle of a follower while the follower replays it, and waits until its thread has ended.
fn assert_ends(command: impl FnOnce(&Image<Keeper>)) {
    let disk = SimDisk::new();
    let image = keeper().open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let followed: Arc<dyn Disk> = Arc::new(disk.clone());
    *HELD.lock().unwrap() = Some(keeper().follow_with(Arc::clone(&followed), IMAGE).unwrap());
    command(&image);
    // the thread holds the disk
    wait_until("the follower ends", || Arc::strong_count(&followed) == 1);
    assert!(HELD.lock().unwrap().is_none());
}

#[test]
fn a_value_of_the_model_or_a_panic_hook_may_drop_the_last_handle() {
    with_timeout(|| {
        assert_ends(|image| image.replace(1).unwrap());
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            drop_held();
            before(info);
        }));
        assert_ends(|image| image.add().unwrap());
        drop(std::panic::take_hook());
    });
}
