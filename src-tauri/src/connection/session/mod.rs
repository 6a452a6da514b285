//! One remote target in use: its tunnel if it has one, the front door, and a connection that tells
//! whether the gateway is there.

mod told;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clawdbot_client::{Client, ConnectOptions, Connected};
use clawdbot_config::Env;
use clawdbot_remote::front_door::FrontDoor;
use clawdbot_remote::ssh::{Question, Ssh, SshError, Status, Tunnel};
use clawdbot_remote::{Delays, woken};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

pub(crate) use self::told::{PAIRING, SessionError, is_tunnel_trouble, trouble_behind};
use super::network::Network;
use super::remote::Remote;
use super::target::Target;
use super::vault::{Credential, Vault};
use super::words::Request;
use crate::host::{Away, Failure};

/// For the handshake with the remote gateway.
const CONNECT: Duration = Duration::from_secs(15);
/// A gateway that is reached answers within this time.
const PROOF: Duration = Duration::from_secs(8);

/// What a session needs from the app.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) env: Env,
    pub(crate) vault: Vault,
    pub(crate) questions: mpsc::Sender<Question>,
}

impl Access {
    /// `ssh` as it is installed now.
    ///
    /// # Errors
    /// [`SshError::NoProgram`].
    pub(crate) fn ssh(&self) -> Result<Ssh, SshError> {
        let helper = std::env::current_exe().map_err(|_| SshError::NoProgram)?;
        Ssh::find(self.env.iter(), helper)
    }
}

/// What a session has come to.
pub(crate) enum SessionEvent {
    /// The gateway has let this app in.
    Ready,
    /// It is not there, and something is being done about it.
    Away(Away),
    /// Only a person can help.
    Failed(Failure),
}

/// A remote target in use; dropped, its tunnel and front door end soon.
pub(crate) struct Session {
    pub(crate) remote: Remote,
    tunnel: Option<Tunnel>,
    door: Option<FrontDoor>,
    /// Where this computer reaches the gateway.
    address: Option<SocketAddr>,
    /// Where a front door should be; somebody else is there.
    wanted: Option<SocketAddr>,
    client: Option<Client>,
    delays: Delays,
    /// Before the next attempt.
    pause: Option<Duration>,
    /// Left alone by a person although there is no tunnel, and whether that was told.
    paused: Option<bool>,
    /// What this device waits for to be let in.
    request: Option<Request>,
    /// What the tunnel was when that was last told.
    told: Option<Status>,
    network: Network,
    _questions: Option<AbortOnDropHandle<()>>,
}

impl Session {
    /// Starts to use `target`. `port` is for the front door; `known` opens the gateway where it is
    /// not for the vault to know.
    ///
    /// # Errors
    /// When there is no way to even try.
    pub(crate) async fn start(
        target: &Target,
        port: Option<u16>,
        known: Option<Credential>,
        access: &Access,
    ) -> Result<Self, SessionError> {
        let mut base = target.options();
        base.timeout = CONNECT;
        Self::with(target, base, port, known, access).await
    }

    /// The same for a gateway at `base` on this computer.
    pub(crate) async fn attach(
        base: ConnectOptions,
        known: Credential,
        access: &Access,
    ) -> Result<Self, SessionError> {
        Self::with(&Target::Local, base, None, Some(known), access).await
    }

    async fn with(
        target: &Target,
        mut base: ConnectOptions,
        port: Option<u16>,
        known: Option<Credential>,
        access: &Access,
    ) -> Result<Self, SessionError> {
        let (mut tunnel, mut asking) = (None, None);
        if let Target::Ssh(spec) = target {
            let (opened, mut questions) = Tunnel::start(access.ssh()?, spec.clone())?;
            base.dialer = Some(opened.dialer());
            let people = access.questions.clone();
            asking = Some(AbortOnDropHandle::new(tokio::spawn(async move {
                while let Some(question) = questions.recv().await {
                    if people.send(question).await.is_err() {
                        return;
                    }
                }
            })));
            tunnel = Some(opened);
        }
        let remote = Remote::new(base, target, known, access.vault.clone()).await?;
        // Whoever is at the port already, a tunnel of the person's own for example, is the gateway.
        let is_door = match target {
            Target::Direct { url, .. } => clawdbot_client::loopback_port(url) == port,
            Target::Ssh(_) | Target::Local => false,
        };
        let at = port.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let mut session = Self {
            remote,
            tunnel,
            door: None,
            address: at.filter(|_| is_door),
            wanted: at.filter(|_| !is_door),
            client: None,
            delays: Delays::default(),
            pause: None,
            paused: None,
            request: None,
            told: None,
            network: Network::watch(),
            _questions: asking,
        };
        session.open_door().await;
        Ok(session)
    }

    /// Opens the front door, unless it is open; whether it is not, although it should be.
    pub(crate) async fn open_door(&mut self) -> bool {
        let Some(address) = self.wanted else { return false };
        match FrontDoor::bind(address, clawdbot_gateway::webchat).await {
            Ok(door) => {
                door.lead_to(self.remote.far_end());
                self.address = Some(door.address());
                (self.door, self.wanted) = (Some(door), None);
                false
            }
            Err(error) => {
                tracing::debug!(code = error.code(), %error, "no front door");
                true
            }
        }
    }

    /// Whether somebody else has the front door's port.
    pub(crate) fn is_door_taken(&self) -> bool {
        self.wanted.is_some()
    }

    /// Where this computer reaches the gateway.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Whether this is a gateway on this computer that another program runs.
    pub(crate) fn is_attached(&self) -> bool {
        self.tunnel.is_none() && self.remote.is_local()
    }

    /// Ends it; afterwards nothing of it leads anywhere, and the front door's port is free.
    pub(crate) async fn close(mut self) {
        self.remote.end();
        self.client = None;
        if let Some(door) = self.door.take() {
            door.close().await;
        }
    }

    /// Ends the connection until [`Session::retry`].
    pub(crate) fn pause(&mut self) {
        match &self.tunnel {
            Some(tunnel) => tunnel.stop(),
            None => self.paused = Some(false),
        }
        self.client = None;
    }

    /// Tries again at once.
    pub(crate) fn retry(&mut self) {
        if let Some(tunnel) = &self.tunnel {
            tunnel.retry_now();
        }
        self.paused = None;
        self.request = None;
        self.delays = Delays::default();
        self.pause = None;
    }

    /// The next thing that happens; may be dropped half way and called again.
    pub(crate) async fn next(&mut self) -> SessionEvent {
        if let Some(client) = &self.client {
            let closed = tokio::select! {
                closed = client.closed() => closed.to_string(),
                () = self.tunnel_down() => "the tunnel is down".to_owned(),
                () = self.fell_silent(client) => {
                    // Whatever else goes the same way is as dead, and knows it as little.
                    self.remote.hang_up();
                    if let Some(door) = &self.door {
                        door.hang_up();
                    }
                    "it was silent after a pause or a change of networks".to_owned()
                }
            };
            tracing::info!(closed, "the remote gateway went away");
            self.client = None;
            return SessionEvent::Away(self.away("connecting"));
        }
        match self.paused.replace(true) {
            Some(false) => return self.of_tunnel(Status::Paused),
            Some(true) => std::future::pending().await,
            None => self.paused = None,
        }
        if let Some(event) = self.tunnel_news().await {
            return event;
        }
        if let Some(pause) = self.pause {
            let mut gains = self.network.gains();
            let changed = tokio::select! {
                () = tokio::time::sleep(pause) => false,
                () = self.tunnel_down() => false,
                () = gains.next() => true,
                () = woken() => true,
            };
            if changed {
                self.delays = Delays::default();
            }
            self.pause = None;
        }
        // The client waits for the challenge before it sends what opens a gateway (SSH-05).
        self.network.attempt();
        match Box::pin(Client::connect(self.remote.options())).await {
            Ok(Connected { client, hello, .. }) => {
                if let Some(token) = hello.auth.and_then(|auth| auth.device_token) {
                    self.remote.learn(&token).await;
                }
                self.client = Some(client);
                self.request = None;
                self.delays = Delays::default();
                SessionEvent::Ready
            }
            Err(error) => self.refused(error).await,
        }
    }

    /// Resolves when this computer has slept or got on another network and the gateway does not
    /// answer any more. A tunnel finds that out by itself, and takes everything in it along.
    async fn fell_silent(&self, client: &Client) {
        if self.tunnel.is_some() {
            return std::future::pending().await;
        }
        let mut gains = self.network.gains();
        loop {
            tokio::select! {
                () = woken() => {}
                () = gains.next() => {}
            }
            // A refusal is an answer too.
            let nothing = serde_json::json!({});
            let answer = client.request("health", &nothing);
            if tokio::time::timeout(PROOF, answer).await.is_err() {
                return;
            }
        }
    }

    async fn tunnel_down(&self) {
        match &self.tunnel {
            Some(tunnel) => {
                let _ = tunnel.status().wait_for(|status| !is_up(status)).await;
            }
            None => std::future::pending().await,
        }
    }

    /// What the tunnel has come to since it was last told; nothing while it is up.
    async fn tunnel_news(&mut self) -> Option<SessionEvent> {
        let tunnel = self.tunnel.as_ref()?;
        let mut status = tunnel.status();
        let told = self.told.clone();
        let waiting = matches!(told, Some(Status::Waiting { .. }));
        let news = status.wait_for(|now| is_up(now) || Some(now) != told.as_ref());
        let mut gains = self.network.gains();
        let hurry = async {
            loop {
                gains.next().await;
                tunnel.retry_now();
            }
        };
        let now = tokio::select! {
            now = news => now.map(|now| now.clone()).unwrap_or(Status::Paused),
            () = hurry, if waiting => Status::Paused,
        };
        if is_up(&now) {
            self.told = None;
            return None;
        }
        self.told = Some(now.clone());
        self.network.attempt();
        self.pause = None;
        Some(self.of_tunnel(now))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.remote.end();
    }
}

fn is_up(status: &Status) -> bool {
    matches!(status, Status::Up { .. })
}
