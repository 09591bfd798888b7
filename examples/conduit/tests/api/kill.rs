//! Random requests from many connections, while the process is killed and started again: no acknowledged write is lost, and a request
//! that is sent again with its key is executed once.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::server::{Answer, Call, Server, article};

const CONNECTIONS: usize = 16;
const REQUESTS: usize = 63; // 1,008 of all connections

/// Sends a request until it has an answer of a server that works.
fn until_answered<'a>(retries: &AtomicUsize, call: impl Fn() -> Call<'a>) -> Answer {
    loop {
        match call().try_send() {
            Ok((answer, _)) if answer.status != 503 => return answer,
            _ => {
                retries.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// A small generator: the seed is the number of the connection.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// What one connection knows to be acknowledged.
#[derive(Default)]
struct Acknowledged {
    /// The slug of each article, its comments by id, and whether it is a favourite.
    articles: BTreeMap<String, (BTreeMap<u64, String>, bool)>,
}

#[test]
fn no_acknowledged_write_is_lost_and_none_is_executed_twice() {
    let server = Server::start();
    let address = server.address;
    let names: Vec<String> = (0..CONNECTIONS).map(|number| format!("user{number}")).collect();
    let tokens: Vec<String> = names.iter().map(|name| server.register(name)).collect();
    let server = Mutex::new(server);
    let is_done = AtomicBool::new(false);
    let retries = AtomicUsize::new(0);
    // a server of which only the address is used, so that the connections do not wait for the one that kills
    let to = |method: ureq::http::Method, path: String| Call::to(address, method, path);
    let kills = thread::scope(|scope| {
        let killer = scope.spawn(|| {
            let mut kills = 0;
            while !is_done.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(300));
                server.lock().unwrap().kill_and_restart();
                kills += 1;
            }
            kills
        });
        let connections: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                let (token, name, retries, to) = (&tokens[number], &names[number], &retries, &to);
                scope.spawn(move || (name, run(number, token, retries, to)))
            })
            .collect();
        let acknowledged: Vec<_> = connections.into_iter().map(|connection| connection.join().unwrap()).collect();
        is_done.store(true, Ordering::Relaxed);
        let kills = killer.join().unwrap();
        for (name, acknowledged) in acknowledged {
            verify(&server.lock().unwrap(), name, &acknowledged);
        }
        kills
    });
    println!("{kills} kills, {} retries", retries.into_inner());
    assert!(kills > 0);
}

fn run(
    number: usize,
    token: &str,
    retries: &AtomicUsize,
    to: &impl Fn(ureq::http::Method, String) -> Call<'static>,
) -> Acknowledged {
    use ureq::http::Method;
    let mut random = Random(number as u64);
    let mut state = Acknowledged::default();
    for request in 0..REQUESTS {
        let key = request.to_string();
        let slugs: Vec<String> = state.articles.keys().cloned().collect();
        let chosen = (!slugs.is_empty()).then(|| slugs[random.below(slugs.len())].clone());
        let send = |method: Method, path: String, body: Option<Value>| {
            until_answered(retries, || {
                let call = to(method.clone(), path.clone()).token(token).key(&key);
                match &body {
                    Some(body) => call.body(body.clone()),
                    None => call,
                }
            })
        };
        match (random.below(6), chosen) {
            (0, _) | (_, None) => {
                // the same title again and again: each article must have a slug of its own
                let answer = send(
                    Method::POST,
                    "/api/articles".to_owned(),
                    Some(article(&format!("of {}", number % 4), &["t"])),
                );
                assert_eq!(answer.status, 201, "{answer:?}");
                let slug = answer.body["article"]["slug"].as_str().unwrap().to_owned();
                assert!(state.articles.insert(slug, (BTreeMap::new(), false)).is_none());
            }
            (1, Some(slug)) => {
                let text = format!("comment {request} of {number}");
                let body = json!({ "comment": { "body": text } });
                let answer = send(Method::POST, format!("/api/articles/{slug}/comments"), Some(body));
                assert_eq!(answer.status, 201, "{answer:?}");
                let id = answer.body["comment"]["id"].as_u64().unwrap();
                assert!(state.articles.get_mut(&slug).unwrap().0.insert(id, text).is_none());
            }
            (2, Some(slug)) => {
                if let Some((id, _)) = state.articles.get_mut(&slug).unwrap().0.pop_first() {
                    let answer = send(Method::DELETE, format!("/api/articles/{slug}/comments/{id}"), None);
                    assert_eq!(answer.status, 204, "{answer:?}");
                }
            }
            (3, Some(slug)) => {
                let is_favorite = &mut state.articles.get_mut(&slug).unwrap().1;
                *is_favorite = !*is_favorite;
                let method = if *is_favorite { Method::POST } else { Method::DELETE };
                let answer = send(method, format!("/api/articles/{slug}/favorite"), None);
                assert_eq!(answer.status, 200, "{answer:?}");
            }
            (4, Some(slug)) => {
                let title = format!("edited {request} of {number}");
                let answer =
                    send(Method::PUT, format!("/api/articles/{slug}"), Some(json!({ "article": { "title": title } })));
                assert_eq!(answer.status, 200, "{answer:?}");
                let moved = state.articles.remove(&slug).unwrap();
                let slug = answer.body["article"]["slug"].as_str().unwrap().to_owned();
                assert!(state.articles.insert(slug, moved).is_none());
            }
            (_, Some(slug)) => {
                if slugs.len() > 3 {
                    let answer = send(Method::DELETE, format!("/api/articles/{slug}"), None);
                    assert_eq!(answer.status, 204, "{answer:?}");
                    state.articles.remove(&slug);
                }
            }
        }
    }
    state
}

/// Compares what the server has with what it acknowledged: no less and no more.
fn verify(server: &Server, name: &str, acknowledged: &Acknowledged) {
    let page = server.get(&format!("/api/articles?author={name}&limit=1000")).send().body;
    let found: Vec<&str> =
        page["articles"].as_array().unwrap().iter().map(|article| article["slug"].as_str().unwrap()).collect();
    let mut sorted = found.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, acknowledged.articles.keys().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(page["articlesCount"], json!(found.len()));
    for (slug, (comments, is_favorite)) in &acknowledged.articles {
        let shown = server.get(&format!("/api/articles/{slug}/comments")).send().body;
        let shown: BTreeMap<u64, String> = shown["comments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|comment| (comment["id"].as_u64().unwrap(), comment["body"].as_str().unwrap().to_owned()))
            .collect();
        assert_eq!(&shown, comments, "{slug}");
        let article = server.get(&format!("/api/articles/{slug}")).send().body;
        assert_eq!(article["article"]["favoritesCount"], json!(u64::from(*is_favorite)), "{slug}");
    }
}
