//! A minimal server for an image.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use memimage::{CommandError, Durability, Image, Pending, SnapshotPolicy};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use super::protocol::{self, Answer};
use super::{Protocol, Server};
use crate::ledger::{Ledger, Transfer};

/// An image in `Durability::Synced` behind a socket, in this process. One thread of tokio serves all connections.
pub(crate) struct ImageServer {
    image: Image<Ledger>,
    address: SocketAddr,
    _runtime: Runtime,
    _directory: TempDir,
}

impl Server for ImageServer {
    const PROTOCOL: Protocol = Protocol::Memimage;

    fn start(directory: &Path) -> Result<ImageServer> {
        let directory = tempfile::tempdir_in(directory)?;
        let options = Image::<Ledger>::options().durability(Durability::Synced).snapshots(SnapshotPolicy::Manual);
        let image = options.open(directory.path().join("ledger.image"))?;
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_io().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        runtime.spawn(accept(listener, image.clone()));
        Ok(ImageServer { image, address, _runtime: runtime, _directory: directory })
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn log_bytes(&mut self) -> Result<u64> {
        Ok(self.image.admin().stats().bytes)
    }

    fn balances(&mut self) -> Result<Vec<u64>> {
        Ok(self.image.query(Ledger::balances)?)
    }
}

async fn accept(listener: TcpListener, image: Image<Ledger>) {
    while let Ok((stream, _)) = listener.accept().await {
        let image = image.clone();
        tokio::spawn(async move {
            if let Err(error) = serve(stream, &image).await {
                eprintln!("a connection was closed: {error:#}");
            }
        });
    }
}

/// Submits each transfer as it arrives, and sends the answers in the same order once they are durable.
async fn serve(mut stream: TcpStream, image: &Image<Ledger>) -> Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = stream.split();
    let mut received = Vec::with_capacity(64 << 10);
    let mut in_flight: VecDeque<Pending<(), CommandError<u64>>> = VecDeque::new();
    let mut answers = Vec::new();
    loop {
        tokio::select! {
            answer = async { in_flight.front_mut().expect("a transfer is in flight").await }, if !in_flight.is_empty() => {
                in_flight.pop_front();
                answers = protocol::encode(&to_answer(answer)?, answers)?;
                while in_flight.front().is_some_and(Pending::is_ready) {
                    let pending = in_flight.pop_front().expect("a transfer is in flight");
                    answers = protocol::encode(&to_answer(pending.await)?, answers)?;
                }
                writer.write_all(&answers).await?;
                answers.clear();
            }
            read = reader.read_buf(&mut received) => {
                if read? == 0 {
                    return Ok(());
                }
                let mut rest = received.as_slice();
                while let Some(transfer) = protocol::decode::<Transfer>(&mut rest)? {
                    in_flight.push_back(image.submit_async(transfer).await?);
                }
                received.drain(..received.len() - rest.len());
            }
        }
    }
}

fn to_answer(result: Result<(), CommandError<u64>>) -> Result<Answer> {
    match result {
        Ok(()) => Ok(Ok(())),
        Err(CommandError::Refused(balance)) => Ok(Err(balance)),
        Err(CommandError::Image(error)) => Err(error.into()),
    }
}
