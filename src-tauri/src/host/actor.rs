//! The one that owns the gateway: turns where the configuration says, and follows orders.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clawdbot_config::{Document, Env, Paths};
use clawdbot_gateway::{GatewayStatus, Holder, Phase};
use tokio::sync::{mpsc, oneshot, watch};

use super::Order;
use super::basis::Basis;
use super::failure::Failure;
use super::local::{comes_back, freed};
use super::state::{AnyGateway, HostState, PortTaken, Running};
use crate::connection::{
    Access, Credential, Session, SessionEvent, Target, Wish, configured_secret, words,
};
use crate::platform::{Here, Platform as _};

/// A service that starts with the session is there by then; the original takes up to eight seconds.
const SERVICE_START: Duration = Duration::from_secs(30);

pub(super) struct HostActor {
    pub(super) paths: Paths,
    pub(super) env: Env,
    pub(super) access: Access,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) state: watch::Sender<HostState>,
    pub(super) target: watch::Sender<Wish>,
    /// Of the start before.
    pub(super) basis: Basis,
    /// Started by the session, not by a person.
    pub(super) at_login: bool,
}

impl HostActor {
    pub(super) async fn run(mut self) {
        let mut patience = self.patience_at_login().await;
        let mut turning: Option<oneshot::Sender<()>> = None;
        loop {
            self.state.send_replace(HostState::Starting);
            let target = self.find_target().await;
            if let Some(begun) = turning.take() {
                let _ = begun.send(());
            }
            let order = match target {
                Ok(Target::Local) => self.run_local(patience).await,
                Ok(target) => self.run_remote(&target).await,
                Err(failure) => self.report(failure).await,
            };
            let handed_back = matches!(order, Some(Order::HandBack));
            patience = if handed_back { Duration::MAX } else { Duration::ZERO };
            match order {
                Some(Order::Stop(done)) => {
                    self.state.send_replace(HostState::Stopped);
                    let _ = done.send(());
                    return;
                }
                Some(Order::Turn(begun)) => turning = Some(begun),
                Some(_) => {}
                None => return,
            }
        }
    }

    /// At login a service is started at the same time, and whoever is first has the port.
    async fn patience_at_login(&self) -> Duration {
        if !self.at_login {
            return Duration::ZERO;
        }
        let (paths, env) = (self.paths.clone(), self.env.clone());
        let looking = move || {
            let config_home = env.get("XDG_CONFIG_HOME").map(PathBuf::from);
            let config_home = config_home.unwrap_or_else(|| paths.home.join(".config"));
            clawdbot_service::starts_by_itself(
                &paths.home,
                &config_home,
                Path::new("/"),
                paths.profile.as_deref(),
            )
        };
        let starts = tokio::task::spawn_blocking(looking).await;
        if starts.unwrap_or_default() { SERVICE_START } else { Duration::ZERO }
    }

    /// Where the configuration says the gateway is. One that cannot be read is a matter of the
    /// start on this computer, which names the line.
    async fn find_target(&mut self) -> Result<Target, Failure> {
        let loaded = self.load().await;
        self.basis = Basis::of(loaded.as_ref());
        let wish = loaded.map(|loaded| Wish::of(&loaded.config)).unwrap_or_default();
        self.target.send_replace(wish.clone());
        wish.check().map_err(|error| {
            Failure::new(error.code(), |language| words::of_target(&error, language))
        })
    }

    /// The next order, once there is one that changes something.
    pub(super) async fn next_order(&mut self) -> Option<Order> {
        self.order_when(Basis::is_left_by).await
    }

    /// A change of the configuration counts when `matters` says so of the one before and the one now.
    async fn order_when(&mut self, matters: fn(&Basis, &Basis) -> bool) -> Option<Order> {
        loop {
            match self.orders.recv().await {
                Some(Order::Follow(now)) if matters(&self.basis, &now) => {
                    tracing::info!("the configuration file says something else now");
                    return Some(Order::Restart);
                }
                Some(Order::Follow(_)) => {}
                order => return order,
            }
        }
    }

    pub(super) async fn load(&self) -> Option<clawdbot_config::Loaded> {
        let (path, env) = (self.paths.config.clone(), self.env.clone());
        tokio::task::spawn_blocking(move || Document::load(&path, &env).ok()).await.ok().flatten()
    }

    pub(super) async fn port(&self) -> u16 {
        let configured = self.load().await.and_then(|loaded| {
            let from_env = loaded.env.product("GATEWAY_PORT").and_then(|port| port.parse().ok());
            from_env.or(loaded.config.gateway.port)
        });
        configured.unwrap_or_else(|| self.paths.default_port())
    }

    async fn run_remote(&mut self, target: &Target) -> Option<Order> {
        let port = self.port().await;
        let known = self.configured_secret(target).await;
        match Session::start(target, Some(port), known, &self.access).await {
            Ok(session) => {
                let taken = session
                    .is_door_taken()
                    .then(|| PortTaken { port, holder: Holder::of_port(port) });
                if let Some(taken) = &taken {
                    tracing::warn!(port, holder = ?taken.holder, "port taken; no front door");
                }
                self.follow(session, taken).await
            }
            Err(error) => {
                let failure = error.told();
                let vault = self.access.vault.clone();
                // A keyring that asks for its password may get it after the app has given up on it.
                tokio::select! {
                    order = self.report(failure) => order,
                    () = vault.opened(), if error.may_pass() => Some(Order::Restart),
                }
            }
        }
    }

    /// A secret that the person wrote into the configuration for that gateway.
    async fn configured_secret(&self, target: &Target) -> Option<Credential> {
        let (key, credential) = configured_secret(&self.load().await?.config)?;
        (key == target.key()).then_some(credential)
    }

    /// Publishes what becomes of a gateway elsewhere until an order comes, or until one on this
    /// computer is gone for good. Nothing of the session is left afterwards: what comes next may
    /// need its port.
    pub(super) async fn follow(
        &mut self,
        mut session: Session,
        taken: Option<PortTaken>,
    ) -> Option<Order> {
        let order = self.accompany(&mut session, taken).await;
        // First of all nobody may connect to it any more.
        self.state.send_replace(HostState::after(order.as_ref()));
        session.close().await;
        order
    }

    async fn accompany(
        &mut self,
        session: &mut Session,
        mut taken: Option<PortTaken>,
    ) -> Option<Order> {
        let attached = taken.as_ref().filter(|_| session.is_attached()).map(|taken| taken.port);
        let mut is_service = attached.is_some() && taken.as_ref().is_some_and(is_held_by_service);
        let mut ready = attached.is_some();
        let mut failed = false;
        loop {
            if ready {
                self.state.send_replace(HostState::Running(elsewhere(session, taken.clone())));
            }
            let door = taken.as_ref().filter(|_| session.is_door_taken()).map(|taken| taken.port);
            let event = tokio::select! {
                event = session.next(), if !failed => event,
                // What the session is at is given up for it, so only once there is something to do.
                () = freed(door), if door.is_some() => {
                    if !session.open_door().await {
                        tracing::info!("the port is free; the front door is open");
                        taken = None;
                    }
                    continue;
                }
                order = self.next_order() => match order {
                    Some(Order::Retry) => {
                        failed = false;
                        session.retry();
                        continue;
                    }
                    Some(Order::Pause) => {
                        ready = false;
                        session.pause();
                        continue;
                    }
                    order => return order,
                },
            };
            ready = matches!(event, SessionEvent::Ready);
            match event {
                // Started again, it is another process.
                SessionEvent::Ready => {
                    if let Some(port) = attached {
                        let now = PortTaken::of(port).await;
                        is_service = is_held_by_service(&now);
                        taken = Some(now);
                    }
                }
                SessionEvent::Away(away) => {
                    self.state.send_replace(HostState::Away(away));
                    let Some(port) = attached else { continue };
                    // It is for the service manager to start it again, however long that takes.
                    if is_service {
                        return Some(Order::HandBack);
                    }
                    tokio::select! {
                        back = comes_back(port) => if !back {
                            return Some(Order::Restart);
                        },
                        order = self.next_order() => return order,
                    }
                }
                // Its secret has changed; a start reads the one that is in the configuration now.
                SessionEvent::Failed(failure) if attached.is_some() => {
                    tracing::warn!(code = failure.code, error = %failure, "the gateway here refuses this app");
                    return Some(Order::Restart);
                }
                SessionEvent::Failed(failure) => {
                    tracing::error!(code = failure.code, error = %failure, "the remote gateway cannot be used");
                    failed = true;
                    self.state.send_replace(HostState::Failed(failure));
                }
            }
        }
    }

    pub(super) async fn report(&mut self, failure: Failure) -> Option<Order> {
        tracing::error!(code = failure.code, error = %failure, "the gateway cannot start");
        self.state.send_replace(HostState::Failed(failure));
        // Whatever was changed may be what helps.
        self.order_when(|before, now| before != now).await
    }
}

/// Asked while it lives: of a process that has ended nobody can tell.
fn is_held_by_service(taken: &PortTaken) -> bool {
    taken.holder.as_ref().is_some_and(|holder| Here::is_service(holder.pid))
}

/// A gateway that is not in this process; `taken` is its own port, or that of the front door.
fn elsewhere(session: &Session, taken: Option<PortTaken>) -> Running {
    let (attached, port_taken) = if session.is_attached() { (taken, None) } else { (None, taken) };
    let own = attached.as_ref().map(|own| (Ipv4Addr::LOCALHOST, own.port).into());
    let status = GatewayStatus {
        phase: Phase::Ready,
        address: own.or_else(|| session.address()),
        active_runs: 0,
        connections: 0,
        last_error: None,
        paused: false,
        published: None,
    };
    Running { gateway: AnyGateway::There(session.remote.clone()), status, attached, port_taken }
}
