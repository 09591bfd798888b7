//! Who may see the pages: the names of the host, the token, and the headers that bind the browser.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Form;
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, LOCATION, ORIGIN, REFERRER_POLICY, SET_COOKIE,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use constant_time_eq::constant_time_eq;
use maud::html;
use serde::Deserialize;

use crate::frame::document;
use crate::problem::Problem;

/// The pages load nothing but their own style, script and data. They cannot be framed, and have no inline scripts or styles.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The name of the cookie of a browser that gave the token. The port follows it, because browsers send a cookie to all ports of a host.
const SESSION: &str = "memimage_session";

/// Which requests are answered.
#[derive(Debug)]
pub(crate) struct Access {
    hosts: Hosts,
    login: Option<Login>,
}

/// Which names of this server are accepted in a request. A site that makes its own name resolve to this server (DNS rebinding) has
/// another name.
#[derive(Debug)]
pub(crate) enum Hosts {
    /// Names and addresses of the loopback interface, and these names.
    Loopback(Vec<String>),
    /// Any name.
    Any,
}

#[derive(Debug)]
struct Login {
    token: String,
    /// The value of the cookie. It is drawn when the server starts, so the cookie does not hold the token.
    session: String,
}

impl Access {
    pub(crate) fn new(hosts: Hosts, token: Option<String>) -> Access {
        let login = token.map(|token| {
            let mut random = [0; 32];
            getrandom::fill(&mut random).expect("the operating system has random numbers");
            Login { token, session: random.iter().map(|byte| format!("{byte:02x}")).collect() }
        });
        Access { hosts, login }
    }

    fn is_own_host(&self, headers: &HeaderMap) -> bool {
        let Hosts::Loopback(others) = &self.hosts else { return true };
        let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
        let name = without_port(host);
        let is_loopback = || match name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost"),
        };
        is_loopback() || others.iter().any(|other| name.eq_ignore_ascii_case(other) || host.eq_ignore_ascii_case(other))
    }

    fn is_logged_in(&self, headers: &HeaderMap) -> bool {
        let Some(login) = &self.login else { return true };
        let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let name = session_name(headers);
        let mut sessions = cookies
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().strip_prefix(&*name)?.strip_prefix('='));
        bearer.is_some_and(|token| is_equal(token, &login.token))
            || sessions.any(|session| is_equal(session, &login.session))
    }
}

/// Compares in a time that does not depend on the texts, but for their lengths.
fn is_equal(given: &str, wanted: &str) -> bool {
    constant_time_eq(given.as_bytes(), wanted.as_bytes())
}

/// The name of the cookie for the port to which a request was sent.
fn session_name(headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    match host[without_port(host).len()..].trim_start_matches(':') {
        "" => SESSION.to_owned(),
        port => format!("{SESSION}_{port}"),
    }
}

/// A host without its port: `localhost:8080`, `[::1]:8080`.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// Whether another site sent a request that does something. A browser says it in `Sec-Fetch-Site`, if the connection is secure or to this
/// machine, and otherwise by the origin.
fn is_of_other_site(request: &Request) -> bool {
    let headers = request.headers();
    if let Some(site) = headers.get("sec-fetch-site") {
        return site != "same-origin" && site != "none";
    }
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let Ok(origin) = origin.to_str() else { return true };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    origin.split_once("://").is_none_or(|(_, origin)| !origin.eq_ignore_ascii_case(host))
}

/// Refuses requests to other hosts and without the token, and adds the headers that bind the browser.
pub(crate) async fn guard(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&access, &request) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    let policies = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // with `no-referrer`, browsers would send the page's own forms with the origin `null`
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in policies {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn refusal(access: &Access, request: &Request) -> Option<Response> {
    if !access.is_own_host(request.headers()) {
        let message = "This server does not answer to the host name of this request.";
        let help = "Use localhost or 127.0.0.1, or let the program allow the name with `Page::host`.";
        return Some(Problem::new(StatusCode::MISDIRECTED_REQUEST, message, help).into_response());
    }
    if request.method() == Method::POST && is_of_other_site(request) {
        let help = "Send the form from the page itself.";
        return Some(Problem::new(StatusCode::FORBIDDEN, "Another site sent this request.", help).into_response());
    }
    // `/` leads to another page only; below it, the relative addresses of the form would lead nowhere if it has no slash at its end
    let is_open = ["/", "/login", "/style.css", "/script.js"].contains(&request.uri().path());
    (!is_open && !access.is_logged_in(request.headers())).then(|| {
        let headers = [(WWW_AUTHENTICATE, "Bearer")];
        let page = request.uri().path_and_query().map_or("", |page| page.as_str()).trim_start_matches('/');
        (StatusCode::UNAUTHORIZED, headers, login_page("This page needs a token.", page)).into_response()
    })
}

/// The page that a user came for is `next`.
fn login_page(message: &str, next: &str) -> impl IntoResponse + use<> {
    document(
        "Token",
        &html! {
            main.login {
                h1 { "Token" }
                p { (message) }
                form method="post" action="login" {
                    label { "Token " input type="password" name="token" autocomplete="current-password" required autofocus; }
                    input type="hidden" name="next" value=(next);
                    button { "Enter" }
                }
            }
        },
    )
}

/// The form in which a user gives the token.
#[derive(Deserialize)]
pub(crate) struct TokenForm {
    token: String,
    #[serde(default)]
    next: String,
}

impl TokenForm {
    /// The page to show: one of this router's, with its parameters.
    fn next(&self) -> &str {
        let page = self.next.split('?').next().unwrap_or_default();
        let is_page = !page.is_empty() && page.bytes().all(|next| next.is_ascii_lowercase());
        let is_header = self.next.bytes().all(|next| next.is_ascii_graphic());
        if is_page && is_header { &self.next } else { "log" }
    }
}

/// Shows the form for the token.
pub(crate) async fn show_login() -> impl IntoResponse {
    login_page("Give the token that was set when this page was started.", "log")
}

/// Takes the token of the form, which is in no address, and sets a cookie.
pub(crate) async fn login(
    State(access): State<Arc<Access>>,
    headers: HeaderMap,
    Form(form): Form<TokenForm>,
) -> Response {
    match &access.login {
        Some(login) if !is_equal(&form.token, &login.token) => {
            (StatusCode::UNAUTHORIZED, login_page("This is not the token.", form.next())).into_response()
        }
        // without `Path`, the cookie goes to the pages beside this one only
        Some(login) => {
            let cookie = format!("{}={}; HttpOnly; SameSite=Lax", session_name(&headers), login.session);
            (StatusCode::SEE_OTHER, [(LOCATION, form.next().to_owned()), (SET_COOKIE, cookie)]).into_response()
        }
        None => (StatusCode::SEE_OTHER, [(LOCATION, form.next())]).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_loopback_interface() {
        let access = Access::new(Hosts::Loopback(vec!["bank.example".to_owned()]), None);
        let accepts = |host: &str| {
            access.is_own_host(&HeaderMap::from_iter([(HOST, HeaderValue::from_str(host).expect("a header"))]))
        };
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1", "127.8.0.1:9", "[::1]", "[::1]:80", "bank.example:443"] {
            assert!(accepts(host), "{host}");
        }
        for host in
            ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "::2", "[::2]:80"]
        {
            assert!(!accepts(host), "{host}");
        }
    }
}
