//! A second process that answers the requests that only read.

use std::thread;
use std::time::Duration;

use serde_json::json;

use super::server::{Server, article, errors};

#[test]
fn a_follower_shows_what_its_owner_has() {
    let mut owner = Server::start();
    let ada = owner.register("ada");
    let follower = Server::follow(&owner.image());
    let same = |owner: &Server, path: &str| {
        for _ in 0..1_000 {
            if follower.get(path).token(&ada).send() == owner.get(path).token(&ada).send() {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(follower.get(path).token(&ada).send(), owner.get(path).token(&ada).send());
    };
    owner.publish(&ada, "A", &["x"]);
    for path in [
        "/api/articles",
        "/api/articles/a",
        "/api/articles/a/comments",
        "/api/tags",
        "/api/tags/trends",
        "/api/profiles/ada",
    ] {
        same(&owner, path);
    }
    assert_eq!(follower.get("/api/user").token(&ada).send().body["user"]["email"], json!("ada@example.org"));
    let write = follower.post("/api/articles", article("B", &[])).token(&ada).send();
    assert_eq!(write, errors(503, "server", "only reads"));
    // it goes on through a restart of its owner, and reads what is erased as erased
    owner.kill_and_restart();
    owner.publish(&ada, "B", &[]);
    same(&owner, "/api/articles");
    owner.put("/api/user", json!({ "user": { "bio": "counts" } })).token(&ada).send();
    same(&owner, "/api/profiles/ada");
    assert_eq!(owner.delete("/api/user").token(&ada).send().status, 204);
    same(&owner, "/api/profiles/ada");
    same(&owner, "/api/articles");
}
