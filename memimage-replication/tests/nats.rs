//! The log on JetStream against a cluster of three real servers.

#![cfg(all(feature = "nats", feature = "testing"))]
#![allow(clippy::disallowed_methods)] // no commands are recorded here

mod servers;

use std::io::{Cursor, Read};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType};
use memimage_replication::testing::conformance;
use memimage_replication::{Append, JetStreamLog, JetStreamOptions, LogErrorKind, RemoteLog, SyncInterval};
use servers::nats::{Nats, PASSWORD, SYSTEM_PASSWORD, open, options, retried};

/// Runs a test with the cluster that all tests of this program use.
fn with_cluster(test: impl FnOnce(&Nats)) {
    static CLUSTER: Mutex<Option<Nats>> = Mutex::new(None);
    let mut cluster = CLUSTER.lock().unwrap_or_else(PoisonError::into_inner);
    if cluster.is_none() {
        *cluster = Nats::start("nats");
    }
    if let Some(nats) = &*cluster {
        test(nats);
    }
}

#[test]
fn the_log_passes_the_conformance_suite() {
    with_cluster(|nats| {
        let start = Instant::now();
        conformance(&|number| Box::new(open(nats, &format!("conformance-{number}"))));
        println!("conformance: {:?}", start.elapsed());
    });
}

#[test]
fn an_append_takes_some_milliseconds() {
    with_cluster(|nats| {
        let log = open(nats, "latency");
        let mut times: Vec<Duration> = (1..=300)
            .map(|position| {
                let start = Instant::now();
                assert_eq!(retried(|| log.append(position, &[7; 1024])), Append::Done);
                start.elapsed()
            })
            .collect();
        times.sort();
        println!("appends of 1 KiB: median {:?}, 99% {:?}, longest {:?}", times[150], times[297], times[299]);
        let start = Instant::now();
        let count = retried(|| log.read(1, 1 << 20)).len();
        println!("{count} entries read in {:?}", start.elapsed());
        assert_eq!(count, 300);
    });
}

#[test]
fn streams_that_do_not_keep_the_promise_are_refused_by_name() {
    type Change = fn(&mut Config);
    let changes: [(&str, Change, &str); 5] = [
        ("refused-replicas", |c| c.num_replicas = 1, "num_replicas"),
        ("refused-memory", |c| c.storage = StorageType::Memory, "storage: memory"),
        ("refused-discard", |c| (c.discard, c.max_messages) = (DiscardPolicy::Old, 5), "discard: old"),
        ("refused-age", |c| c.max_age = Duration::from_secs(100), "max_age"),
        ("refused-subjects", |c| c.subjects = vec!["other".to_owned()], "subjects"),
    ];
    with_cluster(|nats| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let user = async_nats::ConnectOptions::with_user_and_password("bank".to_owned(), PASSWORD.to_owned());
            let client = user.connect(format!("127.0.0.1:{}", nats.port(0))).await.unwrap();
            let context = async_nats::jetstream::new(client);
            for (stream, change, _) in &changes {
                let mut config = Config {
                    name: (*stream).to_owned(),
                    subjects: vec![format!("memimage.log.{stream}")],
                    ..Config::default()
                };
                (config.num_replicas, config.discard) = (3, DiscardPolicy::New);
                change(&mut config);
                context.create_stream(config).await.unwrap();
            }
        });
        for (stream, _, setting) in changes {
            let error = JetStreamLog::open(&nats.url(stream), options()).unwrap_err();
            assert_eq!(error.kind(), LogErrorKind::Refused);
            assert!(error.to_string().contains(setting), "{error}");
            assert!(!error.to_string().contains(PASSWORD), "{error}");
        }
        JetStreamLog::open(&nats.url("refused-replicas"), options().allow_single_replica(true)).unwrap();
    });
}

#[test]
fn the_sync_interval_is_asked_or_must_be_stated() {
    with_cluster(|nats| {
        let open = |options| JetStreamLog::open(&nats.url("sync-interval"), options);
        let error = open(JetStreamOptions::new()).unwrap_err();
        assert_eq!(error.kind(), LogErrorKind::Refused);
        assert!(error.to_string().contains("sync_interval=always"), "{error}");
        let ask = |user: &str, password: &str| {
            let ask = SyncInterval::Ask { user: user.to_owned(), password: password.to_owned() };
            open(JetStreamOptions::new().sync_interval(ask))
        };
        ask("sys", SYSTEM_PASSWORD).unwrap();
        let error = ask("bank", PASSWORD).unwrap_err();
        assert_eq!(error.kind(), LogErrorKind::Refused);
        assert!(error.to_string().contains("system account"), "{error}");
        assert_eq!(ask("sys", "wrong").unwrap_err().kind(), LogErrorKind::Refused);
        let log = open(JetStreamOptions::new().sync_interval(SyncInterval::Unknown)).unwrap();
        assert!(!log.address().contains(PASSWORD));
        assert!(!format!("{log:?}").contains(PASSWORD));
    });
}

#[test]
fn the_longest_entry_is_read_back() {
    with_cluster(|nats| {
        let log = open(nats, "longest");
        let bytes: Vec<u8> = (0..log.entry_bytes_max()).map(|at| (at * 31 % 251) as u8).collect();
        assert_eq!(log.append(1, &bytes).unwrap(), Append::Done);
        assert_eq!(retried(|| log.read(1, 1)), [bytes.clone()]);
        let error = log.append(2, &[bytes, vec![0]].concat()).unwrap_err();
        assert_eq!(error.kind(), LogErrorKind::Refused);
    });
}

#[test]
fn a_snapshot_whose_reader_fails_is_not_listed() {
    struct Fails(usize);
    impl Read for Fails {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let len = self.0.min(into.len());
            self.0 -= len;
            if len == 0 { Err(std::io::Error::other("the disk is gone")) } else { Ok(len) }
        }
    }
    with_cluster(|nats| {
        let log = open(nats, "snapshots");
        let error = log.put_snapshot("one", &mut Fails(1 << 20)).unwrap_err();
        assert!(error.to_string().contains("the disk is gone"), "{error}");
        assert!(log.snapshots().unwrap().is_empty());
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|at| (at * 7 % 253) as u8).collect();
        log.put_snapshot("one", &mut Cursor::new(&bytes)).unwrap();
        assert!(log.put_snapshot("one", &mut Fails(1 << 20)).is_err());
        let mut read = Vec::new();
        log.get_snapshot("one", &mut read).unwrap();
        assert!(read == bytes);
    });
}
