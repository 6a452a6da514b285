//! The method table: one line declares a method, its scope and its handler. The dispatcher and
//! `hello.features.methods` both come from it; a method without a declared scope cannot be added.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use clawdbot_protocol::{Checker, Generation, Outcome, Role, RpcError, Scope, Scopes};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::gateway::Shared;
use crate::hub::{ConnId, Outbox};

/// The caller of a method.
#[derive(Clone)]
pub(crate) struct Ctx {
    pub(crate) gateway: Arc<Shared>,
    pub(crate) peer: Arc<Peer>,
    /// Request id, for methods that answer twice.
    pub(crate) request_id: Value,
}

/// An admitted connection, as handlers see it.
pub(crate) struct Peer {
    pub(crate) conn: ConnId,
    pub(crate) generation: Generation,
    pub(crate) role: Role,
    pub(crate) scopes: Scopes,
    pub(crate) client_id: String,
    pub(crate) client_mode: String,
    pub(crate) client_name: Option<String>,
    pub(crate) outbox: Outbox,
}

/// What a handler answers.
pub(crate) struct Reply {
    payload: Box<RawValue>,
    error: Option<RpcError>,
    after: Option<Box<dyn FnOnce() + Send>>,
}

impl Reply {
    /// A success.
    pub(crate) fn ok<T: Serialize>(payload: &T) -> Result<Self, RpcError> {
        let payload = serde_json::value::to_raw_value(payload)
            .map_err(|error| RpcError::unavailable(format!("cannot encode the result: {error}")))?;
        Ok(Self { payload, error: None, after: None })
    }

    /// A failure that carries a payload (protocol §3.2).
    pub(crate) fn failed<T: Serialize>(error: RpcError, payload: &T) -> Result<Self, RpcError> {
        Ok(Self { error: Some(error), ..Self::ok(payload)? })
    }

    /// Puts a success under `name` beside the members of `around`.
    pub(crate) fn wrapped(self, name: &str, mut around: Value) -> Result<Self, RpcError> {
        let inner: Value = serde_json::from_str(self.payload.get()).unwrap_or_default();
        if let Some(members) = around.as_object_mut() {
            members.insert(name.to_owned(), inner);
        }
        Ok(Self { payload: Self::ok(&around)?.payload, ..self })
    }

    /// Something to do once the answer has been queued, so that events never overtake it.
    pub(crate) fn then(mut self, after: impl FnOnce() + Send + 'static) -> Self {
        self.after = Some(Box::new(after));
        self
    }

    /// Sends the answer and does what comes after it.
    pub(crate) fn send(result: Result<Self, RpcError>, to: &Outbox, id: &Value) {
        let (outcome, after) = match result {
            Ok(Self { payload, error: None, after }) => (Outcome::Ok(payload), after),
            Ok(Self { payload, error: Some(error), after }) => {
                (Outcome::Err(error, Some(payload)), after)
            }
            Err(error) => (Outcome::Err(error, None), None),
        };
        to.respond(id, &outcome);
        if let Some(after) = after {
            after();
        }
    }
}

type Handler = Box<dyn Fn(Ctx, &str) -> BoxFuture<'static, Result<Reply, RpcError>> + Send + Sync>;

struct Method {
    scope: Scope,
    for_nodes: bool,
    hidden: bool,
    run: Handler,
}

/// All methods of this gateway.
#[derive(Default)]
pub(crate) struct Router {
    methods: BTreeMap<&'static str, Method>,
}

impl Router {
    /// Declares a method.
    pub(crate) fn add<P, F, R>(mut self, name: &'static str, scope: Scope, handler: F) -> Self
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        F: Fn(Ctx, P) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Reply, RpcError>> + Send + 'static,
    {
        let checker = Checker::<P>::new();
        let run: Handler = Box::new(move |ctx, params| match checker.params(name, params) {
            Ok(params) => handler(ctx, params).boxed(),
            Err(error) => std::future::ready(Err(error)).boxed(),
        });
        self.methods.insert(name, Method { scope, for_nodes: false, hidden: false, run });
        self
    }

    /// Lets nodes call `name` as well (protocol §6.2).
    pub(crate) fn also_for_nodes(mut self, name: &str) -> Self {
        if let Some(method) = self.methods.get_mut(name) {
            method.for_nodes = true;
        }
        self
    }

    /// Keeps `name` out of `features.methods`, as the original does for `chat.inject`.
    pub(crate) fn hide(mut self, name: &str) -> Self {
        if let Some(method) = self.methods.get_mut(name) {
            method.hidden = true;
        }
        self
    }

    /// What `hello.features.methods` lists.
    pub(crate) fn names(&self) -> Vec<String> {
        self.methods
            .iter()
            .filter(|(_, method)| !method.hidden)
            .map(|(name, _)| (*name).to_owned())
            .collect()
    }

    /// Checks role and scope, then runs the handler.
    pub(crate) fn call(
        &self,
        ctx: Ctx,
        name: &str,
        params: &str,
    ) -> BoxFuture<'static, Result<Reply, RpcError>> {
        match self.admit(&ctx.peer, name) {
            Ok(method) => (method.run)(ctx, params),
            Err(error) => std::future::ready(Err(error)).boxed(),
        }
    }

    fn admit(&self, peer: &Peer, name: &str) -> Result<&Method, RpcError> {
        if name == "connect" {
            return Err(RpcError::invalid("connect is only valid as the first request"));
        }
        let method = self.methods.get(name);
        if peer.role == Role::Node {
            return method
                .filter(|method| method.for_nodes)
                .ok_or_else(|| RpcError::invalid("unauthorized role: node"));
        }
        match method {
            Some(method) if peer.scopes.allow(method.scope) || method.for_nodes => Ok(method),
            Some(method) => Err(missing_scope(peer, method.scope)),
            // Generation 3 checks the scope of unknown names first (protocol §6.4).
            None if peer.generation == Generation::V3 && !peer.scopes.allow(Scope::Admin) => {
                Err(missing_scope(peer, Scope::Admin))
            }
            None => Err(RpcError::unknown_method(name)),
        }
    }
}

/// The refusal for a missing scope in the peer's own generation (protocol §6.3).
pub(crate) fn missing_scope(peer: &Peer, scope: Scope) -> RpcError {
    match peer.generation {
        Generation::V3 => RpcError::invalid(format!("missing scope: {scope}")),
        Generation::V4 => RpcError::missing_scope(scope.as_str()),
    }
}
