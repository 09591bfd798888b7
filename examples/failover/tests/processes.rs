//! Owners, standbys and real servers that are killed, paused and cut off, under load. In each trial, no acknowledged command is lost, and
//! no sequence number is acknowledged twice.
//!
//! The servers are installed by `memimage-replication/tests/servers/install.sh`. Without them, the tests are skipped with a printed reason; with
//! `MEMIMAGE_SERVERS=required` in the environment, they fail.

#![allow(clippy::disallowed_methods)] // no commands are recorded here

mod servers;

use std::error::Error;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use failover::cluster::{Cluster, ClusterOptions, MEMBERS, MemberState};
use failover::history::Verdict;
use failover::process::LogPlace;
use failover::rounds::rounds;
use failover::servers::{BUCKET, nats_place, weed_place};
use failover::settings::Mode;
use failover::trial::trial;
use servers::nats::{NODES, Nats, PASSWORD};
use servers::proxy::Proxy;
use servers::weed::Weed;

const SHORT_LEASE: Duration = Duration::from_millis(500);
/// No standby takes over unless it is asked to.
const LONG_LEASE: Duration = Duration::from_secs(60);
const CLIENTS: u32 = 4;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// Runs a test with the cluster that all tests on NATS use, one after the other.
fn with_nats(test: impl FnOnce(&mut Nats) -> Result) {
    static NATS: Mutex<Option<Nats>> = Mutex::new(None);
    let mut nats = NATS.lock().unwrap_or_else(PoisonError::into_inner);
    if nats.is_none() {
        *nats = Nats::start(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("failover-nats"));
    }
    if let Some(nats) = &mut *nats {
        test(nats).unwrap();
    }
}

/// Runs a test with the object store that all tests on S3 use, one after the other.
fn with_weed(test: impl FnOnce(&mut Weed) -> Result) {
    static WEED: Mutex<Option<Weed>> = Mutex::new(None);
    let mut weed = WEED.lock().unwrap_or_else(PoisonError::into_inner);
    if weed.is_none() {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("failover-weed");
        let _ = std::fs::remove_dir_all(&directory);
        *weed = Weed::start(&directory);
        weed.iter().for_each(|weed| weed.create_bucket(BUCKET));
    }
    if let Some(weed) = &mut *weed {
        test(weed).unwrap();
    }
}

/// Runs a trial in a temporary directory, and verifies that nothing acknowledged was lost.
fn trial_without_loss(
    places: [LogPlace; MEMBERS],
    lease: Duration,
    happen: impl FnOnce(&mut Cluster) -> Result,
) -> Result {
    let directory = tempfile::tempdir()?;
    let verdict = trial(options(directory.path(), places, lease), CLIENTS, |cluster| {
        wait_until_it_goes_on(cluster)?;
        happen(cluster)
    })?;
    assert_faultless(verdict);
    Ok(())
}

fn options(directory: &Path, places: [LogPlace; MEMBERS], lease: Duration) -> ClusterOptions {
    let program = env!("CARGO_BIN_EXE_failover").into();
    ClusterOptions { program, directory: directory.join("members"), places, mode: Mode::Remote, lease }
}

fn same(place: LogPlace) -> [LogPlace; MEMBERS] {
    [place.clone(), place.clone(), place]
}

#[track_caller]
fn assert_faultless(verdict: Verdict) {
    assert!(verdict.acknowledged > 20, "{verdict:?}");
    assert_eq!(verdict, Verdict::faultless(verdict.acknowledged));
}

/// Waits until more commands are acknowledged. Some may be on their way when this is called.
fn wait_until_it_goes_on(cluster: &mut Cluster) -> Result {
    let before = cluster.service().acknowledgements();
    cluster.wait_until("commands are acknowledged", |cluster| {
        cluster.service().acknowledgements() > before + u64::from(CLIENTS) * 3
    })
}

/// Verifies that nothing is acknowledged for this long, after a moment for the answers that are on their way.
fn nothing_is_acknowledged(cluster: &Cluster, time: Duration) {
    thread::sleep(Duration::from_millis(100));
    let before = cluster.service().acknowledgements();
    thread::sleep(time);
    assert_eq!(cluster.service().acknowledgements(), before);
}

fn five_rounds(engine: &str, place: LogPlace) -> Result {
    let directory = tempfile::tempdir()?;
    let (verdict, takeovers) = rounds(options(directory.path(), same(place), SHORT_LEASE), CLIENTS, 5)?;
    println!("{engine}: {verdict:?}, takeovers in {takeovers:.0?}");
    assert_faultless(verdict);
    Ok(())
}

/// An owner that is paused through a takeover is fenced when it goes on, and can be a standby then.
fn pause_the_owner(place: LogPlace) -> Result {
    trial_without_loss(same(place), SHORT_LEASE, |cluster| {
        let paused = cluster.owner();
        cluster.signal(paused, "STOP")?;
        cluster.wait_for_takeover(paused)?;
        wait_until_it_goes_on(cluster)?;
        cluster.signal(paused, "CONT")?;
        wait_until_fenced(cluster, paused)?;
        cluster.bring_back(paused)?;
        wait_until_it_goes_on(cluster)
    })
}

fn wait_until_fenced(cluster: &mut Cluster, former: usize) -> Result {
    cluster.wait_until("the former owner is fenced", |cluster| {
        matches!(cluster.state(former), MemberState::Fenced(_) | MemberState::Ended)
    })?;
    let expected = format!("`{}` took over", Cluster::name(cluster.owner()));
    match cluster.state(former) {
        MemberState::Fenced(message) if message.contains(&expected) => Ok(()),
        other => Err(format!("{other:?} does not say that {expected}").into()),
    }
}

#[test]
fn five_owners_are_killed_on_nats() {
    with_nats(|nats| five_rounds("nats", nats_place(&nats.url("rounds"))));
}

#[test]
fn five_owners_are_killed_on_s3() {
    with_weed(|weed| five_rounds("s3", weed_place(&weed.endpoint(), "rounds")));
}

#[test]
fn an_owner_on_nats_that_was_paused_through_a_takeover_is_fenced() {
    with_nats(|nats| pause_the_owner(nats_place(&nats.url("pause"))));
}

#[test]
fn an_owner_on_s3_that_was_paused_through_a_takeover_is_fenced() {
    with_weed(|weed| pause_the_owner(weed_place(&weed.endpoint(), "pause")));
}

#[test]
fn a_standby_that_was_killed_goes_on_where_it_was_and_takes_over() {
    with_nats(|nats| {
        trial_without_loss(same(nats_place(&nats.url("standby"))), LONG_LEASE, |cluster| {
            for standby in [1, 2] {
                cluster.kill(standby)?;
                wait_until_it_goes_on(cluster)?;
                cluster.bring_back(standby)?;
            }
            cluster.hand_over()?;
            wait_until_it_goes_on(cluster)
        })
    });
}

#[test]
fn an_owner_outlives_the_kill_of_one_node_and_of_all_nodes() {
    with_nats(|nats| {
        trial_without_loss(same(nats_place(&nats.url("nodes"))), LONG_LEASE, |cluster| {
            let leader = nats.leader("nodes").ok_or("the stream has no leader")?;
            for node in [(leader + 1) % NODES, leader] {
                nats.kill_node(node);
                wait_until_it_goes_on(cluster)?;
                nats.start_node(node);
                nats.wait_until_ready();
            }
            nats.kill_all();
            nothing_is_acknowledged(cluster, Duration::from_millis(300));
            (0..NODES).for_each(|node| nats.start_node(node));
            nats.wait_until_ready();
            wait_until_it_goes_on(cluster)?;
            assert_eq!((cluster.owner(), cluster.state(0)), (0, &MemberState::Owner));
            Ok(())
        })
    });
}

#[test]
fn an_owner_that_is_cut_off_from_nats_acknowledges_nothing() {
    with_nats(|nats| {
        let proxy = Proxy::start(nats.port(0));
        let of_owner = nats_place(&format!("nats://bank:{PASSWORD}@127.0.0.1:{}/cut", proxy.port()));
        let place = nats_place(&nats.url("cut"));
        cut_off_the_owner(&proxy, [of_owner, place.clone(), place])
    });
}

#[test]
fn an_owner_that_is_cut_off_from_s3_acknowledges_nothing() {
    with_weed(|weed| {
        let endpoint = weed.endpoint();
        let port = endpoint.rsplit_once(':').ok_or("the endpoint has no port")?.1.parse()?;
        let proxy = Proxy::start(port);
        let of_owner = weed_place(&format!("http://127.0.0.1:{}", proxy.port()), "cut");
        let place = weed_place(&endpoint, "cut");
        cut_off_the_owner(&proxy, [of_owner, place.clone(), place])
    });
}

/// The owner reaches the log by the proxy.
fn cut_off_the_owner(proxy: &Proxy, places: [LogPlace; MEMBERS]) -> Result {
    trial_without_loss(places, LONG_LEASE, |cluster| {
        proxy.cut();
        nothing_is_acknowledged(cluster, Duration::from_millis(500));
        proxy.heal();
        wait_until_it_goes_on(cluster)?;
        assert_eq!(cluster.owner(), 0);
        // another one takes over meanwhile
        proxy.drop_requests();
        nothing_is_acknowledged(cluster, Duration::from_millis(100));
        cluster.ask_to_promote(1)?;
        cluster.wait_for_takeover(0)?;
        wait_until_it_goes_on(cluster)?;
        proxy.heal();
        wait_until_fenced(cluster, 0)?;
        cluster.bring_back(0)
    })
}

#[test]
fn an_owner_outlives_the_kill_of_the_object_store() {
    with_weed(|weed| {
        trial_without_loss(same(weed_place(&weed.endpoint(), "kill")), LONG_LEASE, |cluster| {
            weed.kill();
            nothing_is_acknowledged(cluster, Duration::from_millis(300));
            weed.restart();
            wait_until_it_goes_on(cluster)?;
            assert_eq!((cluster.owner(), cluster.state(0)), (0, &MemberState::Owner));
            Ok(())
        })
    });
}
