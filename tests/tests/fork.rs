//! Processes that fork while they own an image: the image stays with the parent. In the child every call is an error, and dropping
//! the copy of the image neither releases the lock of the parent nor touches its files.

#![allow(unsafe_code, reason = "std has no `fork`")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_core::Stream as _;
use memimage::{Durability, Error, ErrorKind, Follower, Image, Model, Projection, Seq, Shape, SnapshotPolicy};
use memimage_tests::{block_on, wait_until};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Log {
    seen: Vec<String>,
}

#[memimage::commands]
impl Log {
    #[command]
    fn add(&mut self, text: String) {
        self.seen.push(text);
    }
}

unsafe extern "C" {
    fn fork() -> i32;
    fn _Fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(status: i32) -> !;
    fn alarm(seconds: u32) -> u32;
}

/// Runs `child` in a child of this process, and ends the child with what it returns. The child is killed if it hangs.
fn forked(fork: unsafe extern "C" fn() -> i32, child: impl FnOnce() -> bool) -> Child {
    // SAFETY: the child runs only `child` and then ends without returning to the caller. glibc makes its own locks usable there.
    let pid = unsafe { fork() };
    assert!(pid >= 0, "fork fails");
    if pid == 0 {
        // SAFETY: it takes a number only.
        unsafe { alarm(20) };
        let passed = catch_unwind(AssertUnwindSafe(child)).unwrap_or(false);
        // SAFETY: it ends the process, and nothing of it is used any more.
        unsafe { _exit(if passed { 0 } else { 1 }) };
    }
    Child(pid)
}

struct Child(i32);

impl Child {
    /// Waits for the child; whether it passed.
    fn passed(self) -> bool {
        let mut status = -1;
        // SAFETY: the status is a valid place to write to.
        assert_eq!(unsafe { waitpid(self.0, &raw mut status, 0) }, self.0);
        status == 0
    }
}

/// Runs the tests one after the other: a child that opens an image must not find a lock of the library held for ever, by a thread
/// of another test that used it at the fork.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn open(path: &Path, durability: Durability) -> Result<Image<Log>, Error> {
    Image::options().durability(durability).snapshots(SnapshotPolicy::Manual).open(path)
}

fn is_forked<T>(result: Result<T, Error>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::Forked)
}

/// What a child does with its copy of the image; whether all went as it should.
type Use = fn(Image<Log>) -> bool;

const USES: &[(&str, Use)] = &[
    ("drops it", |image| {
        drop(image);
        true
    }),
    ("drops it while it unwinds", |image| {
        catch_unwind(AssertUnwindSafe(move || {
            let _image = image;
            panic!("unwinds");
        }))
        .is_err()
    }),
    ("ends without a drop", |image| {
        std::mem::forget(image);
        true
    }),
    ("runs a command", |image| is_forked(image.add("child".to_owned())) && is_forked(image.add("again".to_owned()))),
    ("submits", |image| {
        is_forked(image.submit(LogAdd { text: "child".to_owned() }))
            && is_forked(image.try_submit(LogAdd { text: "child".to_owned() }))
            && is_forked(image.submit_all([LogAdd { text: "child".to_owned() }]).wait().remove(0))
    }),
    ("awaits", |image| {
        is_forked(block_on(image.execute_async(LogAdd { text: "child".to_owned() })))
            && is_forked(block_on(image.submit_async(LogAdd { text: "child".to_owned() })))
            && is_forked(block_on(image.query_async(|log| log.seen.len())))
    }),
    ("reads", |image| is_forked(image.query(|log| log.seen.len())) && is_forked(image.read_uncommitted().map(drop))),
    ("maintains it", |image| is_forked(image.admin().snapshot()) && is_forked(image.journal().sync())),
    ("closes it", |image| is_forked(Image::close(image.clone())) && is_forked(Image::close(image))),
    ("looks at it", |image| image.admin().stats().seq == image.journal().seq() && !format!("{image:?}").is_empty()),
    ("drops clones", |image| {
        let clones = vec![image.clone(), image.clone()];
        drop(image);
        drop(clones);
        true
    }),
];

/// Forks between commands, has the child use its copy in each way, before or after the parent goes on, and expects that the parent
/// remains the only owner and loses nothing.
#[test]
fn a_child_leaves_the_image_of_its_parent_alone() {
    let _alone = alone();
    for durability in [Durability::Synced, Durability::Buffered, Durability::Interval(Duration::from_millis(3))] {
        for (name, use_copy) in USES {
            for parent_first in [false, true] {
                let dir = tempfile::tempdir().unwrap();
                let path = dir.path().join("image");
                let mut image = Some(open(&path, durability).unwrap());
                image.as_ref().unwrap().add("before".to_owned()).unwrap();
                let gate = dir.path().join("gate");
                let child = forked(fork, || {
                    if parent_first {
                        wait_until("the parent went on", || gate.exists());
                    }
                    // the last handle of the child's copy
                    use_copy(image.take().unwrap())
                });
                let image = image.unwrap();
                if parent_first {
                    image.add("during".to_owned()).unwrap();
                    fs::write(&gate, "").unwrap();
                }
                assert!(child.passed(), "a child that {name}, {durability:?}");
                let second = open(&path, durability).map(drop).unwrap_err();
                assert_eq!(second.kind(), ErrorKind::Locked, "after a child that {name}: {second}");
                image.add("after".to_owned()).unwrap();
                let expected = image.query(|log| log.seen.clone()).unwrap();
                Image::close(image).unwrap();
                let image = open(&path, durability).unwrap();
                assert_eq!(image.query(|log| log.seen.clone()).unwrap(), expected, "after a child that {name}");
            }
        }
    }
}

#[test]
fn a_child_forked_while_other_threads_use_the_image_is_refused_at_once() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    let image = open(&path, Durability::Buffered).unwrap();
    let done = AtomicBool::new(false);
    let acknowledged = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..3)
            .map(|worker| {
                let (image, done) = (image.clone(), &done);
                scope.spawn(move || {
                    let mut count = 0;
                    while !done.load(Ordering::Relaxed) {
                        image.add(format!("{worker}")).unwrap();
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        for round in 0..100 {
            let child = forked(fork, || {
                let refused = is_forked(image.add("child".to_owned())) && is_forked(image.query(|log| log.seen.len()));
                let _ = image.admin().stats();
                drop(image.clone());
                refused
            });
            assert!(child.passed(), "round {round}");
        }
        done.store(true, Ordering::Relaxed);
        workers.into_iter().map(|worker| worker.join().unwrap()).sum::<usize>()
    });
    Image::close(image).unwrap();
    let image = open(&path, Durability::Buffered).unwrap();
    assert_eq!(image.query(|log| log.seen.len()).unwrap(), acknowledged);
}

#[test]
fn an_answer_of_the_parent_is_not_waited_for_in_the_child() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let image = open(&dir.path().join("image"), Durability::Interval(Duration::MAX)).unwrap();
    for _ in 0..20 {
        let submit = || image.submit(LogAdd { text: "parent".to_owned() }).unwrap();
        let (waited, polled) = (submit(), submit());
        // it may be settled at the fork
        let child = forked(fork, || {
            let fine = |result: Result<(), Error>| result.is_ok() || is_forked(result);
            fine(waited.wait()) && fine(block_on(polled))
        });
        assert!(child.passed());
    }
}

/// A fork that the C library's handlers do not see is noticed before anything is written or closed.
#[test]
fn a_child_of_the_bare_system_call_writes_nothing() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    let image = open(&path, Durability::Synced).unwrap();
    image.add("before".to_owned()).unwrap();
    assert!(forked(_Fork, || image.add("child".to_owned()).is_err()).passed());
    assert!(forked(_Fork, || is_forked(Image::close(image.clone()))).passed());
    assert!(
        forked(_Fork, || {
            drop(image.clone());
            true
        })
        .passed()
    );
    image.add("after".to_owned()).unwrap();
    assert_eq!(open(&path, Durability::Synced).map(drop).unwrap_err().kind(), ErrorKind::Locked);
    Image::close(image).unwrap();
    let image = open(&path, Durability::Synced).unwrap();
    assert_eq!(image.query(|log| log.seen.clone()).unwrap(), ["before", "after"]);
}

#[test]
fn a_child_is_refused_by_each_call_on_a_follower_that_answers_or_fails() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    let image = open(&path, Durability::Synced).unwrap();
    image.add("before".to_owned()).unwrap();
    let follower = memimage::Follower::<Log>::open(&path).unwrap();
    let child = forked(fork, || {
        is_forked(follower.lag())
            && is_forked(follower.query(|log| log.seen.len()))
            && is_forked(follower.wait(memimage::Seq::new(1)))
            && is_forked(follower.verify())
    });
    assert!(child.passed());
    assert!(follower.lag().is_ok());
}

/// As `daemon()` does: the parent opens the image, forks and ends. The child can open the image once it has dropped its copy.
#[test]
fn a_daemon_opens_the_image_again_after_its_parent_has_ended() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let (path, result): (PathBuf, PathBuf) = (dir.path().join("image"), dir.path().join("result"));
    let parent = forked(fork, || {
        let mut image = Some(open(&path, Durability::Synced).unwrap());
        image.as_ref().unwrap().add("parent".to_owned()).unwrap();
        forked(fork, || {
            let refused = is_forked(image.as_ref().unwrap().add("child".to_owned()));
            drop(image.take());
            let mut reopened = None;
            wait_until("the parent has ended", || {
                reopened = open(&path, Durability::Synced).ok();
                reopened.is_some()
            });
            let image = reopened.unwrap();
            image.add("daemon".to_owned()).unwrap();
            let seen = image.query(|log| log.seen.join(" ")).unwrap();
            Image::close(image).unwrap();
            fs::write(&result, format!("{refused} {seen}")).unwrap();
            true
        });
        // the parent ends without closing the image: its lock stays with the copy of the descriptor in the child
        std::mem::forget(image);
        true
    });
    assert!(parent.passed());
    wait_until("the daemon wrote its result", || {
        fs::read_to_string(&result).is_ok_and(|text| text.ends_with("daemon"))
    });
    assert_eq!(fs::read_to_string(&result).unwrap(), "true parent daemon");
    assert_eq!(open(&path, Durability::Synced).unwrap().query(|log| log.seen.clone()).unwrap(), ["parent", "daemon"]);
}

/// The number of texts seen.
#[derive(Default, Serialize, Deserialize, Shape)]
struct Count {
    texts: u64,
}

#[memimage::projection(of = Log)]
impl Count {
    #[on]
    fn add(&mut self, _: &LogAdd) {
        self.texts += 1;
    }
}

/// The threads that read the journal exist only in the parent.
#[test]
fn a_child_cannot_use_the_readers_of_its_parent() {
    let _alone = alone();
    for parent_first in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("image");
        let image = open(&path, Durability::Synced).unwrap();
        image.add("before".to_owned()).unwrap();
        let journal = memimage::Journal::<Log>::open(&path).unwrap();
        let mut live = Some(image.journal().subscribe_as("live", Seq::ZERO).unwrap());
        let mut beside = Some(journal.subscribe(Seq::ZERO).unwrap());
        let mut stream = Some(journal.subscribe(Seq::ZERO).unwrap().into_stream());
        let mut projection = Some(Projection::<Count>::open(&image.journal(), dir.path().join("count")).unwrap());
        let mut follower = Some(Follower::<Log>::open(&path).unwrap());
        let first = live.as_mut().unwrap().next().unwrap().unwrap();
        let gate = dir.path().join("gate");
        let child = forked(fork, || {
            if parent_first {
                wait_until("the parent went on", || gate.exists());
            }
            let mut subscription = live.take().unwrap();
            let refused = is_forked(subscription.acknowledge(&first))
                && is_forked(subscription.sync_acknowledged())
                && is_forked(subscription.next().unwrap());
            subscription.stop_handle().stop();
            let refused = refused && is_forked(beside.take().unwrap().next_timeout(Duration::ZERO));
            let mut stream = stream.take().unwrap();
            let next = block_on(std::future::poll_fn(|context| Pin::new(&mut stream).poll_next(context)));
            let refused = refused && is_forked(next.unwrap());

            let projection = projection.take().unwrap();
            let refused = refused
                && is_forked(projection.query(|count| count.texts))
                && is_forked(projection.wait(Seq::new(9)))
                && is_forked(projection.wait_timeout(Seq::new(9), Duration::ZERO))
                && projection.stats().error.is_some_and(|error| error.kind() == ErrorKind::Forked)
                && is_forked(projection.close());

            let follower = follower.take().unwrap();
            let refused = refused
                && is_forked(follower.query(|log| log.seen.len()))
                && is_forked(follower.wait(Seq::new(9)))
                && is_forked(follower.lag())
                && is_forked(follower.verify());
            let promoted = follower.promote().map_err(Error::from);
            refused && is_forked(promoted.map(drop))
        });
        if parent_first {
            image.add("during".to_owned()).unwrap();
            fs::write(&gate, "").unwrap();
        }
        assert!(child.passed(), "the parent went on first: {parent_first}");

        // the readers of the parent go on
        image.add("after".to_owned()).unwrap();
        let last = image.journal().durable_seq();
        let (mut live, mut beside) = (live.unwrap(), beside.unwrap());
        live.acknowledge(&first).unwrap();
        for expected in 2..=last.get() {
            assert_eq!(live.next().unwrap().unwrap().seq().get(), expected);
        }
        for expected in 1..=last.get() {
            assert_eq!(beside.next().unwrap().unwrap().seq().get(), expected);
        }
        let (projection, follower) = (projection.unwrap(), follower.unwrap());
        projection.wait(last).unwrap();
        follower.wait(last).unwrap();
        assert_eq!(projection.query(|count| count.texts).unwrap(), last.get());
        assert_eq!(follower.query(|log| log.seen.len() as u64).unwrap(), last.get());
        projection.close().unwrap();
    }
}
