//! Requests that are sent again with the same `Idempotency-Key`.

use serde_json::json;

use super::server::{Server, article, errors, registration};

#[test]
fn a_retry_gets_the_first_answer_and_changes_nothing() {
    let mut server = Server::start();
    let register = |server: &Server| server.post("/api/users", registration("ada")).key("r1").send();
    let first = register(&server);
    assert_eq!(first.status, 201);
    server.kill_and_restart();
    let again = register(&server);
    assert_eq!((again.status, &again.body["user"]["username"]), (201, &json!("ada")));
    let ada = again.body["user"]["token"].as_str().unwrap().to_owned();

    let publish = |server: &Server| server.post("/api/articles", article("A", &[])).token(&ada).key("p1").send();
    let first = publish(&server);
    assert_eq!(first.status, 201);
    assert_eq!(publish(&server), first);
    server.kill_and_restart();
    assert_eq!(publish(&server), first);
    // a change of the address, whose retry no longer finds the old one
    let edit = |server: &Server| {
        let body = json!({ "article": { "title": "B" } });
        server.put("/api/articles/a", body).token(&ada).key("e1").send()
    };
    let first = edit(&server);
    assert_eq!((first.status, &first.body["article"]["slug"]), (200, &json!("b")));
    assert_eq!(edit(&server), first);
    let comment = |server: &Server| {
        server.post("/api/articles/b/comments", json!({ "comment": { "body": "x" } })).token(&ada).key("c1").send()
    };
    let first = comment(&server);
    assert_eq!(comment(&server), first);
    assert_eq!(server.get("/api/articles/b/comments").send().body["comments"].as_array().unwrap().len(), 1);
    for _ in 0..2 {
        assert_eq!(server.delete("/api/articles/b").token(&ada).key("d1").send().status, 204);
    }
    assert_eq!(server.get("/api/articles").send().body["articlesCount"], json!(0));
}

#[test]
fn a_key_belongs_to_one_request_of_one_user() {
    let server = Server::start();
    let ada = server.register("ada");
    let bob = server.register("bob");
    let publish =
        |token: &str, title: &str| server.post("/api/articles", article(title, &[])).token(token).key("k").send();
    assert_eq!(publish(&ada, "A").status, 201);
    assert_eq!(publish(&ada, "B"), errors(422, "Idempotency-Key", "was used for another request"));
    assert_eq!(publish(&bob, "B").status, 201);
    let other = server.put("/api/user", json!({ "user": { "bio": "x" } })).token(&ada).key("k").send();
    assert_eq!(other, errors(422, "Idempotency-Key", "was used for another request"));
    let long = server.post("/api/articles", article("C", &[])).token(&ada).key(&"k".repeat(201)).send();
    assert_eq!(long, errors(422, "Idempotency-Key", "must have from 1 to 200 ASCII characters"));
    let mut password = registration("eve");
    assert_eq!(server.post("/api/users", password.clone()).key("k").send().status, 201);
    // personal data is not compared, so a server must not give a token to whoever knows the key
    let reused = errors(422, "Idempotency-Key", "was used for another request");
    password["user"]["password"] = json!("another");
    assert_eq!(server.post("/api/users", password).key("k").send(), reused);
    let mut email = registration("eve");
    email["user"]["email"] = json!("another@example.org");
    assert_eq!(server.post("/api/users", email).key("k").send(), reused);
}

#[test]
fn a_refused_request_is_judged_anew() {
    let server = Server::start();
    let ada = server.register("ada");
    let comment = |server: &Server| {
        server
            .post("/api/articles/a/comments", json!({ "comment": { "body": "x" } }))
            .token(&ada)
            .key("k")
            .send()
            .status
    };
    assert_eq!(comment(&server), 404);
    server.publish(&ada, "A", &[]);
    assert_eq!(comment(&server), 201);
}
