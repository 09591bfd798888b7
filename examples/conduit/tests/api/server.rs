//! The built program, and requests to it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::http::{Method, Request};

/// A directory with an image, and a process that serves it.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    directory: Option<TempDir>,
}

/// An answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// A request to a server.
pub(crate) struct Call<'a> {
    address: SocketAddr,
    method: Method,
    path: String,
    headers: Vec<(&'a str, String)>,
    body: Option<Vec<u8>>,
}

pub(crate) fn conduit() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conduit"));
    command.env("RUST_LOG", "error").env_remove("CONDUIT_ADMIN_TOKEN");
    command
}

impl Server {
    /// A server with a new image.
    pub(crate) fn start() -> Server {
        Server::with(&[])
    }

    /// A server with a new image, with further arguments.
    pub(crate) fn with(arguments: &[&str]) -> Server {
        let directory = tempfile::tempdir().unwrap();
        let image = directory.path().join("conduit.image");
        let mut server = Server::open(&image, "127.0.0.1:0", arguments);
        server.directory = Some(directory);
        server
    }

    /// A server with the image at a path.
    pub(crate) fn open(image: &Path, address: &str, arguments: &[&str]) -> Server {
        let mut command = conduit();
        command.arg("--image").arg(image).args(["--addr", address]).args(arguments);
        Server::spawn(command)
    }

    /// A server that follows the image at a path.
    pub(crate) fn follow(image: &Path) -> Server {
        let mut command = conduit();
        command.arg("--follow").arg(image).args(["--addr", "127.0.0.1:0"]);
        Server::spawn(command)
    }

    fn spawn(mut command: Command) -> Server {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("it says `{line}`"));
        Server { child, address: address.parse().unwrap(), directory: None }
    }

    /// The directory in which the image lies.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.as_ref().unwrap().path()
    }

    pub(crate) fn image(&self) -> PathBuf {
        self.directory().join("conduit.image")
    }

    /// Ends the process by SIGKILL, and starts another one at the same address.
    pub(crate) fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.restart(&[]);
    }

    /// Ends the process by SIGTERM, and starts another one at the same address.
    pub(crate) fn stop_and_restart(&mut self, arguments: &[&str]) {
        self.terminate();
        self.restart(arguments);
    }

    /// Starts another process at the same address.
    pub(crate) fn restart(&mut self, arguments: &[&str]) {
        let directory = self.directory.take();
        let image = directory.as_ref().unwrap().path().join("conduit.image");
        let next = Server::open(&image, &self.address.to_string(), arguments);
        *self = next;
        self.directory = directory;
    }

    /// Ends the process by SIGTERM, after which it must succeed.
    pub(crate) fn terminate(&mut self) {
        let kill = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(kill.success());
        assert!(self.child.wait().unwrap().success());
    }

    pub(crate) fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: Value) -> Call<'_> {
        self.call(Method::POST, path).body(body)
    }

    pub(crate) fn put(&self, path: &str, body: Value) -> Call<'_> {
        self.call(Method::PUT, path).body(body)
    }

    pub(crate) fn delete(&self, path: &str) -> Call<'_> {
        self.call(Method::DELETE, path)
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call<'_> {
        Call::to(self.address, method, path.to_owned())
    }

    /// Registers a user, and returns the token.
    pub(crate) fn register(&self, name: &str) -> String {
        let answer = self.post("/api/users", registration(name)).send();
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body["user"]["token"].as_str().unwrap().to_owned()
    }

    /// Publishes an article, and returns its slug.
    pub(crate) fn publish(&self, token: &str, title: &str, tags: &[&str]) -> String {
        let answer = self.post("/api/articles", article(title, tags)).token(token).send();
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body["article"]["slug"].as_str().unwrap().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn registration(name: &str) -> Value {
    json!({ "user": { "username": name, "email": format!("{name}@example.org"), "password": "a secret" } })
}

pub(crate) fn article(title: &str, tags: &[&str]) -> Value {
    json!({ "article": { "title": title, "description": "about", "body": "text", "tagList": tags } })
}

/// The errors of one field with one message.
pub(crate) fn errors(status: u16, field: &str, message: &str) -> Answer {
    Answer { status, body: json!({ "errors": { field: [message] } }) }
}

impl<'a> Call<'a> {
    pub(crate) fn to(address: SocketAddr, method: Method, path: String) -> Call<'a> {
        Call { address, method, path, headers: Vec::new(), body: None }
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Token {token}"))
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub(crate) fn header(mut self, name: &'a str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn body(self, body: Value) -> Self {
        self.bytes(body.to_string().into_bytes())
    }

    pub(crate) fn bytes(mut self, bytes: Vec<u8>) -> Self {
        self.body = Some(bytes);
        self
    }

    /// The answer, of which a body without JSON is a text.
    pub(crate) fn send(self) -> Answer {
        self.try_send().unwrap().0
    }

    /// The answer and its headers, or an error if the connection broke.
    pub(crate) fn try_send(self) -> Result<(Answer, ureq::http::HeaderMap), ureq::Error> {
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
        let agent = config.build().new_agent();
        let mut request = Request::builder().method(self.method).uri(format!("http://{}{}", self.address, self.path));
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let mut response = match self.body {
            Some(body) => agent.run(request.header("content-type", "application/json").body(body)?)?,
            None => agent.run(request.body(())?)?,
        };
        let bytes = response.body_mut().read_to_vec()?;
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        let body =
            if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap_or_else(|_| text()) };
        Ok((Answer { status: response.status().as_u16(), body }, response.headers().clone()))
    }
}
