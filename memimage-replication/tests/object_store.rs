//! The log on object storage, over a real server that speaks S3.

#![cfg(feature = "object-store")]

mod servers;

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use memimage_replication::testing::conformance;
use memimage_replication::{Append, Bounds, LogErrorKind, ObjectStoreLog, ObjectStoreOptions, RemoteLog};
use object_store::RetryConfig;
use object_store::aws::AmazonS3Builder;
use servers::weed::{ACCESS_KEY, SECRET_KEY, Weed};

/// A handle on a log on the server. Requests end soon while the server is down.
fn open(weed: &Weed, name: &str, secret: &str) -> ObjectStoreLog {
    // `ObjectStoreLog::open` does this itself; it fails if it was done before
    let _ = rustls::crypto::ring::default_provider().install_default();
    let retry = RetryConfig { max_retries: 0, retry_timeout: Duration::ZERO, ..RetryConfig::default() };
    let store = AmazonS3Builder::new()
        .with_endpoint(weed.endpoint())
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name("bank")
        .with_access_key_id(ACCESS_KEY)
        .with_secret_access_key(secret)
        .with_retry(retry)
        .build()
        .unwrap();
    let options = ObjectStoreOptions::new().request_timeout(Duration::from_secs(10));
    ObjectStoreLog::new(std::sync::Arc::new(store), name, options).unwrap()
}

#[test]
fn seaweedfs_passes_the_suite_and_an_append_takes_milliseconds() {
    let dir = tempfile::tempdir().unwrap();
    let Some(weed) = Weed::start(dir.path()) else { return };
    conformance(&|number| Box::new(open(&weed, &format!("logs/{number}"), SECRET_KEY)));

    let log = open(&weed, "measured", SECRET_KEY);
    let mut times: Vec<Duration> = Vec::new();
    for position in 1..=500 {
        let start = Instant::now();
        assert_eq!(log.append(position, &[7; 4096]).unwrap(), Append::Done);
        times.push(start.elapsed());
    }
    times.sort();
    println!("an append of 4 KiB: median {:?}, 99 % {:?}", times[250], times[495]);
    let error = open(&weed, "measured", "a wrong secret").bounds().unwrap_err();
    assert_eq!(error.kind(), LogErrorKind::Refused, "{error}");
}

#[test]
fn entries_outlive_a_kill_of_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut weed) = Weed::start(dir.path()) else { return };
    let log = open(&weed, "killed", SECRET_KEY);
    let entry = |position: u64| format!("entry {position}").repeat(position as usize % 300 + 1).into_bytes();
    // the end of the log as far as appends were answered
    let mut end = 1;
    for kill in 1..=3 {
        let is_killed = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(700));
                weed.kill();
                is_killed.store(true, Ordering::SeqCst);
            });
            loop {
                match log.append(end, &entry(end)) {
                    Ok(Append::Done) => end += 1,
                    // the append before it was not answered, but took effect
                    Ok(Append::Occupied) => {
                        assert_eq!(log.read(end, 1 << 20).unwrap()[0], entry(end));
                        end += 1;
                    }
                    Err(error) => {
                        assert!(error.is_unavailable(), "{error}");
                        if is_killed.load(Ordering::SeqCst) {
                            break;
                        }
                    }
                }
            }
        });
        weed.restart();
        let log = open(&weed, "killed", SECRET_KEY);
        let bounds = log.bounds().unwrap();
        println!("kill {kill}: {} entries were answered, the log ends at {}", end - 1, bounds.end);
        assert!(bounds.first == 1 && (bounds.end == end || bounds.end == end + 1), "{bounds:?}, but {end} was next");
        let mut position = 1;
        while position < end {
            for read in log.read(position, 1 << 20).unwrap() {
                assert_eq!(read, entry(position), "position {position}");
                position += 1;
            }
        }
    }
    assert!(end > 30, "only {end} entries in 2 seconds");
}

#[test]
fn of_concurrent_appends_on_seaweedfs_one_takes_effect() {
    let dir = tempfile::tempdir().unwrap();
    let Some(weed) = Weed::start(dir.path()) else { return };
    let wins = AtomicU32::new(0);
    let owners = 6;
    thread::scope(|scope| {
        for owner in 0..owners {
            let (weed, wins) = (&weed, &wins);
            scope.spawn(move || {
                let log = open(weed, "concurrent", SECRET_KEY);
                let mut position = 1;
                while position <= 60 {
                    match log.append(position, &[owner; 100]).unwrap() {
                        Append::Done => _ = wins.fetch_add(1, Ordering::SeqCst),
                        // the store also refuses a request while another one for this object is in progress
                        Append::Occupied if log.read(position, 1).unwrap().is_empty() => continue,
                        Append::Occupied => (),
                    }
                    position += 1;
                }
            });
        }
    });
    assert_eq!(wins.load(Ordering::SeqCst), 60);
    assert_eq!(open(&weed, "concurrent", SECRET_KEY).bounds().unwrap(), Bounds { first: 1, end: 61 });
}

#[test]
fn a_url_and_the_environment_name_a_log_on_seaweedfs() {
    let dir = tempfile::tempdir().unwrap();
    let Some(weed) = Weed::start(dir.path()) else { return };
    // the environment of this process belongs to all its tests
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_opens_a_url", "--ignored", "--nocapture"])
        .envs([("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)])
        .envs([("AWS_ENDPOINT", weed.endpoint()), ("AWS_ALLOW_HTTP", "true".to_owned())])
        .env("AWS_REGION", "us-east-1")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && output.contains("the log at s3://bank/by/url has 1 entry"), "{output}");
}

#[test]
#[ignore = "part of another test"]
fn child_that_opens_a_url() {
    let log = ObjectStoreLog::open("s3://bank/by/url/").unwrap();
    assert_eq!(log.append(1, b"entry").unwrap(), Append::Done);
    assert_eq!(log.bounds().unwrap(), Bounds { first: 1, end: 2 });
    println!("the log at {} has 1 entry", log.address());
}
