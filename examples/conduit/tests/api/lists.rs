//! Lists of articles, the feed, tags.

use serde_json::{Value, json};

use super::server::{Server, errors};

fn titles(body: &Value) -> (Vec<&str>, u64) {
    let articles = body["articles"].as_array().unwrap();
    (
        articles.iter().map(|article| article["title"].as_str().unwrap()).collect(),
        body["articlesCount"].as_u64().unwrap(),
    )
}

#[test]
fn lists_filter_and_page_and_the_newest_comes_first() {
    let server = Server::start();
    let ada = server.register("ada");
    let bob = server.register("bob");
    for (token, title, tags) in [
        (&ada, "1", ["x"].as_slice()),
        (&bob, "2", &["y"]),
        (&ada, "3", &["x", "y"]),
        (&bob, "4", &[]),
        (&ada, "5", &["x"]),
    ] {
        server.publish(token, title, tags);
    }
    for slug in ["1", "2", "5"] {
        server.post(&format!("/api/articles/{slug}/favorite"), json!({})).token(&bob).send();
    }
    let list = |query: &str| server.get(&format!("/api/articles{query}")).send().body;
    for (query, expected, count) in [
        ("", ["5", "4", "3", "2", "1"].as_slice(), 5),
        ("?limit=2", &["5", "4"], 5),
        ("?limit=2&offset=3", &["2", "1"], 5),
        ("?offset=7", &[], 5),
        ("?author=ada", &["5", "3", "1"], 3),
        ("?author=ada&limit=1&offset=1", &["3"], 3),
        ("?tag=y", &["3", "2"], 2),
        ("?favorited=bob", &["5", "2", "1"], 3),
        ("?author=ada&tag=y", &["3"], 1),
        ("?author=ada&tag=x&favorited=bob", &["5", "1"], 2),
        ("?author=eve", &[], 0),
        ("?tag=none", &[], 0),
        ("?favorited=eve&author=ada", &[], 0),
    ] {
        assert_eq!(titles(&list(query)), (expected.to_vec(), count), "{query}");
    }
    let first = &list("")["articles"][0];
    assert!(first.get("body").is_none());
    assert_eq!((&first["favorited"], &first["favoritesCount"]), (&json!(false), &json!(1)));
    let seen = server.get("/api/articles").token(&bob).send().body;
    assert_eq!(seen["articles"][0]["favorited"], json!(true));
    for query in ["?limit=0", "?limit=x", "?limit=-1", "?limit=1.5", "?limit="] {
        assert_eq!(server.get(&format!("/api/articles{query}")).send(), errors(422, "limit", "is invalid"), "{query}");
    }
    assert_eq!(server.get("/api/articles?offset=-1").send(), errors(422, "offset", "is invalid"));
}

#[test]
fn twenty_articles_are_a_page() {
    let server = Server::start();
    let ada = server.register("ada");
    for number in 0..25 {
        server.publish(&ada, &format!("{number}"), &[]);
    }
    let body = server.get("/api/articles").send().body;
    assert_eq!((titles(&body).0.len(), titles(&body).1), (20, 25));
}

#[test]
fn the_feed_has_the_articles_of_those_who_are_followed() {
    let server = Server::start();
    let [ada, bob, eve] = ["ada", "bob", "eve"].map(|name| server.register(name));
    for (token, title) in [(&ada, "1"), (&bob, "2"), (&ada, "3"), (&eve, "4")] {
        server.publish(token, title, &[]);
    }
    let feed = |query: &str| server.get(&format!("/api/articles/feed{query}")).token(&eve).send().body;
    assert_eq!(titles(&feed("")), (vec![], 0));
    server.post("/api/profiles/ada/follow", json!({})).token(&eve).send();
    assert_eq!(titles(&feed("")), (vec!["3", "1"], 2));
    assert_eq!(feed("")["articles"][0]["author"]["following"], json!(true));
    server.post("/api/profiles/bob/follow", json!({})).token(&eve).send();
    assert_eq!(titles(&feed("?limit=2&offset=1")), (vec!["2", "1"], 3));
    server.delete("/api/profiles/ada/follow").token(&eve).send();
    assert_eq!(titles(&feed("")), (vec!["2"], 1));
    assert!(feed("")["articles"][0].get("body").is_none());
}

#[test]
fn tags_are_those_of_the_articles_and_trends_those_of_the_past() {
    let server = Server::start();
    let ada = server.register("ada");
    assert_eq!(server.get("/api/tags").send().body, json!({ "tags": [] }));
    server.publish(&ada, "1", &["b", "a"]);
    let slug = server.publish(&ada, "2", &["b", "c"]);
    assert_eq!(server.get("/api/tags").send().body, json!({ "tags": ["b", "a", "c"] }));
    server.delete(&format!("/api/articles/{slug}")).token(&ada).send();
    assert_eq!(server.get("/api/tags").send().body, json!({ "tags": ["a", "b"] }));
    let trends = |used: u64| {
        json!({ "trends": [
        { "tag": "b", "articles": used }, { "tag": "a", "articles": 1 }, { "tag": "c", "articles": 1 }
    ] })
    };
    while server.get("/api/tags/trends").send().body != trends(2) {
        std::thread::yield_now(); // the projection follows by milliseconds
    }
    assert_eq!(server.get("/api/tags/trends?days=0").send(), errors(422, "days", "is invalid"));
}
