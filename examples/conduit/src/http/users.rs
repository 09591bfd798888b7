//! Registration, login, and the user's own account.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::http::json::{Form, Json};
use crate::http::problem::Problem;
use crate::http::request::Session;
use crate::http::{App, Body};
use crate::model::{PasswordHash, UserId};
use crate::password;
use crate::store::{AccountChange, Call, Failure, NewUser, Store};
use crate::text::{Bio, Email, Invalid, Picture, Username};
use crate::view::Account;

pub(crate) async fn register<S: Store>(
    State(app): State<App<S>>,
    call: Call,
    Body(body): Body,
) -> Result<impl IntoResponse, Problem> {
    let (name, email, password) = registration(&body)?;
    let hashed = hash(&app, &call, password).await?;
    let subject = hex(app.secret.repeatable(&call, "subject"));
    let user = NewUser { name, email: email.clone(), password: hashed.clone(), subject };
    let (id, account) = app.store.register(&call, user).await?;
    // A retry is recognized by its key and its arguments, but not by the content of personal data. Only the one who registered
    // may get a token, and the hash is the same for the same key.
    let known = app.store.credentials(&email).await?;
    if known.is_none_or(|(known, password)| known != id || password.0 != hashed.0) {
        return Err(Failure::KeyReused.into());
    }
    Ok((StatusCode::CREATED, answer(&app, id, account)?))
}

fn registration(body: &Bytes) -> Result<(Username, Email, String), Problem> {
    let mut form = Form::of(body, "user")?;
    let name = form.required(Username::FIELD, Username::new);
    let email = form.required(Email::FIELD, Email::new);
    let password = form.required("password", password_rules);
    form.finish(|| Some((name?, email?, password?)))
}

pub(crate) async fn login<S: Store>(State(app): State<App<S>>, Body(body): Body) -> Result<impl IntoResponse, Problem> {
    let mut form = Form::of(&body, "user")?;
    // an address that no user can have is a wrong one, and no malformed request
    let email = form
        .required(Email::FIELD, |text| if text.trim().is_empty() { Err(Invalid::blank("email")) } else { Ok(text) });
    let password =
        form.required("password", |text| if text.is_empty() { Err(Invalid::blank("password")) } else { Ok(text) });
    let (email, password) = form.finish(|| Some((email?, password?)))?;
    let known = match Email::new(email) {
        Ok(email) => app.store.credentials(&email).await?,
        Err(_) => None,
    };
    let (user, hash) = known.map_or((None, None), |(user, hash)| (Some(user), Some(hash)));
    let is_right = blocking(move || password::verify(&password, hash.as_ref())).await?;
    let (Some(user), true) = (user, is_right) else { return Err(Problem::credentials()) };
    let account = app.store.account(user).await?.ok_or_else(Problem::credentials)?;
    answer(&app, user, account)
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    Session(user): Session,
) -> Result<impl IntoResponse, Problem> {
    let account = app.store.account(user).await?.ok_or_else(|| Problem::token("is invalid"))?;
    answer(&app, user, account)
}

pub(crate) async fn update<S: Store>(
    State(app): State<App<S>>,
    Session(user): Session,
    call: Call,
    Body(body): Body,
) -> Result<impl IntoResponse, Problem> {
    let mut form = Form::of(&body, "user")?;
    if !form.has_any(&["username", "email", "password", "bio", "image"]) {
        return Err(Problem::invalid(vec![Invalid::blank("user")]));
    }
    let name = form.optional(Username::FIELD, Username::new);
    let email = form.optional(Email::FIELD, Email::new);
    let password = form.optional("password", password_rules);
    let bio = form.nullable(Bio::FIELD, Bio::new);
    let image = form.nullable(Picture::FIELD, Picture::new);
    form.finish(|| Some(()))?;
    let password = match password {
        Some(password) => Some(hash(&app, &call, password).await?),
        None => None,
    };
    let account = app.store.update_user(&call, user, AccountChange { name, email, password, bio, image }).await?;
    answer(&app, user, account)
}

/// Not in the specification: everybody may leave, and then the personal data is erased.
pub(crate) async fn delete<S: Store>(
    State(app): State<App<S>>,
    Session(user): Session,
    call: Call,
) -> Result<StatusCode, Problem> {
    app.store.delete_user(&call, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn answer<S>(app: &App<S>, user: UserId, account: Account) -> Result<Json<Value>, Problem> {
    let token = app.tokens.issue(user).map_err(|error| Problem::internal(&error))?;
    let Account { email, username, bio, image } = account;
    Ok(Json(json!({ "user": { "email": email, "token": token, "username": username, "bio": bio, "image": image } })))
}

fn password_rules(text: String) -> Result<String, Invalid> {
    if text.trim().is_empty() {
        return Err(Invalid::blank("password"));
    }
    if text.len() > 1_000 {
        return Err(Invalid::malformed("password"));
    }
    Ok(text)
}

async fn hash<S: Store>(app: &App<S>, call: &Call, password: String) -> Result<PasswordHash, Problem> {
    let salt = app.secret.repeatable(call, "salt");
    blocking(move || password::hash(&password, salt)).await?.map_err(|error| Problem::internal(&error))
}

/// How many passwords are hashed at a time. Each takes 19 MiB and a core, so a flood of logins waits here and not everywhere.
static HASHING: Semaphore = Semaphore::const_new(4);

/// Hashing a password takes long on purpose: it must not hold up the other requests of this thread.
async fn blocking<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> Result<R, Problem> {
    let _permit = HASHING.acquire().await.map_err(|error| Problem::internal(&error))?;
    tokio::task::spawn_blocking(work).await.map_err(|error| Problem::internal(&error))
}

fn hex(bytes: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(bytes))
}
