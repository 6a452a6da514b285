//! `connect`: from its params to an admitted peer (protocol §4 and §7).

use std::sync::Arc;

use clawdbot_protocol::{
    AttachmentPolicy, Checker, ConnectParams, ErrorCode, Features, Generation, HelloAuth, HelloOk,
    MAX_BUFFERED, MAX_FRAME, Outcome, Policy, Response, Role, RpcError, Scope, Scopes, ServerInfo,
    SessionDefaults, Snapshot, TICK_INTERVAL_MS, verify_proof,
};
use serde_json::{Value, json};

use crate::access::{Caller, OriginKind};
use crate::auth::{AuthMode, SecretCheck};
use crate::devices::{Applicant, Grant};
use crate::gateway::Shared;
use crate::hub::{Outbox, Subscriber};
use crate::router::Peer;

static PARAMS: Checker<ConnectParams> = Checker::new();

/// Events this gateway may send.
const EVENTS: [&str; 9] = [
    "connect.challenge",
    "agent",
    "chat",
    "presence",
    "tick",
    "health",
    "shutdown",
    "sessions.changed",
    "session.message",
];

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
    grant: Option<Grant>,
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
    let generation = params.negotiate()?.generation;
    let role = match params.role.as_deref() {
        None => Role::Operator,
        Some(name) => Role::parse(name).ok_or_else(|| RpcError::invalid("invalid role"))?,
    };
    check_origin(&params, caller, generation)?;
    let requested = params.requested_scopes(generation);
    let (method, grant, scopes) = if caller.in_process {
        ("in-process", None, Scopes::all())
    } else {
        authenticate(gateway, caller, nonce, &params, generation, role, requested).await?
    };
    let conn_id = uuid::Uuid::new_v4().to_string();
    Ok(Admission { request_id, conn_id, params, generation, role, scopes, method, grant })
}

/// Protocol §17.3: pages must come from here or be allowed by name.
fn check_origin(
    params: &ConnectParams,
    caller: &Caller,
    generation: Generation,
) -> Result<(), RpcError> {
    let reason = match caller.origin {
        OriginKind::Foreign => "origin not allowed",
        OriginKind::Absent
            if params.client.is_webchat() && generation == Generation::V4 && !caller.in_process =>
        {
            "origin missing or invalid"
        }
        _ => return Ok(()),
    };
    Err(RpcError::invalid(
        "origin not allowed (open the Control UI from the gateway host or allow it in \
         gateway.controlUi.allowedOrigins)",
    )
    .with_details(json!({"code": "CONTROL_UI_ORIGIN_NOT_ALLOWED", "reason": reason})))
}

async fn authenticate(
    gateway: &Arc<Shared>,
    caller: &Caller,
    nonce: &str,
    params: &ConnectParams,
    generation: Generation,
    role: Role,
    requested: Scopes,
) -> Result<(&'static str, Option<Grant>, Scopes), RpcError> {
    gateway.auth.reserve(caller).await?;
    let result = prove(gateway, caller, nonce, params, generation, role, requested).await;
    // A pairing that waits for approval had the right secret: that was no guess.
    let guessed = result.as_ref().is_err_and(|error| error.code != ErrorCode::NotPaired);
    gateway.auth.settle(caller, !guessed);
    result
}

async fn prove(
    gateway: &Arc<Shared>,
    caller: &Caller,
    nonce: &str,
    params: &ConnectParams,
    generation: Generation,
    role: Role,
    requested: Scopes,
) -> Result<(&'static str, Option<Grant>, Scopes), RpcError> {
    let secret = gateway.auth.check(params.auth.as_ref());
    let Some(proof) = &params.device else {
        if secret != SecretCheck::Right {
            return Err(gateway.auth.refusal(secret, &params.client, caller, false));
        }
        let scopes = without_device(params, caller, generation, role, requested)?;
        return Ok((method_name(gateway.auth.mode()), None, scopes));
    };
    if secret == SecretCheck::Missing {
        return Err(gateway.auth.refusal(secret, &params.client, caller, true));
    }
    let terms = params.proof_terms();
    let public_key =
        verify_proof(proof, &terms, nonce, gateway.now_ms(), generation).map_err(|error| {
            RpcError::invalid(error.to_string())
                .with_details(json!({"code": error.code(), "reason": error.reason()}))
        })?;
    let by_token = secret != SecretCheck::Right;
    if by_token && !gateway.devices.token_is_valid(&proof.id, role, terms.token).await? {
        return Err(gateway.auth.refusal(secret, &params.client, caller, true));
    }
    let applicant = Applicant {
        params,
        proof,
        public_key,
        role,
        scopes: &requested,
        silent: caller.may_pair_silently() && !by_token,
        generation,
    };
    let grant = gateway.devices.admit(&applicant, gateway.now_ms()).await?;
    let method = if by_token { "device-token" } else { method_name(gateway.auth.mode()) };
    Ok((method, Some(grant), requested))
}

fn method_name(mode: AuthMode) -> &'static str {
    mode.as_str()
}

/// Protocol §7.3 and SCP-01: without a device only trusted local helpers keep their scopes.
fn without_device(
    params: &ConnectParams,
    caller: &Caller,
    generation: Generation,
    role: Role,
    requested: Scopes,
) -> Result<Scopes, RpcError> {
    let client = &params.client;
    if client.is_browser() || role == Role::Node {
        let (code, message) = if client.is_browser() {
            (
                "CONTROL_UI_DEVICE_IDENTITY_REQUIRED",
                "control ui requires device identity (use HTTPS or localhost secure context)",
            )
        } else {
            ("DEVICE_IDENTITY_REQUIRED", "device identity required")
        };
        let kind =
            if role == Role::Node { ErrorCode::NotPaired } else { ErrorCode::InvalidRequest };
        return Err(RpcError::new(kind, message).with_details(json!({"code": code})));
    }
    let local = caller.direct_local && caller.origin == OriginKind::Absent;
    let helper = client.is_cli() || client.is_backend() || client.is_probe();
    let trusted = local && (helper || generation == Generation::V3);
    Ok(if trusted { requested } else { Scopes::default() })
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
            client_name: client.display_name.clone(),
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
        );
        gateway.hub.add(conn, subscriber);
        gateway.count_connections();
        if self.scopes.allow(Scope::Read) {
            gateway.hub.tell(conn, "health", Some(gateway.state_version()), &gateway.health());
        }
        (peer, presence_key)
    }

    fn hello(&self, gateway: &Shared) -> HelloOk {
        let v4 = self.generation == Generation::V4;
        let reads = self.role == Role::Operator && self.scopes.allow(Scope::Read);
        let rules = &gateway.keys;
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
                events: EVENTS.iter().map(|name| (*name).to_owned()).collect(),
                capabilities: if v4 {
                    CAPABILITIES.iter().map(|name| (*name).to_owned()).collect()
                } else {
                    Vec::new()
                },
            },
            snapshot: Snapshot {
                presence: if reads || !v4 { gateway.presence.list() } else { Vec::new() },
                health: if reads || !v4 { gateway.health() } else { json!({}) },
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
                    max_bytes: gateway.limits.max_bytes,
                    max_image_bytes: gateway.limits.max_image_bytes,
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
        })
    }
}
