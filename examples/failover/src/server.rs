//! Serves the image over a loopback socket: one thread a client, one line a request.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use memimage::Image;

use crate::tickets::{Ticket, Tickets, TicketsCommands as _};

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
            // the client sees that its connection ends, and the member reports why the image failed
            thread::spawn(move || answer(&stream, &image));
        }
    });
    Ok(port)
}

/// Answers the requests of one client. Each line is a client's number and a ticket's number; the answer is the place of the ticket in
/// the order of all tickets, once it is acknowledged. An error ends the connection.
fn answer(stream: &TcpStream, image: &Image<Tickets>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    for line in BufReader::new(stream).lines() {
        let place = image.file(parse(&line?)?).map_err(io::Error::other)?;
        (&*stream).write_all(format!("{place}\n").as_bytes())?;
    }
    Ok(())
}

fn parse(line: &str) -> io::Result<Ticket> {
    let ticket = || {
        let (client, number) = line.split_once(' ')?;
        Some(Ticket { client: client.parse().ok()?, number: number.parse().ok()? })
    };
    ticket().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("`{line}` is no ticket")))
}
