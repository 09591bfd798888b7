//! The log on JetStream while servers are killed, paused and cut off, and connections fail. An owner appends all the while, as owners do.

#![cfg(all(feature = "nats", feature = "testing"))]
#![allow(clippy::disallowed_methods)] // no commands are recorded here

mod servers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use memimage_replication::{Append, Bounds, JetStreamLog, RemoteLog};
use servers::nats::{NODES, Nats, PASSWORD, open, options, retried};
use servers::proxy::Proxy;

/// Runs a test with a cluster of its own.
fn with_cluster(name: &str, test: impl FnOnce(&mut Nats)) {
    if let Some(mut nats) = Nats::start(name) {
        let start = Instant::now();
        test(&mut nats);
        println!("{name}: {:.1?}", start.elapsed());
    }
}

fn entry(position: u64) -> Vec<u8> {
    format!("entry {position} ").into_bytes().repeat(1 + position as usize % 50)
}

/// Appends as an owner does: after an unknown outcome, reads the position, and appends the same bytes there if nothing is there.
/// Returns whether an outcome was unknown.
fn append(log: &JetStreamLog, position: u64, bytes: &[u8]) -> bool {
    let start = Instant::now();
    let mut was_unknown = false;
    loop {
        match log.append(position, bytes) {
            Ok(Append::Done) => return was_unknown,
            Ok(Append::Occupied) => {}
            Err(error) => assert!(error.is_unavailable(), "{error}"),
        }
        was_unknown = true;
        if let Some(found) = retried(|| log.read(position, 1)).first() {
            assert_eq!(found, bytes, "another entry is at position {position}");
            return was_unknown;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "no append succeeds at position {position}");
    }
}

/// Verifies that the log has exactly the entries 1 to `last`. A former leader may answer from an old state for some seconds.
fn verify(log: &JetStreamLog, last: u64) {
    let start = Instant::now();
    let mut position = 1;
    while position <= last {
        let entries = retried(|| log.read(position, 64 * 1024));
        for bytes in entries {
            assert_eq!(bytes, entry(position), "the entry at position {position}");
            position += 1;
        }
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "the log ends at position {position} instead of {}",
            last + 1
        );
    }
    assert_eq!(position, last + 1);
    while retried(|| log.bounds()) != (Bounds { first: 1, end: last + 1 }) {
        assert!(start.elapsed() < Duration::from_secs(20), "{:?} instead of {}", log.bounds(), last + 1);
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Appends until `stop`, and returns the last position and how many outcomes were unknown.
fn append_during(log: &Arc<JetStreamLog>, from: u64, what: impl FnOnce()) -> (u64, u32) {
    let stop = Arc::new(AtomicBool::new(false));
    let owner = {
        let (log, stop) = (Arc::clone(log), Arc::clone(&stop));
        std::thread::spawn(move || {
            let (mut position, mut unknown) = (from, 0);
            while !stop.load(Ordering::SeqCst) {
                unknown += u32::from(append(&log, position, &entry(position)));
                position += 1;
            }
            (position - 1, unknown)
        })
    };
    what();
    stop.store(true, Ordering::SeqCst);
    owner.join().unwrap()
}

fn leader(nats: &Nats, stream: &str) -> usize {
    let start = Instant::now();
    loop {
        if let Some(leader) = nats.leader(stream) {
            return leader;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "the stream `{stream}` has no leader");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn acknowledged_entries_survive_the_kill_of_a_follower_and_of_the_leader() {
    with_cluster("nats-kill", |nats| {
        let log =
            Arc::new(retried(|| JetStreamLog::open(&nats.url("kill"), options().time_limit(Duration::from_secs(1)))));
        let mut last = 0;
        for offset in [1, 0] {
            let node = (leader(nats, "kill") + offset) % NODES;
            let unknown;
            (last, unknown) = append_during(&log, last + 1, || {
                std::thread::sleep(Duration::from_millis(200));
                nats.kill_node(node);
                std::thread::sleep(Duration::from_millis(700));
                nats.start_node(node);
                nats.wait_until_ready();
            });
            println!(
                "kill of the {}: {last} entries, {unknown} unknown outcomes",
                if offset == 0 { "leader" } else { "follower" }
            );
            verify(&log, last);
        }
        verify(&open(nats, "kill"), last);
    });
}

#[test]
fn acknowledged_entries_survive_the_kill_of_all_nodes_at_once() {
    with_cluster("nats-kill-all", |nats| {
        let log = Arc::new(retried(|| {
            JetStreamLog::open(&nats.url("kill-all"), options().time_limit(Duration::from_secs(1)))
        }));
        let (last, unknown) = append_during(&log, 1, || {
            std::thread::sleep(Duration::from_millis(300));
            nats.kill_all();
            std::thread::sleep(Duration::from_millis(100));
            for node in 0..NODES {
                nats.start_node(node);
            }
            nats.wait_until_ready();
            std::thread::sleep(Duration::from_millis(300));
        });
        println!("kill of all nodes: {last} entries, {unknown} unknown outcomes");
        assert!(unknown > 0);
        verify(&log, last);
        verify(&open(nats, "kill-all"), last);
    });
}

#[test]
fn unknown_outcomes_of_a_bad_connection_are_resolved_by_reading() {
    with_cluster("nats-connection", |nats| {
        let proxy = Proxy::start(nats.port(0));
        let url = format!("nats://bank:{PASSWORD}@127.0.0.1:{}/proxy", proxy.port());
        let limit = Duration::from_millis(500);
        let log =
            Arc::new(retried(|| JetStreamLog::open(&url, options().time_limit(limit).ignore_discovered_servers(true))));
        assert!(!append(&log, 1, &entry(1)));
        let mut last = 1;
        let faults: [(&str, fn(&Proxy)); 4] = [
            ("cut", |proxy| proxy.cut()),
            ("answers lost", |proxy| proxy.drop_answers()),
            ("requests lost", |proxy| proxy.drop_requests()),
            ("delay", |proxy| proxy.delay(Duration::from_millis(400))),
        ];
        for (name, fault) in faults {
            let unknown;
            (last, unknown) = append_during(&log, last + 1, || {
                std::thread::sleep(Duration::from_millis(100));
                fault(&proxy);
                std::thread::sleep(Duration::from_millis(900));
                proxy.heal();
                std::thread::sleep(Duration::from_millis(200));
            });
            println!("{name}: {last} entries, {unknown} unknown outcomes");
            assert!(unknown > 0, "{name}");
        }
        verify(&log, last);
        proxy.cut();
        let start = Instant::now();
        let error = log.append(last + 1, b"late").unwrap_err();
        assert!(error.is_unavailable());
        assert!(start.elapsed() < limit * 2, "{:?}", start.elapsed());
        proxy.heal();
        // the client may have sent it before it knew of the cut
        append(&log, last + 1, b"late");
        assert_eq!(retried(|| log.read(last + 1, 1000)), [b"late"]);
        assert_eq!(retried(|| log.bounds()).end, last + 2);
    });
}

/// Makes the leader fail while an owner appends. The others elect another, and the owner goes on.
fn fail_leader(nats: &Nats, stream: &str, fail: impl FnOnce(usize), heal: impl FnOnce(usize)) {
    let log = Arc::new(retried(|| JetStreamLog::open(&nats.url(stream), options().time_limit(Duration::from_secs(1)))));
    append(&log, 1, &entry(1));
    let node = leader(nats, stream);
    let mut before = 0;
    let (last, unknown) = append_during(&log, 2, || {
        std::thread::sleep(Duration::from_millis(200));
        fail(node);
        std::thread::sleep(Duration::from_millis(1500));
        before = retried(|| log.bounds()).end;
        let start = Instant::now();
        while retried(|| log.bounds()).end <= before + 50 {
            assert!(start.elapsed() < Duration::from_secs(20), "the owner does not go on");
            std::thread::sleep(Duration::from_millis(100));
        }
        heal(node);
        std::thread::sleep(Duration::from_millis(500));
    });
    println!("{stream}: {last} entries, {unknown} unknown outcomes");
    nats.wait_until_ready();
    verify(&log, last);
    verify(&open(nats, stream), last);
}

#[test]
fn a_leader_that_is_paused_and_goes_on_does_not_split_the_log() {
    with_cluster("nats-pause", |nats| {
        fail_leader(nats, "pause", |node| nats.signal(node, "STOP"), |node| nats.signal(node, "CONT"))
    });
}

#[test]
fn a_leader_that_is_cut_off_from_the_other_nodes_does_not_split_the_log() {
    with_cluster("nats-partition", |nats| {
        fail_leader(nats, "partition", |node| nats.cut_off(node), |node| nats.heal(node))
    });
}
