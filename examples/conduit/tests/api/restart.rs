//! A restart in the middle of a scenario changes nothing.

use serde_json::{Value, json};

use super::server::Server;

/// Everything that the API shows.
fn everything(server: &Server, token: &str) -> Vec<Value> {
    let paths = [
        "/api/articles?limit=100",
        "/api/articles/feed",
        "/api/articles/a",
        "/api/articles/a/comments",
        "/api/profiles/ada",
        "/api/profiles/bob",
        "/api/tags",
        "/api/tags/trends",
        "/api/articles?favorited=bob",
        "/api/articles?author=ada&tag=x",
    ];
    paths.map(|path| server.get(path).token(token).send().body).into()
}

fn scenario(restart: impl Fn(&mut Server)) {
    let mut server = Server::start();
    let ada = server.register("ada");
    restart(&mut server);
    let bob = server.register("bob");
    server.publish(&ada, "A", &["x", "y"]);
    restart(&mut server);
    server.publish(&bob, "B", &["y"]);
    assert_eq!(server.post("/api/profiles/ada/follow", json!({})).token(&bob).send().status, 200);
    assert_eq!(server.post("/api/articles/a/favorite", json!({})).token(&bob).send().status, 200);
    restart(&mut server);
    assert_eq!(
        server.post("/api/articles/a/comments", json!({ "comment": { "body": "x" } })).token(&bob).send().status,
        201
    );
    assert_eq!(server.put("/api/user", json!({ "user": { "bio": "counts" } })).token(&ada).send().status, 200);
    let trends = json!({ "trends": [{ "tag": "y", "articles": 2 }, { "tag": "x", "articles": 1 }] });
    while server.get("/api/tags/trends").send().body != trends {
        std::thread::yield_now(); // the projection follows by milliseconds
    }
    let before = everything(&server, &bob);
    restart(&mut server);
    assert_eq!(everything(&server, &bob), before);
    assert_eq!(before[2]["article"]["favoritesCount"], json!(1));
    assert_eq!(before[3]["comments"][0]["author"]["username"], json!("bob"));
    assert_eq!(before[4]["profile"], json!({ "username": "ada", "bio": "counts", "image": null, "following": true }));
}

#[test]
fn a_restart_changes_nothing() {
    scenario(|server| server.stop_and_restart(&[]));
}

#[test]
fn a_restart_from_a_snapshot_of_each_event_changes_nothing() {
    scenario(|server| server.stop_and_restart(&["--snapshot-every", "1"]));
}

#[test]
fn a_killed_process_changes_nothing() {
    scenario(Server::kill_and_restart);
}
