//! The yardstick: a server that does nothing but WebSocket.

use std::net::SocketAddr;
use std::process::Stdio;

use anyhow::Context as _;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// The echo server in a process of its own.
pub(crate) struct Echo {
    pub(crate) address: SocketAddr,
    _child: Child,
}

impl Echo {
    /// Starts this program again as a server that answers every message with `answer`.
    pub(crate) async fn start(answer: &str) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["echo-server", "--answer", answer])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().context("the echo server has no output")?;
        let line = BufReader::new(stdout).lines().next_line().await?;
        let address = line.context("the echo server did not start")?.parse()?;
        Ok(Self { address, _child: child })
    }
}

/// Serves until the process is killed.
#[expect(clippy::print_stdout, reason = "the address goes to the parent process")]
pub(crate) async fn serve(answer: String) -> anyhow::Result<()> {
    let answer = Utf8Bytes::from(answer);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(echo(stream, answer.clone()));
    }
}

async fn echo(stream: TcpStream, answer: Utf8Bytes) -> anyhow::Result<()> {
    let mut socket = tokio_tungstenite::accept_async(stream).await?;
    while let Some(message) = socket.next().await {
        if message?.is_text() {
            socket.send(Message::Text(answer.clone())).await?;
        }
    }
    Ok(())
}
