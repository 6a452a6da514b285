//! The method table: one line declares a method, its scope and its handler. The dispatcher and
//! `hello.features.methods` both come from it; a method without a declared scope cannot be added.

use std::collections::BTreeMap;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use clawdbot_protocol::{Checker, Generation, Outcome, Role, RpcError, Scope, Scopes};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::hub::{ConnId, Outbox};
use crate::shared::Shared;

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
    /// The device that has proven itself.
    pub(crate) device_id: Option<String>,
    /// On this machine, with nobody in between.
    pub(crate) direct_local: bool,
    pub(crate) outbox: Outbox,
}

/// What a handler answers: a `T`, by which the contract describes the result.
pub(crate) struct Reply<T = Value> {
    shape: PhantomData<fn() -> T>,
    payload: Box<RawValue>,
    error: Option<RpcError>,
    after: Option<Box<dyn FnOnce() + Send>>,
}

impl<T: Serialize> Reply<T> {
    /// A success of the declared shape.
    pub(crate) fn of(payload: &T) -> Result<Self, RpcError> {
        Ok(Reply::ok(payload)?.shaped())
    }
}

impl Reply {
    /// A success whose shape is not declared.
    pub(crate) fn ok<S: Serialize>(payload: &S) -> Result<Self, RpcError> {
        let payload = serde_json::value::to_raw_value(payload)
            .map_err(|error| RpcError::unavailable(format!("cannot encode the result: {error}")))?;
        Ok(Self { shape: PhantomData, payload, error: None, after: None })
    }

    /// A failure that carries a payload (protocol §3.2).
    pub(crate) fn failed<S: Serialize>(error: RpcError, payload: &S) -> Result<Self, RpcError> {
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

    /// Sends the answer and does what comes after it.
    pub(crate) fn send(result: Result<Self, RpcError>, to: &Outbox, id: &Value) {
        let (outcome, after) = match result {
            Ok(Self { payload, error: None, after, .. }) => (Outcome::Ok(payload), after),
            Ok(Self { payload, error: Some(error), after, .. }) => {
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

impl<T> Reply<T> {
    /// Something to do once the answer has been queued, so that events never overtake it.
    pub(crate) fn then(mut self, after: impl FnOnce() + Send + 'static) -> Self {
        self.after = Some(Box::new(after));
        self
    }

    /// Declares another shape for the same bytes.
    pub(crate) fn shaped<U>(self) -> Reply<U> {
        let Self { payload, error, after, .. } = self;
        Reply { shape: PhantomData, payload, error, after }
    }
}

type Handler = Box<dyn Fn(Ctx, &str) -> BoxFuture<'static, Result<Reply, RpcError>> + Send + Sync>;

struct Method {
    scope: Scope,
    callers: Callers,
    hidden: bool,
    run: Handler,
}

/// The roles that may call a method (protocol §6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Callers {
    Operators,
    Nodes,
    Both,
}

/// What the method table is read into: the dispatcher, or the contract that describes it.
pub(crate) trait Table: Sized {
    /// Declares a method.
    fn add<P, T, F, R>(self, name: &'static str, scope: Scope, handler: F) -> Self
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        T: JsonSchema + 'static,
        F: Fn(Ctx, P) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Reply<T>, RpcError>> + Send + 'static;

    /// Says who may call `name`, where that is not operators only.
    fn for_callers(self, name: &str, callers: Callers) -> Self;

    /// Keeps `name` out of `features.methods`, as the original does for `chat.inject`.
    fn hide(self, name: &str) -> Self;

    /// Lets nodes call `name` as well (protocol §6.2).
    fn also_for_nodes(self, name: &str) -> Self {
        self.for_callers(name, Callers::Both)
    }

    /// Lets only nodes call `name` (protocol §6.2).
    fn only_for_nodes(self, name: &str) -> Self {
        self.for_callers(name, Callers::Nodes)
    }
}

/// All methods of this gateway.
#[derive(Default)]
pub(crate) struct Router {
    methods: BTreeMap<&'static str, Method>,
}

impl Table for Router {
    fn add<P, T, F, R>(mut self, name: &'static str, scope: Scope, handler: F) -> Self
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        T: JsonSchema + 'static,
        F: Fn(Ctx, P) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Reply<T>, RpcError>> + Send + 'static,
    {
        let checker = Checker::<P>::new();
        let run: Handler = Box::new(move |ctx, params| match checker.params(name, params) {
            Ok(params) => handler(ctx, params).map(|reply| Ok(reply?.shaped())).boxed(),
            Err(error) => std::future::ready(Err(error)).boxed(),
        });
        let method = Method { scope, callers: Callers::Operators, hidden: false, run };
        self.methods.insert(name, method);
        self
    }

    fn for_callers(mut self, name: &str, callers: Callers) -> Self {
        if let Some(method) = self.methods.get_mut(name) {
            method.callers = callers;
        }
        self
    }

    fn hide(mut self, name: &str) -> Self {
        if let Some(method) = self.methods.get_mut(name) {
            method.hidden = true;
        }
        self
    }
}

impl Router {
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
                .filter(|method| method.callers != Callers::Operators)
                .ok_or_else(|| RpcError::invalid("unauthorized role: node"));
        }
        match method {
            Some(Method { callers: Callers::Nodes, .. }) => {
                Err(RpcError::invalid("unauthorized role: operator"))
            }
            Some(method) if method.callers == Callers::Both => Ok(method),
            Some(method) if peer.scopes.allow(method.scope) => Ok(method),
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
    missing_scope_named(peer, scope.as_str())
}

/// The same for a scope that this gateway may not know.
pub(crate) fn missing_scope_named(peer: &Peer, scope: &str) -> RpcError {
    match peer.generation {
        Generation::V3 => RpcError::invalid(format!("missing scope: {scope}")),
        Generation::V4 => RpcError::missing_scope(scope),
    }
}
