//! The gateway on this computer: in this process, or attached to the one of another program.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use clawdbot_client::{ConnectOptions, Dialer, knock};
use clawdbot_gateway::{Gateway, Holder, Listen, Options, StartError};
use tokio::net::{TcpListener, TcpStream};

use super::Order;
use super::actor::HostActor;
use super::failure::Failure;
use super::state::{AnyGateway, Away, HostState, PortTaken, Running};
use crate::connection::words::States;
use crate::connection::{Credential, Session, SessionEvent};
use crate::platform::{Here, Platform as _};
use crate::words::{Said, Words};

/// A gateway that owns the port answers within this time.
const KNOCK: Duration = Duration::from_secs(2);
/// A gateway on this computer that went away may be restarting; so long the app waits for it.
const COMING_BACK: Duration = Duration::from_secs(8);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(500);
/// How often a port that somebody else has is looked at.
const LOOK_AT_PORT: Duration = Duration::from_secs(3);
/// How long runs may finish and data may be written when the gateway stops.
const GRACE: Duration = Duration::from_secs(2);

/// How the gateway on this computer is started.
enum Local {
    /// It runs in this process.
    Hosted(Running),
    /// Another program runs it.
    Attached(Box<Session>, PortTaken),
}

impl HostActor {
    /// `patience` is how long a gateway of another program is waited for first.
    pub(super) async fn run_local(&mut self, patience: Duration) -> Option<Order> {
        if !patience.is_zero()
            && let Some(order) = self.wait_for_another(patience).await
        {
            return order;
        }
        match self.start_local().await {
            Ok(Local::Hosted(running)) => self.serve(running).await,
            Ok(Local::Attached(session, taken)) => self.follow(*session, Some(taken)).await,
            Err(failure) => self.report(failure).await,
        }
    }

    /// Starts with the configured port. A healthy gateway that has it already is used; next to
    /// anything else the window is served without a port.
    async fn start_local(&self) -> Result<Local, Failure> {
        let (port, error) = match self.listen(Listen::Configured).await {
            Ok(gateway) => return Ok(Local::Hosted(hosted(gateway, None))),
            Err(error @ StartError::PortTaken { address, .. }) => (address.port(), error),
            // It may have been told another port than the configuration has.
            Err(error @ StartError::AlreadyRunning { .. }) => {
                let its = clawdbot_gateway::Running::find(&self.paths)
                    .and_then(|running| running.address);
                (its.map_or(self.port().await, |address| address.port()), error)
            }
            Err(error) => return Err(error.into()),
        };
        let holder = Holder::of_port(port);
        let taken = PortTaken { port, holder };
        if let Some(session) = self.attach(port).await? {
            tracing::info!(port, "another program runs the gateway; using it");
            return Ok(Local::Attached(Box::new(session), taken));
        }
        if matches!(error, StartError::AlreadyRunning { .. }) {
            return Err(error.into());
        }
        tracing::warn!(port, holder = ?taken.holder, "port taken; serving the window only");
        Ok(Local::Hosted(hosted(self.listen(Listen::None).await?, Some(taken))))
    }

    /// Uses the gateway on this port, if it is one and lets this app in.
    async fn attach(&self, port: u16) -> Result<Option<Session>, Failure> {
        if !answers(port).await {
            return Ok(None);
        }
        let base = address(port);
        let Some(loaded) = self.load().await else { return Ok(None) };
        let auth = loaded.config.gateway.auth;
        let text = |secret: Option<clawdbot_config::Secret>| secret.map(|s| s.expose().to_owned());
        let known = Credential {
            token: text(auth.token),
            password: text(auth.password),
            device_token: None,
        };
        let session = Session::attach(base, known, &self.access).await;
        let mut session = session.map_err(|error| error.told())?;
        Ok(match session.next().await {
            SessionEvent::Ready => Some(session),
            SessionEvent::Away(_) => None,
            SessionEvent::Failed(failure) => {
                tracing::warn!(code = failure.code, error = %failure, "the gateway on the port refuses this app");
                None
            }
        })
    }

    async fn listen(&self, listen: Listen) -> Result<Gateway, StartError> {
        let options = Options {
            listen,
            // Whoever installs the app wants a gateway on this computer.
            configure_locally: true,
            boot: true,
            ..Options::default()
        };
        Gateway::builder(self.paths.clone(), self.env.clone()).options(options).start().await
    }

    /// Publishes the status until an order comes; the gateway is down afterwards.
    async fn serve(&mut self, mut running: Running) -> Option<Order> {
        let AnyGateway::Here(gateway) = running.gateway.clone() else {
            return self.next_order().await;
        };
        let mut status = gateway.status();
        loop {
            running.status = status.borrow_and_update().clone();
            self.state.send_replace(HostState::Running(running.clone()));
            let may_have_it =
                running.port_taken.as_ref().filter(|_| running.status.active_runs == 0);
            let port = may_have_it.map(|taken| taken.port);
            tokio::select! {
                () = freed(port), if port.is_some() => {
                    tracing::info!(port, "the port is free; starting anew to have it");
                    self.state.send_replace(HostState::Starting);
                    gateway.shutdown(GRACE).await;
                    return Some(Order::Restart);
                }
                order = self.next_order() => {
                    if matches!(order, Some(Order::Retry | Order::Pause)) {
                        continue;
                    }
                    // First of all nobody may connect to it any more.
                    self.state.send_replace(HostState::after(order.as_ref()));
                    gateway.shutdown(GRACE).await;
                    return order;
                }
                // Its other end lives in the gateway that `running` holds.
                Ok(()) = status.changed() => {}
            }
        }
    }

    /// Waits until another program answers on the port, or the patience is over; an order comes first.
    async fn wait_for_another(&mut self, patience: Duration) -> Option<Option<Order>> {
        let port = self.port().await;
        let said = Said::of(|language| {
            let states = States::of(language);
            Words {
                headline: states.waiting.to_owned(),
                message: states.waiting_because.to_owned(),
                remedy: Some(states.waiting_remedy.to_owned()),
            }
        });
        let waiting = Away { phase: "waiting", said, ..Away::default() };
        self.state.send_replace(HostState::Away(waiting));
        let give_up = tokio::time::sleep(patience);
        tokio::pin!(give_up);
        loop {
            tokio::select! {
                order = self.next_order() => return Some(order),
                () = &mut give_up => return None,
                () = tokio::time::sleep(LOOK) => {}
            }
            if answers(port).await {
                return None;
            }
        }
    }
}

fn hosted(gateway: Gateway, port_taken: Option<PortTaken>) -> Running {
    let status = gateway.status().borrow().clone();
    Running { gateway: AnyGateway::Here(gateway), status, attached: None, port_taken }
}

/// Resolves when nobody has that port of this computer any more.
pub(super) async fn freed(port: Option<u16>) {
    let Some(port) = port else { return std::future::pending().await };
    loop {
        tokio::time::sleep(LOOK_AT_PORT).await;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
            return;
        }
    }
}

/// Whether a gateway on this computer answers again soon. A service manager takes a moment.
pub(super) async fn comes_back(port: u16) -> bool {
    let back = async {
        while !answers(port).await {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(COMING_BACK, back).await.is_ok()
}

/// Whether a gateway of this person answers on a port of this computer.
async fn answers(port: u16) -> bool {
    knock(&address(port)).await.is_ok()
}

/// A connection to a program of this person. What opens the gateway is not for somebody else who
/// sits on its port and answers like one (SSH-05).
async fn dial_own(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let owned = tokio::task::spawn_blocking(move || {
        Holder::of_port(port).is_some_and(|holder| Here::is_own_process(holder.pid))
    });
    if owned.await? { Ok(stream) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

fn address(port: u16) -> ConnectOptions {
    let mut base = ConnectOptions::new(format!("ws://127.0.0.1:{port}"));
    base.timeout = KNOCK;
    base.dialer = Some(Dialer::new(move || dial_own(port)));
    base
}
