//! A private channel between processes of one user.

use std::io;
use std::path::Path;

#[cfg(unix)]
pub(crate) use unix::{Listener, connect};
#[cfg(windows)]
pub(crate) use windows::{Listener, connect};

#[cfg(unix)]
mod unix {
    use super::{Path, io};

    /// Connects, for the helper.
    pub(crate) fn connect(path: &Path) -> io::Result<std::os::unix::net::UnixStream> {
        std::os::unix::net::UnixStream::connect(path)
    }

    /// Listens for the helper; only this user gets through.
    pub(crate) struct Listener(tokio::net::UnixListener);

    impl Listener {
        pub(crate) fn bind(path: &Path) -> io::Result<Self> {
            tokio::net::UnixListener::bind(path).map(Self)
        }

        pub(crate) async fn accept(&mut self) -> io::Result<tokio::net::UnixStream> {
            let me = rustix::process::getuid().as_raw();
            loop {
                let (stream, _) = self.0.accept().await?;
                if stream.peer_cred().is_ok_and(|peer| peer.uid() == me) {
                    return Ok(stream);
                }
            }
        }
    }
}

#[cfg(windows)]
mod windows {
    use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};

    use super::{Path, io};

    fn name(path: &Path) -> String {
        let own = path.display().to_string().replace(['\\', '/', ':'], "-");
        format!(r"\\.\pipe\clawdbot{own}")
    }

    /// Connects, for the helper.
    pub(crate) fn connect(path: &Path) -> io::Result<std::fs::File> {
        std::fs::File::options().read(true).write(true).open(name(path))
    }

    /// Listens for the helper. A pipe is its creator's own unless told otherwise.
    pub(crate) struct Listener {
        name: String,
        next: NamedPipeServer,
    }

    impl Listener {
        pub(crate) fn bind(path: &Path) -> io::Result<Self> {
            let name = name(path);
            let next = ServerOptions::new()
                .first_pipe_instance(true)
                .reject_remote_clients(true)
                .create(&name)?;
            Ok(Self { name, next })
        }

        pub(crate) async fn accept(&mut self) -> io::Result<NamedPipeServer> {
            self.next.connect().await?;
            let next = ServerOptions::new().reject_remote_clients(true).create(&self.name)?;
            Ok(std::mem::replace(&mut self.next, next))
        }
    }
}
