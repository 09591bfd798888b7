//! One article: publish, show, edit, delete, favourites.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::server::{Server, article, errors};

#[test]
fn an_article_is_published_and_shown() {
    let server = Server::start();
    let ada = server.register("ada");
    let body = json!({ "article": {
        "title": "How to train your dragon", "description": "Ever wonder how?", "body": "Very carefully.",
        "tagList": ["training", "dragons", "training"]
    } });
    let answer = server.post("/api/articles", body).token(&ada).send();
    assert_eq!(answer.status, 201);
    let created = &answer.body["article"]["createdAt"];
    let time = created.as_str().unwrap();
    assert_eq!((time.len(), &time[10..11], &time[19..20], &time[23..]), (24, "T", ".", "Z"), "{time}");
    let shown = json!({ "article": {
        "slug": "how-to-train-your-dragon", "title": "How to train your dragon", "description": "Ever wonder how?",
        "body": "Very carefully.", "tagList": ["training", "dragons"], "createdAt": created, "updatedAt": created,
        "favorited": false, "favoritesCount": 0,
        "author": { "username": "ada", "bio": null, "image": null, "following": false }
    } });
    assert_eq!(answer.body, shown);
    assert_eq!(server.get("/api/articles/how-to-train-your-dragon").send().body, shown);
    // a token that is not valid is as none
    assert_eq!(server.get("/api/articles/how-to-train-your-dragon").token("x.y.z").send().body, shown);
    assert_eq!(server.get("/api/articles/another").send(), errors(404, "article", "not found"));
}

#[test]
fn slugs_are_unique() {
    let server = Server::start();
    let ada = server.register("ada");
    let slugs: Vec<String> =
        ["A b", "a B!", "A, b", "???", "!!!", "Feed"].map(|title| server.publish(&ada, title, &[])).into();
    assert_eq!(slugs[..3], ["a-b", "a-b-2", "a-b-3"]);
    assert_eq!(slugs.iter().collect::<BTreeSet<_>>().len(), slugs.len());
    for slug in &slugs {
        assert_eq!(server.get(&format!("/api/articles/{slug}")).send().status, 200, "{slug}");
    }
    // the number of an article that is gone is free again
    assert_eq!(server.delete("/api/articles/a-b-2").token(&ada).send().status, 204);
    assert_eq!(server.publish(&ada, "a b", &[]), "a-b-2");
}

#[test]
fn required_fields_are_not_blank() {
    let server = Server::start();
    let ada = server.register("ada");
    for field in ["title", "description", "body"] {
        for value in [json!(""), Value::Null] {
            let mut body = article("A", &[]);
            body["article"][field] = value.clone();
            let answer = server.post("/api/articles", body).token(&ada).send();
            assert_eq!(answer, errors(422, field, "can't be blank"));
        }
    }
    for tags in [json!("x"), json!([7]), json!({})] {
        let mut body = article("A", &[]);
        body["article"]["tagList"] = tags;
        assert_eq!(server.post("/api/articles", body).token(&ada).send(), errors(422, "tagList", "is invalid"));
    }
    assert_eq!(server.get("/api/articles").send().body, json!({ "articles": [], "articlesCount": 0 }));
}

#[test]
fn an_edit_changes_only_what_it_names() {
    let server = Server::start();
    let ada = server.register("ada");
    let slug = server.publish(&ada, "A", &["x", "y"]);
    let before = server.get(&format!("/api/articles/{slug}")).send().body["article"].clone();
    let edit = |slug: &str, fields: Value| {
        server.put(&format!("/api/articles/{slug}"), json!({ "article": fields })).token(&ada).send()
    };
    let answer = edit(&slug, json!({ "body": "new" }));
    assert_eq!(answer.status, 200);
    let after = &answer.body["article"];
    for field in ["slug", "title", "description", "tagList", "createdAt", "favorited", "favoritesCount", "author"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(after["body"], json!("new"));
    assert!(after["updatedAt"].as_str() > before["updatedAt"].as_str());
    // absent tags stay, empty ones go, null is refused
    assert_eq!(edit(&slug, json!({ "tagList": null })), errors(422, "tagList", "can't be blank"));
    assert_eq!(edit(&slug, json!({ "tagList": ["z"] })).body["article"]["tagList"], json!(["z"]));
    assert_eq!(edit(&slug, json!({ "tagList": [] })).body["article"]["tagList"], json!([]));
    for field in ["title", "description", "body"] {
        for value in [json!(""), Value::Null] {
            assert_eq!(edit(&slug, json!({ field: value })), errors(422, field, "can't be blank"));
        }
    }
    // a new title is a new address
    assert_eq!(edit(&slug, json!({ "title": "Another" })).body["article"]["slug"], json!("another"));
    assert_eq!(server.get(&format!("/api/articles/{slug}")).send(), errors(404, "article", "not found"));
    assert_eq!(edit("another", json!({ "title": "another!" })).body["article"]["slug"], json!("another"));
}

#[test]
fn only_its_author_changes_an_article() {
    let server = Server::start();
    let ada = server.register("ada");
    let bob = server.register("bob");
    let slug = server.publish(&ada, "A", &[]);
    let path = format!("/api/articles/{slug}");
    let body = json!({ "article": { "body": "x" } });
    assert_eq!(server.put(&path, body.clone()).token(&bob).send(), errors(403, "article", "forbidden"));
    assert_eq!(server.delete(&path).token(&bob).send(), errors(403, "article", "forbidden"));
    assert_eq!(server.put("/api/articles/b", body).token(&bob).send(), errors(404, "article", "not found"));
    assert_eq!(server.delete("/api/articles/b").token(&bob).send(), errors(404, "article", "not found"));
    let gone = server.delete(&path).token(&ada).send();
    assert_eq!((gone.status, gone.body), (204, Value::Null));
    assert_eq!(server.get(&path).send(), errors(404, "article", "not found"));
}

#[test]
fn a_favourite_counts_once() {
    let server = Server::start();
    let ada = server.register("ada");
    let bob = server.register("bob");
    let slug = server.publish(&ada, "A", &[]);
    let path = format!("/api/articles/{slug}/favorite");
    let seen = |answer: super::server::Answer| {
        let article = &answer.body["article"];
        (answer.status, article["favorited"].clone(), article["favoritesCount"].clone())
    };
    for _ in 0..2 {
        assert_eq!(seen(server.post(&path, json!({})).token(&bob).send()), (200, json!(true), json!(1)));
    }
    assert_eq!(seen(server.post(&path, json!({})).token(&ada).send()), (200, json!(true), json!(2)));
    let show = format!("/api/articles/{slug}");
    assert_eq!(seen(server.get(&show).send()), (200, json!(false), json!(2)));
    for _ in 0..2 {
        assert_eq!(seen(server.delete(&path).token(&bob).send()), (200, json!(false), json!(1)));
    }
    assert_eq!(
        server.post("/api/articles/b/favorite", json!({})).token(&bob).send(),
        errors(404, "article", "not found")
    );
    assert_eq!(server.delete("/api/articles/b/favorite").token(&bob).send(), errors(404, "article", "not found"));
}
