//! The gateway's life for the app: in this process, attached to one that somebody else runs on this
//! computer, or elsewhere; start, restart, stop, and what to say about it.
//!
//! One actor owns the gateway. Everybody else holds a [`Host`] and reads [`HostState`].

mod actor;
mod basis;
mod failure;
mod local;
mod state;
pub(crate) mod words;

use clawdbot_config::{Document, Env, Paths};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

use self::basis::Basis;
pub(crate) use self::failure::{Failure, HolderError};
pub(crate) use self::state::{AnyGateway, Away, HostState, PortTaken, Running};
pub(crate) use self::words::of_config;
use crate::connection::{Access, Report, Wish};
use crate::platform::{Here, Platform as _};
use crate::settings::Language;

/// A cheap handle to the hosted gateway.
#[derive(Clone)]
pub(crate) struct Host {
    orders: mpsc::Sender<Order>,
    state: watch::Receiver<HostState>,
    target: watch::Receiver<Wish>,
    place: Arc<(Paths, Env)>,
}

enum Order {
    Restart,
    /// The same, and it is told once what comes next has begun.
    Turn(oneshot::Sender<()>),
    /// Try a remote gateway again at once.
    Retry,
    /// Leave a remote gateway alone until told otherwise.
    Pause,
    /// Stop here and use the gateway that another program starts.
    HandBack,
    /// Turn where the configuration says now, unless that is where it is already.
    Follow(Box<Basis>),
    Stop(oneshot::Sender<()>),
}

impl Host {
    /// Starts the gateway in the background and returns at once. At login a service that starts as
    /// well comes first.
    pub(crate) fn start(paths: Paths, env: Env, access: Access, at_login: bool) -> Self {
        let (orders, inbox) = mpsc::channel(4);
        let (state, watched) = watch::channel(HostState::Starting);
        let (target, target_watched) = watch::channel(Wish::default());
        let place = Arc::new((paths.clone(), env.clone()));
        let basis = Basis::default();
        let actor =
            actor::HostActor { paths, env, access, orders: inbox, state, target, basis, at_login };
        tauri::async_runtime::spawn(actor.run());
        Self { orders, state: watched, target: target_watched, place }
    }

    /// Where Clawdbot runs and how it is.
    pub(crate) fn report(&self, language: Language) -> Report {
        Report::of(&self.state.borrow(), &self.target.borrow(), language)
    }

    /// Where the configuration says the gateway is.
    pub(crate) fn target(&self) -> Wish {
        self.target.borrow().clone()
    }

    /// Tries a remote gateway again at once.
    pub(crate) fn retry(&self) {
        let _ = self.orders.try_send(Order::Retry);
    }

    /// Ends the connection to a remote gateway until [`Host::retry`].
    pub(crate) fn pause(&self) {
        let _ = self.orders.try_send(Order::Pause);
    }

    /// Stops the gateway here and uses the one that another program starts.
    pub(crate) fn hand_back(&self) {
        let _ = self.orders.try_send(Order::HandBack);
    }

    /// Ends the program that runs the gateway on this computer and runs it here. One that the
    /// system would start again is left alone.
    pub(crate) async fn take_over(&self) -> Result<(), HolderError> {
        let shown = match &*self.state.borrow() {
            HostState::Running(Running { attached: Some(taken), .. }) => taken.clone(),
            _ => return Err(HolderError::Nobody),
        };
        let holder = shown.to_end(PortTaken::of(shown.port).await.holder)?;
        if Here::is_service(holder.pid) {
            return Err(HolderError::Service(holder));
        }
        if !Here::end_process(holder.pid).await {
            return Err(HolderError::Alive(holder));
        }
        self.restart();
        Ok(())
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

    /// Turns where the configuration says now. Returns once what was before is over and the state
    /// is that of what comes next.
    pub(crate) async fn turn(&self) {
        let (begun, turned) = oneshot::channel();
        if self.orders.send(Order::Turn(begun)).await.is_ok() {
            let _ = turned.await;
        }
    }

    /// The configuration file was changed, by whomever.
    pub(crate) async fn config_changed(&self) {
        let place = self.place.clone();
        let reading = move || Basis::of(Document::load(&place.0.config, &place.1).ok().as_ref());
        let Ok(now) = tokio::task::spawn_blocking(reading).await else { return };
        let _ = self.orders.send(Order::Follow(Box::new(now))).await;
    }

    /// The running gateway, waiting for one that is starting.
    pub(crate) async fn gateway(&self) -> Result<AnyGateway, Failure> {
        let mut state = self.state.clone();
        let settled = state.wait_for(|state| !matches!(state, HostState::Starting)).await;
        match settled.as_deref() {
            Ok(HostState::Running(running)) => Ok(running.gateway.clone()),
            Ok(HostState::Away(away)) => Err(Failure::away(away)),
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
