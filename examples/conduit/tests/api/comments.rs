//! Comments on articles.

use serde_json::{Value, json};

use super::server::{Server, errors};

#[test]
fn comments_are_added_shown_and_deleted() {
    let server = Server::start();
    let ada = server.register("ada");
    let bob = server.register("bob");
    let slug = server.publish(&ada, "A", &[]);
    let path = format!("/api/articles/{slug}/comments");
    assert_eq!(server.get(&path).send().body, json!({ "comments": [] }));
    let add = |token: &str, text: &str| server.post(&path, json!({ "comment": { "body": text } })).token(token).send();
    let first = add(&ada, "first");
    assert_eq!(first.status, 201);
    let (id, created) = (&first.body["comment"]["id"], &first.body["comment"]["createdAt"]);
    assert!(id.is_u64());
    let author = json!({ "username": "ada", "bio": null, "image": null, "following": false });
    let shown = json!({ "id": id, "createdAt": created, "updatedAt": created, "body": "first", "author": author });
    assert_eq!(first.body, json!({ "comment": shown }));
    let second = add(&bob, "second");
    let comments = server.get(&path).send().body;
    assert_eq!(comments["comments"], json!([shown, second.body["comment"]]));

    let one = |id: &Value| format!("{path}/{id}");
    assert_eq!(server.delete(&one(id)).token(&bob).send(), errors(403, "comment", "forbidden"));
    assert_eq!(server.delete(&one(&json!(999))).token(&bob).send(), errors(404, "comment", "not found"));
    assert_eq!(server.delete(&format!("{path}/x")).token(&bob).send(), errors(422, "id", "is invalid"));
    let gone = server.delete(&one(id)).token(&ada).send();
    assert_eq!((gone.status, gone.body), (204, Value::Null));
    assert_eq!(server.get(&path).send().body["comments"], json!([second.body["comment"]]));
}

#[test]
fn a_comment_needs_an_article_and_a_text() {
    let server = Server::start();
    let ada = server.register("ada");
    let slug = server.publish(&ada, "A", &[]);
    for body in [json!(""), Value::Null] {
        let answer = server
            .post(&format!("/api/articles/{slug}/comments"), json!({ "comment": { "body": body } }))
            .token(&ada)
            .send();
        assert_eq!(answer, errors(422, "body", "can't be blank"));
    }
    let missing = errors(404, "article", "not found");
    assert_eq!(server.get("/api/articles/b/comments").send(), missing);
    assert_eq!(
        server.post("/api/articles/b/comments", json!({ "comment": { "body": "x" } })).token(&ada).send(),
        missing
    );
    assert_eq!(server.delete("/api/articles/b/comments/1").token(&ada).send(), missing);
}
