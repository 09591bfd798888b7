//! Registration, login, the user's own account.

use serde_json::{Value, json};

use super::server::{Server, errors, registration};

#[test]
fn a_user_registers_logs_in_and_is_shown() {
    let server = Server::start();
    let answer = server.post("/api/users", registration("ada")).send();
    assert_eq!(answer.status, 201);
    let token = answer.body["user"]["token"].as_str().unwrap().to_owned();
    let shown = |token: &Value| json!({ "user": { "email": "ada@example.org", "token": token, "username": "ada", "bio": null, "image": null } });
    assert_eq!(answer.body, shown(&answer.body["user"]["token"]));

    let login = json!({ "user": { "email": "Ada@Example.org", "password": "a secret" } });
    let answer = server.post("/api/users/login", login).send();
    assert_eq!((answer.status, &answer.body), (200, &shown(&answer.body["user"]["token"])));

    let answer = server.get("/api/user").token(&token).send();
    assert_eq!((answer.status, &answer.body), (200, &shown(&answer.body["user"]["token"])));
    let bearer = server.get("/api/user").header("authorization", &format!("Bearer {token}")).send();
    assert_eq!(bearer.status, 200);
}

#[test]
fn required_fields_are_not_blank() {
    let server = Server::start();
    for field in ["username", "email", "password"] {
        for value in [json!(""), json!("  "), Value::Null] {
            let mut body = registration("ada");
            body["user"][field] = value;
            assert_eq!(server.post("/api/users", body).send(), errors(422, field, "can't be blank"));
        }
        let mut body = registration("ada");
        body["user"].as_object_mut().unwrap().remove(field);
        assert_eq!(server.post("/api/users", body).send(), errors(422, field, "can't be blank"));
        let mut body = registration("ada");
        body["user"][field] = json!(7);
        assert_eq!(server.post("/api/users", body).send(), errors(422, field, "is invalid"));
    }
    let answer = server.post("/api/users", json!({ "user": {} })).send();
    assert_eq!(answer.status, 422);
    assert_eq!(answer.body["errors"].as_object().unwrap().len(), 3);
    for field in ["email", "password"] {
        let mut body = json!({ "user": { "email": "ada@example.org", "password": "a secret" } });
        body["user"][field] = json!("");
        assert_eq!(server.post("/api/users/login", body).send(), errors(422, field, "can't be blank"));
    }
}

#[test]
fn a_body_of_another_form_is_refused() {
    let server = Server::start();
    let post = |body: &[u8]| server.call(ureq::http::Method::POST, "/api/users").bytes(body.to_vec()).send();
    assert_eq!(post(b"{"), errors(422, "body", "is not valid JSON"));
    assert_eq!(post(b""), errors(422, "body", "is not valid JSON"));
    assert_eq!(post(b"\xff"), errors(422, "body", "is not valid JSON"));
    assert_eq!(post(b"[]"), errors(422, "body", "is invalid"));
    assert_eq!(post(b"{}"), errors(422, "user", "can't be blank"));
    assert_eq!(post(b"{\"user\":null}"), errors(422, "user", "can't be blank"));
    assert_eq!(post(b"{\"user\":7}"), errors(422, "user", "is invalid"));
    let mut long = registration("ada");
    long["user"]["username"] = json!("x".repeat(65));
    let answer = server.post("/api/users", long).send();
    assert_eq!(answer, errors(422, "username", "is too long (the maximum is 64 characters)"));
    assert_eq!(post(&vec![b' '; 3 << 20]), errors(413, "body", "is too large"));
}

#[test]
fn names_and_addresses_are_unique() {
    let server = Server::start();
    let ada = server.register("ada");
    server.register("bob");
    let mut name = registration("eve");
    name["user"]["username"] = json!("ada");
    assert_eq!(server.post("/api/users", name).send(), errors(409, "username", "has already been taken"));
    let mut email = registration("eve");
    email["user"]["email"] = json!("ADA@example.org");
    assert_eq!(server.post("/api/users", email).send(), errors(409, "email", "has already been taken"));
    let change =
        |field: &str, value: &str| server.put("/api/user", json!({ "user": { field: value } })).token(&ada).send();
    assert_eq!(change("username", "bob"), errors(409, "username", "has already been taken"));
    assert_eq!(change("email", "bob@example.org"), errors(409, "email", "has already been taken"));
    assert_eq!(change("username", "ada").status, 200); // its own
    // what was given up is free
    assert_eq!(change("username", "ada2").status, 200);
    assert_eq!(change("email", "ada2@example.org").status, 200);
    server.register("ada");
}

#[test]
fn a_wrong_login_does_not_tell_what_is_wrong() {
    let server = Server::start();
    server.register("ada");
    for (email, password) in [
        ("ada@example.org", "another"),
        ("eve@example.org", "a secret"),
        ("no address", "a secret"),
        ("ada@example.org", " "),
    ] {
        let login = json!({ "user": { "email": email, "password": password } });
        assert_eq!(server.post("/api/users/login", login).send(), errors(401, "credentials", "invalid"));
    }
}

#[test]
fn a_token_is_asked_for() {
    let server = Server::start();
    let token = server.register("ada");
    let missing = errors(401, "token", "is missing");
    assert_eq!(server.get("/api/user").send(), missing);
    assert_eq!(server.put("/api/user", json!({ "user": { "bio": "x" } })).send(), missing);
    assert_eq!(server.delete("/api/user").send(), missing);
    assert_eq!(server.get("/api/articles/feed").send(), missing);
    assert_eq!(server.post("/api/articles", json!({})).send(), missing);
    for path in ["/api/articles/x", "/api/articles/x/favorite", "/api/articles/x/comments/1", "/api/profiles/x/follow"]
    {
        assert_eq!(server.delete(path).send(), missing, "{path}");
    }
    for path in ["/api/articles/x/favorite", "/api/articles/x/comments", "/api/profiles/x/follow"] {
        assert_eq!(server.post(path, json!({})).send(), missing, "{path}");
    }
    assert_eq!(server.put("/api/articles/x", json!({})).send(), missing);
    for header in [&format!("Token {token}x"), "Token x.y.z", "Token", &token, "Basic abc"] {
        let answer = server.get("/api/user").header("authorization", header).send();
        assert_eq!(answer, errors(401, "token", "is invalid"), "{header}");
    }
}

#[test]
fn an_account_changes_only_where_it_is_asked_to() {
    let server = Server::start();
    let token = server.register("ada");
    let change = |fields: Value| server.put("/api/user", json!({ "user": fields })).token(&token).send();
    let both = change(json!({ "bio": "counts", "image": "https://example.org/ada.png" }));
    assert_eq!((both.status, &both.body["user"]["bio"]), (200, &json!("counts")));
    assert_eq!(both.body["user"]["image"], json!("https://example.org/ada.png"));
    // null and an empty text remove a biography and a picture; an absent field keeps them
    assert_eq!(change(json!({ "bio": "" })).body["user"]["bio"], Value::Null);
    assert_eq!(change(json!({ "image": null })).body["user"]["image"], Value::Null);
    assert_eq!(change(json!({ "bio": "again" })).body["user"]["bio"], json!("again"));
    assert_eq!(change(json!({ "username": "ada l" })).body["user"]["bio"], json!("again"));
    for field in ["username", "email", "password"] {
        for value in [Value::Null, json!("")] {
            assert_eq!(change(json!({ field: value })), errors(422, field, "can't be blank"));
        }
    }
    assert_eq!(change(json!({ "bio": 7 })), errors(422, "bio", "is invalid"));
    assert_eq!(change(json!({})), errors(422, "user", "can't be blank"));
    assert_eq!(server.get("/api/user").token(&token).send().body["user"]["username"], json!("ada l"));
}

#[test]
fn a_new_password_replaces_the_old_one() {
    let server = Server::start();
    let token = server.register("ada");
    assert_eq!(server.put("/api/user", json!({ "user": { "password": "new" } })).token(&token).send().status, 200);
    let login = |password: &str| {
        let body = json!({ "user": { "email": "ada@example.org", "password": password } });
        server.post("/api/users/login", body).send().status
    };
    assert_eq!((login("a secret"), login("new")), (401, 200));
}
