//! The verb `browse`: a page that shows an image.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use crate::support::{create, run};

#[test]
fn a_page_is_served_at_the_address_that_is_printed() {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("stock.image");
    create(&image);
    let mut command = Command::new(env!("CARGO_BIN_EXE_memimage"));
    let mut server = command.arg("browse").arg(&image).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("http://").and_then(|rest| rest.strip_suffix('/')).unwrap();

    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /log HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("<strong>deliver</strong>"), "{answer}");
}

#[test]
fn what_cannot_be_served_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    let help = run(directory.path(), &["--help"]);
    assert!(help.contains("browse"), "{help}");
    let help = run(directory.path(), &["browse", "--help"]);
    assert!(help.contains("memimage browse bank.image") && !help.contains("exit code: Some"), "{help}");
    assert!(help.contains("Usage: memimage browse [OPTIONS] <IMAGE>"), "{help}");
    let usage = run(directory.path(), &["browse"]);
    assert!(usage.contains("Usage: memimage browse") && usage.contains("exit code: Some(2)"), "{usage}");
    let none = run(directory.path(), &["browse", "none.image"]);
    assert!(none.contains("there is no image") && none.contains("exit code: Some(3)"), "{none}");
    let other = run(directory.path(), &["browse", "stock.image", "--addr", "0.0.0.0:0"]);
    assert!(other.contains("needs a token") && other.contains("exit code: Some(2)"), "{other}");
}
