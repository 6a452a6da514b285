//! The gateway's life inside the app: start, restart, stop, and what to say about it.
//!
//! One actor owns the gateway. Everybody else holds a [`Host`] and reads [`HostState`].

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use clawdbot_config::{Env, Paths};
use clawdbot_gateway::{Gateway, GatewayStatus, Holder, Listen, Options, StartError};
use tokio::sync::{mpsc, oneshot, watch};

/// How long runs may finish and data may be written when the gateway stops.
const GRACE: Duration = Duration::from_secs(2);

/// What the tray, the window and the notifications know about the gateway.
#[derive(Clone)]
pub(crate) enum HostState {
    /// Not there yet, or being restarted.
    Starting,
    /// Serving; perhaps without its port.
    Running(Running),
    /// It cannot start, and a person has to act.
    Failed(Failure),
    /// Ended for good: the app is quitting.
    Stopped,
}

impl HostState {
    fn after(order: Option<&Order>) -> Self {
        match order {
            Some(Order::Restart) => Self::Starting,
            Some(Order::Stop(_)) | None => Self::Stopped,
        }
    }
}

/// A gateway at work.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) gateway: Gateway,
    pub(crate) status: GatewayStatus,
    /// Set when another program holds the port: the window works, browsers do not.
    pub(crate) port_taken: Option<PortTaken>,
}

/// A port that another program listens on.
#[derive(Clone, Debug)]
pub(crate) struct PortTaken {
    pub(crate) port: u16,
    pub(crate) holder: Option<Holder>,
}

/// Why there is no gateway.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    pub(crate) code: String,
    /// The cause in one line, for the tray.
    pub(crate) headline: String,
    /// The cause and what to do, for the window and the log.
    pub(crate) message: String,
}

impl Failure {
    fn stopped() -> Self {
        let message = "The gateway has stopped, because the app is quitting.".to_owned();
        Self { code: "GATEWAY_STOPPED".to_owned(), headline: message.clone(), message }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let message = error.to_string();
        let headline = match &error {
            StartError::Config(config) => {
                config.issues.first().map(|issue| format!("{}, {issue}", file_name(&config.path)))
            }
            _ => message.lines().next().map(str::to_owned),
        };
        Self { code: error.code().to_owned(), headline: headline.unwrap_or_default(), message }
    }
}

fn file_name(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy()
}

/// A cheap handle to the hosted gateway.
#[derive(Clone)]
pub(crate) struct Host {
    orders: mpsc::Sender<Order>,
    state: watch::Receiver<HostState>,
}

enum Order {
    Restart,
    Stop(oneshot::Sender<()>),
}

impl Host {
    /// Starts the gateway in the background and returns at once.
    pub(crate) fn start(paths: Paths, env: Env) -> Self {
        let (orders, inbox) = mpsc::channel(4);
        let (state, watched) = watch::channel(HostState::Starting);
        let actor = HostActor { paths, env, orders: inbox, state };
        tauri::async_runtime::spawn(actor.run());
        Self { orders, state: watched }
    }

    /// Follows the state; the newest value is always there.
    pub(crate) fn watch(&self) -> watch::Receiver<HostState> {
        self.state.clone()
    }

    /// Stops and starts the gateway. A restart that is already waiting is enough.
    pub(crate) fn restart(&self) {
        if self.orders.try_send(Order::Restart).is_err() {
            tracing::info!("a restart is already waiting");
        }
    }

    /// The running gateway, waiting for one that is starting.
    pub(crate) async fn gateway(&self) -> Result<Gateway, Failure> {
        let mut state = self.state.clone();
        let settled = state.wait_for(|state| !matches!(state, HostState::Starting)).await;
        match settled.as_deref() {
            Ok(HostState::Running(running)) => Ok(running.gateway.clone()),
            Ok(HostState::Failed(failure)) => Err(failure.clone()),
            _ => Err(Failure::stopped()),
        }
    }

    /// Stops the gateway for good; returns when everything is written.
    pub(crate) async fn stop(&self) {
        let (done, stopped) = oneshot::channel();
        if self.orders.send(Order::Stop(done)).await.is_ok() {
            let _ = stopped.await;
        }
    }
}

struct HostActor {
    paths: Paths,
    env: Env,
    orders: mpsc::Receiver<Order>,
    state: watch::Sender<HostState>,
}

impl HostActor {
    async fn run(mut self) {
        loop {
            self.state.send_replace(HostState::Starting);
            let order = match self.start_gateway().await {
                Ok(running) => self.serve(running).await,
                Err(failure) => self.report(failure).await,
            };
            match order {
                Some(Order::Restart) => {}
                Some(Order::Stop(done)) => {
                    self.state.send_replace(HostState::Stopped);
                    let _ = done.send(());
                    return;
                }
                None => return,
            }
        }
    }

    /// Starts with the configured port, or without one when another program has it.
    async fn start_gateway(&self) -> Result<Running, Failure> {
        let (gateway, port_taken) = match self.listen(Listen::Configured).await {
            Ok(gateway) => (gateway, None),
            Err(StartError::PortTaken { address, holder }) => {
                let port = address.port();
                tracing::warn!(port, ?holder, "port taken; serving the window only");
                (self.listen(Listen::None).await?, Some(PortTaken { port, holder }))
            }
            Err(error) => return Err(error.into()),
        };
        let status = gateway.status().borrow().clone();
        Ok(Running { gateway, status, port_taken })
    }

    async fn listen(&self, listen: Listen) -> Result<Gateway, StartError> {
        let options = Options {
            listen,
            // Whoever installs the app wants a gateway on this computer.
            configure_locally: true,
            ..Options::default()
        };
        Gateway::builder(self.paths.clone(), self.env.clone()).options(options).start().await
    }

    /// Publishes the status until an order comes; the gateway is down afterwards.
    async fn serve(&mut self, mut running: Running) -> Option<Order> {
        let mut status = running.gateway.status();
        loop {
            running.status = status.borrow_and_update().clone();
            self.state.send_replace(HostState::Running(running.clone()));
            tokio::select! {
                order = self.orders.recv() => {
                    // First of all nobody may connect to it any more.
                    self.state.send_replace(HostState::after(order.as_ref()));
                    running.gateway.shutdown(GRACE).await;
                    return order;
                }
                // Its other end lives in the gateway that `running` holds.
                Ok(()) = status.changed() => {}
            }
        }
    }

    async fn report(&mut self, failure: Failure) -> Option<Order> {
        tracing::error!(code = failure.code, error = %failure, "the gateway cannot start");
        self.state.send_replace(HostState::Failed(failure));
        self.orders.recv().await
    }
}
