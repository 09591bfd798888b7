//! Serves the image over a loopback socket: one thread a client, one line a request.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use memimage::Image;

use crate::tickets::{Tickets, TicketsCommands as _};

/// Accepts clients until the process ends. Returns the port.
///
/// # Errors
///
/// Returns an error if no port is free.
pub fn serve(image: Image<Tickets>) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let image = image.clone();
            thread::spawn(move || {
                if let Err(error) = answer(&stream, &image) {
                    eprintln!("standby: a client was lost: {error}");
                }
            });
        }
    });
    Ok(port)
}

/// Answers the requests of one client. The first line is the number of the client; the answer is its last ticket and how many it
/// has. Each further line is the number of a ticket; the answer is how many tickets the client has, once this one is durable.
fn answer(stream: &TcpStream, image: &Image<Tickets>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(stream).lines();
    let Some(client) = lines.next() else { return Ok(()) };
    let client = parse(&client?)?;
    let tickets = image.query(|tickets| tickets.of(client)).map_err(io::Error::other)?;
    (&*stream).write_all(format!("{} {}\n", tickets.last, tickets.filed).as_bytes())?;
    for line in lines {
        let filed = image.file(client, parse(&line?)?).map_err(io::Error::other)?;
        (&*stream).write_all(format!("{filed}\n").as_bytes())?;
    }
    Ok(())
}

/// Parses a number from the network.
///
/// # Errors
///
/// Returns an error if the text is no such number.
pub fn parse<T: std::str::FromStr>(text: &str) -> io::Result<T> {
    text.trim().parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("`{text}` is no number")))
}
