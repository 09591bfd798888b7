//! Commands while the log is too far behind.

use std::thread;
use std::time::Duration;

use memimage::replication::MaxLag;
use memimage::{Error, ErrorKind, Image};
use memimage_tests::{block_on, with_timeout};

use super::{Call, Tally, TallyAdd, TallyCommands as _, fence, open_local, seq};

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(50);

/// Limits that two commands exceed: in bytes, and, some time after the commands, in time. The batch of a command takes 512 bytes, and so does
/// the shape of the first one.
fn limits() -> [MaxLag; 2] {
    [MaxLag::new(1100, LONG), MaxLag::new(1 << 30, SHORT)]
}

fn exceed(image: &Image<Tally>) {
    image.add(1).unwrap();
    image.add(1).unwrap();
    thread::sleep(SHORT * 2);
}

#[test]
fn commands_fail_before_they_are_executed() {
    for limit in limits() {
        with_timeout(move || {
            let (image, log) = open_local(limit.fail());
            exceed(&image);
            let mut errors: Vec<Error> = vec![
                image.add(1).unwrap_err(),
                image.submit(TallyAdd { by: 1 }).map(drop).unwrap_err(),
                image.try_submit(TallyAdd { by: 1 }).map(drop).unwrap_err(),
                block_on(image.execute_async(TallyAdd { by: 1 })).unwrap_err(),
            ];
            errors.extend(image.submit_all([TallyAdd { by: 1 }]).wait().pop().unwrap().err());
            assert_eq!(errors.len(), 5);
            for error in errors {
                assert_eq!(error.kind(), ErrorKind::ReplicationLag, "{error}");
                assert!(!error.is_poisoned() && error.to_string().contains("nothing was executed"), "{error}");
            }
            assert_eq!(image.journal().seq(), seq(2));
            assert_eq!(image.query(|tally| tally.count).unwrap(), 2, "queries go on");
            log.ship();
            assert_eq!(image.add(1).unwrap(), 3);
        });
    }
}

#[test]
fn commands_wait_until_the_log_has_caught_up() {
    for limit in limits() {
        with_timeout(move || {
            let (image, log) = open_local(limit);
            exceed(&image);
            assert_eq!(image.try_submit(TallyAdd { by: 1 }).map(drop).unwrap_err().kind(), ErrorKind::Busy);
            let command = Call::begin(&image, |image| image.add(1));
            let task = Call::begin(&image, |image| block_on(image.execute_async(TallyAdd { by: 1 })));
            command.assert_waits("the command");
            task.assert_waits("the task");
            assert_eq!(image.journal().seq(), seq(2), "a command that waits is not executed");
            log.ship();
            // with a limit of some bytes, the second command may have to wait for the first one's event
            let answers = [command, task].map(|call| {
                while image.journal().durable_seq() < image.journal().seq() {
                    thread::yield_now();
                }
                log.ship();
                call.answer().unwrap()
            });
            assert_eq!(answers.iter().max(), Some(&4));
        });
    }
}

#[test]
fn commands_that_wait_return_when_the_image_ends() {
    for is_fenced in [false, true] {
        with_timeout(move || {
            let (image, log) = open_local(limits()[0]);
            exceed(&image);
            let command = Call::begin(&image, |image| image.add(1));
            let task = Call::begin(&image, |image| block_on(image.execute_async(TallyAdd { by: 1 })));
            command.assert_waits("the command");
            let kind = if is_fenced {
                log.owner().fail(&fence());
                ErrorKind::Fenced
            } else {
                Image::close(image.clone()).unwrap();
                ErrorKind::Closed
            };
            assert_eq!(command.answer().unwrap_err().kind(), kind);
            assert_eq!(task.answer().unwrap_err().kind(), kind);
            assert_eq!(image.journal().seq(), seq(2));
        });
    }
}

#[test]
fn answers_do_not_wait_for_the_log() {
    with_timeout(|| {
        let (image, log) = open_local(MaxLag::default());
        assert_eq!(image.add(1).unwrap(), 1);
        assert_eq!(image.journal().durable_seq(), seq(1));
        assert_eq!(log.owner().shippable(), seq(1));
        let changes = log.owner().wait(u64::MAX, Duration::ZERO);
        assert_eq!(log.owner().wait(changes, Duration::from_millis(1)), changes, "nothing has changed");
        image.add(1).unwrap();
        assert_ne!(log.owner().wait(changes, LONG), changes);
    });
}
