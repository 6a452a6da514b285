//! `connect`: from its params to an admitted peer (protocol §4 and §7).

mod device;

use std::sync::Arc;

use clawdbot_protocol::{
    AttachmentPolicy, Checker, ConnectParams, ErrorCode, Features, Generation, HelloAuth, HelloOk,
    MAX_BUFFERED, MAX_FRAME, Outcome, Policy, Response, Role, RpcError, Scope, Scopes, ServerInfo,
    SessionDefaults, Snapshot, TICK_INTERVAL_MS,
};
use serde_json::{Value, json};

use crate::access::{Caller, OriginKind};
use crate::auth::{AuthMode, SecretCheck};
use crate::contract::EVENTS;
use crate::devices::Grant;
use crate::hub::{AUTH_CHANGED, DEVICE_REMOVED, Outbox, Subscriber};
use crate::nodes::Arrival;
use crate::router::Peer;
use crate::shared::Shared;
use crate::vouching::{self, Unvouched, User};

static PARAMS: Checker<ConnectParams> = Checker::new();

/// Contracts this gateway honours (protocol §4.4).
const CAPABILITIES: [&str; 2] = ["model-catalog-snapshot", "published-model-catalog"];

/// A caller that has proven itself and not been told yet.
pub(crate) struct Admission {
    pub(crate) conn_id: String,
    request_id: Value,
    params: ConnectParams,
    generation: Generation,
    role: Role,
    scopes: Scopes,
    method: &'static str,
    by_secret: bool,
    grant: Option<Grant>,
    node: Option<Arrival>,
    direct_local: bool,
    /// Of the device registry, before this caller was judged.
    revision: usize,
    /// Of the shared secret and of who else is trusted, before this caller was judged.
    auth_revision: usize,
}

/// Checks a `connect` request. Nothing is stored unless it is admitted.
pub(crate) async fn admit(
    gateway: &Arc<Shared>,
    caller: &Caller,
    nonce: &str,
    request_id: Value,
    params: &str,
) -> Result<Admission, RpcError> {
    let params = PARAMS.params("connect", params)?;
    let generation = params.negotiate()?;
    let role = match params.role.as_deref() {
        None => Role::Operator,
        Some(name) => Role::parse(name).ok_or_else(|| RpcError::invalid("invalid role"))?,
    };
    let attempt = Attempt { gateway, caller, nonce, params: &params, generation, role };
    attempt.check_origin()?;
    let (revision, auth_revision) = (gateway.devices.revision(), gateway.auth.revision());
    let Proven { method, by_secret, grant, scopes } = attempt.authenticate().await?;
    let node = attempt.arrive(grant.as_ref()).await?;
    let conn_id = uuid::Uuid::new_v4().to_string();
    Ok(Admission {
        conn_id,
        request_id,
        params,
        generation,
        role,
        scopes,
        method,
        by_secret,
        grant,
        node,
        direct_local: caller.direct_local,
        revision,
        auth_revision,
    })
}

/// One attempt to connect.
struct Attempt<'a> {
    gateway: &'a Arc<Shared>,
    caller: &'a Caller,
    nonce: &'a str,
    params: &'a ConnectParams,
    generation: Generation,
    role: Role,
}

/// What an attempt has shown itself worth.
struct Proven {
    method: &'static str,
    /// Whether it was the shared secret, or somebody the configuration trusts, that convinced.
    by_secret: bool,
    grant: Option<Grant>,
    scopes: Scopes,
}

impl Attempt<'_> {
    /// Protocol §17.3: pages must come from here or be allowed by name.
    fn check_origin(&self) -> Result<(), RpcError> {
        let needs_origin = self.params.client.is_webchat()
            && self.generation == Generation::V4
            && !self.caller.in_process;
        let reason = match self.caller.origin {
            OriginKind::Foreign => "origin not allowed",
            OriginKind::Absent if needs_origin => "origin missing or invalid",
            _ => return Ok(()),
        };
        Err(RpcError::invalid(
            "origin not allowed (open the Control UI from the gateway host or allow it in \
             gateway.controlUi.allowedOrigins)",
        )
        .with_details(json!({"code": "CONTROL_UI_ORIGIN_NOT_ALLOWED", "reason": reason})))
    }

    async fn authenticate(&self) -> Result<Proven, RpcError> {
        if self.caller.in_process {
            return Ok(Proven {
                method: "in-process",
                by_secret: false,
                grant: None,
                scopes: Scopes::all(),
            });
        }
        let guess = self.gateway.auth.budget.reserve(self.caller).await?;
        let result = self.prove().await;
        // A pairing that waits for approval had the right secret: that was no wrong guess.
        // So had a device whose token covers less than it asks for.
        let was_right = |error: &RpcError| {
            error.code == ErrorCode::NotPaired || error.detail_code() == Some("AUTH_SCOPE_MISMATCH")
        };
        if result.as_ref().map_or_else(was_right, |_| true) {
            guess.was_right();
        }
        result
    }

    async fn prove(&self) -> Result<Proven, RpcError> {
        let auth = &self.gateway.auth;
        let secret = auth.check(self.params.auth.as_ref());
        let vouched = match secret {
            SecretCheck::Right => Ok(None),
            _ => vouching::of_socket(self.gateway, self.caller).await,
        };
        let Some(proof) = &self.params.device else {
            let user = vouched.as_ref().ok().and_then(Option::as_ref);
            if secret != SecretCheck::Right && user.is_none() {
                return Err(self.refusal(secret, vouched.as_ref().err(), false));
            }
            let scopes = self.scopes_without_device(user)?;
            let method = user.map_or(auth.mode().as_str(), |user| user.method);
            return Ok(Proven { method, by_secret: true, grant: None, scopes });
        };
        self.prove_device(proof, secret, &vouched).await
    }

    /// What is asked for, as far as the proxy on the way lets it.
    fn requested_scopes(&self) -> Scopes {
        let claims = self.caller.claims.as_deref().map(|claims| &claims.headers);
        vouching::narrowed(&self.params.requested_scopes(self.generation), claims)
    }

    /// A page of somebody who is vouched for needs no approval of its own (protocol §7.5).
    fn is_page_of(&self, user: &User) -> bool {
        let page = self.params.client.is_browser() && self.role == Role::Operator;
        page && (user.is_proxied() || self.generation == Generation::V4)
    }

    /// Why nothing convinced. A failed identity is named where nothing else was presented;
    /// generation 3 passes over it in silence (protocol §7.5).
    fn refusal(
        &self,
        secret: SecretCheck,
        unvouched: Option<&Unvouched>,
        has_device: bool,
    ) -> RpcError {
        let auth = &self.gateway.auth;
        let only_way = auth.mode() == AuthMode::TrustedProxy;
        let nothing_else = secret == SecretCheck::Missing && self.generation == Generation::V4;
        match unvouched {
            Some(unvouched) if only_way || nothing_else => unvouched.refusal(),
            _ => auth.refusal(secret, &self.params.client, self.caller, has_device),
        }
    }

    /// Protocol §7.3 and SCP-01: without a device only trusted local helpers keep their scopes.
    fn scopes_without_device(&self, user: Option<&User>) -> Result<Scopes, RpcError> {
        let client = &self.params.client;
        let proxied = user.is_some_and(User::is_proxied);
        if client.is_browser() && proxied && self.role == Role::Operator {
            return Ok(self.requested_scopes());
        }
        if client.is_browser() {
            return Err(RpcError::invalid(
                "control ui requires device identity (use HTTPS or localhost secure context)",
            )
            .with_details(json!({"code": "CONTROL_UI_DEVICE_IDENTITY_REQUIRED"})));
        }
        if self.role == Role::Node || user.is_some_and(|user| !user.is_proxied()) {
            return Err(RpcError::new(ErrorCode::NotPaired, "device identity required")
                .with_details(json!({"code": "DEVICE_IDENTITY_REQUIRED"})));
        }
        let local = self.caller.direct_local && self.caller.origin == OriginKind::Absent;
        let helper = client.is_cli() || client.is_backend() || client.is_probe();
        let trusted = local && (helper || self.generation == Generation::V3);
        Ok(if trusted { self.requested_scopes() } else { Scopes::default() })
    }
}

impl Admission {
    /// Joins the hub, says hello and tells the others. Answers the peer and, if it is listed, its
    /// key in the presence list.
    pub(crate) fn enter(
        &self,
        gateway: &Arc<Shared>,
        outbox: Outbox,
    ) -> (Arc<Peer>, Option<String>) {
        let conn = gateway.next_conn();
        let client = &self.params.client;
        let peer = Arc::new(Peer {
            conn,
            generation: self.generation,
            role: self.role,
            scopes: self.scopes.clone(),
            client_id: client.id.clone(),
            client_mode: client.mode.clone(),
            client_name: client.display_name.as_deref().map(crate::text::plain),
            device_id: self.grant.as_ref().map(|grant| grant.device.device_id.clone()),
            direct_local: self.direct_local,
            outbox: outbox.clone(),
        });
        let listed = !client.is_cli() && !client.is_probe() && !client.is_backend();
        let presence_key = listed.then(|| {
            let now_ms = gateway.now_ms();
            gateway.presence.join(&self.params, self.role, &self.scopes, &self.conn_id, now_ms)
        });
        let hello = self.hello(gateway);
        let outcome = match serde_json::value::to_raw_value(&hello) {
            Ok(payload) => Outcome::Ok(payload),
            Err(error) => Outcome::Err(RpcError::unavailable(error.to_string()), None),
        };
        let response = Response::new(&self.request_id, &outcome).to_json();
        outbox.push(crate::hub::Out::Text(response), false);
        // Others hear of the newcomer before it starts counting its own events.
        if listed {
            gateway.announce_presence();
        }
        let subscriber = Subscriber::new(
            outbox,
            self.generation,
            self.role,
            self.scopes.clone(),
            self.params.has_cap("tool-events"),
            self.by_secret,
        );
        gateway.hub.add(conn, subscriber.of_device(peer.device_id.clone()));
        let lost = |id: &String| gateway.devices.has_lost_rights(id, self.revision);
        if peer.device_id.as_ref().is_some_and(lost) {
            peer.outbox.close(DEVICE_REMOVED);
        }
        if self.by_secret && self.auth_revision != gateway.auth.revision() {
            peer.outbox.close(AUTH_CHANGED);
        }
        if let Some(node) = &self.node {
            gateway.nodes.join(conn, node);
        }
        gateway.count_connections();
        if self.scopes.allow(Scope::Read) {
            gateway.hub.tell(conn, "health", Some(gateway.state_version()), &gateway.health());
        }
        (peer, presence_key)
    }

    fn hello(&self, gateway: &Shared) -> HelloOk {
        let v4 = self.generation == Generation::V4;
        let reads = self.role == Role::Operator && self.scopes.allow(Scope::Read);
        let settings = gateway.settings();
        let rules = &settings.keys;
        HelloOk {
            kind: "hello-ok".to_owned(),
            protocol: self.generation.number(),
            server: ServerInfo {
                version: gateway.version.clone(),
                conn_id: self.conn_id.clone(),
                host: (!v4).then(|| gateway.host.clone()),
            },
            features: Features {
                methods: gateway.router.names(),
                events: EVENTS.iter().map(|event| event.name.to_owned()).collect(),
                capabilities: if v4 {
                    CAPABILITIES.iter().map(|name| (*name).to_owned()).collect()
                } else {
                    Vec::new()
                },
            },
            snapshot: Snapshot {
                presence: if reads { gateway.presence.list() } else { Vec::new() },
                health: if reads { gateway.health() } else { json!({}) },
                state_version: gateway.state_version(),
                uptime_ms: gateway.uptime_ms(),
                config_path: reads.then(|| gateway.paths.config.display().to_string()),
                state_dir: reads.then(|| gateway.paths.state_dir.display().to_string()),
                session_defaults: Some(SessionDefaults {
                    default_agent_id: rules.default_agent.clone(),
                    main_key: rules.main_key.clone(),
                    main_session_key: gateway.main_key().to_string(),
                    scope: if rules.global_scope { "global" } else { "per-sender" }.to_owned(),
                    model_configured: true,
                    ownership: "sole".to_owned(),
                    selection_required: false,
                }),
                auth_mode: v4.then(|| gateway.auth.mode().as_str().to_owned()),
            },
            auth: self.hello_auth(v4),
            policy: Policy {
                max_payload: MAX_FRAME as u64,
                max_buffered_bytes: MAX_BUFFERED as u64,
                tick_interval_ms: TICK_INTERVAL_MS,
                attachments: v4.then_some(AttachmentPolicy {
                    max_bytes: settings.limits.max_bytes,
                    max_image_bytes: settings.limits.max_image_bytes,
                }),
            },
        }
    }

    /// Generation 3 clients take `auth` only with a device token (protocol §4.4).
    fn hello_auth(&self, v4: bool) -> Option<HelloAuth> {
        (v4 || self.grant.is_some()).then(|| HelloAuth {
            method: v4.then(|| self.method.to_owned()),
            role: self.role.as_str().to_owned(),
            scopes: self.scopes.clone(),
            device_token: self.grant.as_ref().map(|grant| grant.token.clone()),
            issued_at_ms: self.grant.as_ref().map(|grant| grant.issued_at_ms),
            device_tokens: self.grant.as_ref().map(|grant| grant.more.clone()).unwrap_or_default(),
        })
    }
}
