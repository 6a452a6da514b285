//! HTTP on the gateway's port: access rules first, then the routes, then the headers of every
//! answer (protocol §17).

mod address;
mod body;
mod exchange;
mod hooks;
mod mapping;
mod openai;
mod pages;
mod reply;
mod tools;
mod upgrade;

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tracing::warn;

use self::exchange::{Answer, Exchange};
use self::reply::{Body, not_found, problem};
use crate::access::Refusal;
use crate::shared::Shared;
use crate::strangers::Stranger;

pub(crate) use self::body::Bodies;
pub use self::pages::webchat;

/// In which header, and in which parameter of a socket's address, a page that came through a front
/// door names the gateway that it is about.
pub(crate) const GATEWAY: &str = "clawdbot-gateway";

/// Where programs call and no page is.
const NO_VIEWS: [&str; 4] = ["/v1/", "/api/", "/tools/", "/__"];

/// A connection on which requests arrive.
#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) shared: Arc<Shared>,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    /// Its place among those that have proven nothing yet.
    pub(crate) stranger: Arc<Stranger>,
}

/// Answers one request. Host, forwarding and origin are judged before anything else.
pub(crate) async fn answer(visit: Visit, request: Request<Incoming>) -> Response<Body> {
    let Visit { shared, peer, local, stranger } = visit;
    let settings = shared.settings();
    let response = match settings.access.judge(request.headers(), peer, local) {
        Ok(caller) => {
            let exchange = Exchange { shared, caller, stranger, request };
            // A panic in a handler is one failed request, nothing more.
            match AssertUnwindSafe(route(exchange)).catch_unwind().await {
                Ok(answer) => answer.unwrap_or_else(|refusal| *refusal),
                Err(_) => problem(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "The gateway failed inside this request; see its log.",
                ),
            }
        }
        Err(refusal) => {
            warn!(ip = %peer.ip(), ?refusal, "request refused");
            refuse(refusal)
        }
    };
    let hsts = settings.config().gateway.http.security_headers.hsts();
    reply::with_headers(response, hsts)
}

fn refuse(refusal: Refusal) -> Response<Body> {
    match refusal {
        Refusal::Host => problem(
            StatusCode::FORBIDDEN,
            "host_not_allowed",
            "This gateway does not answer to that host name. Use its address, or add the name's \
             origin to gateway.controlUi.allowedOrigins.",
        ),
        Refusal::Proxy => problem(
            StatusCode::FORBIDDEN,
            "proxy_attribution_required",
            "Forwarding headers that do not come from a trusted proxy or name this machine as the \
             client. Add the proxy to gateway.trustedProxies, or have it remove these headers.",
        ),
    }
}

/// Whether a page asks that came through a front door, before this gateway was at that address. What
/// it presents is for the other one (APP-09).
fn is_about_another<B>(request: &Request<B>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    request.headers().contains_key(GATEWAY)
        || query.split('&').any(|pair| pair.split('=').next() == Some(GATEWAY))
}

async fn route(exchange: Exchange) -> Answer {
    if is_about_another(&exchange.request) {
        let said = "This page is about another gateway than the one here. Load it again.";
        return Err(Box::new(problem(StatusCode::CONFLICT, "other_gateway", said)));
    }
    if upgrade::is_asked_for(exchange.request.headers()) {
        return Ok(upgrade::answer(exchange));
    }
    if exchange.caller.is_foreign() {
        return Err(Box::new(problem(
            StatusCode::FORBIDDEN,
            "origin_not_allowed",
            "Requests from that origin are not accepted. Add it to \
             gateway.controlUi.allowedOrigins if it is yours.",
        )));
    }
    let uri = exchange.request.uri().clone();
    let Some(path) = address::plain_path(uri.path()) else {
        let said = "The path is not in plain form.";
        return Err(Box::new(problem(StatusCode::BAD_REQUEST, "bad_path", said)));
    };
    if address::carries_secret(uri.query()) {
        return Err(Box::new(problem(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "Credentials in an address are not accepted. Open the page without them and sign in.",
        )));
    }
    if let Some(name) = hooks::below(&exchange.shared, path) {
        return hooks::answer(exchange, &name).await;
    }
    match path {
        "/tools/invoke" => tools::invoke(exchange).await,
        "/v1/chat/completions" => openai::chat(exchange).await,
        "/v1/responses" => openai::responses(exchange).await,
        _ if path == "/v1/models" || path.starts_with("/v1/models/") => {
            openai::models(exchange, path).await
        }
        // What is not there is no view of the page.
        _ if NO_VIEWS.iter().any(|prefix| path.starts_with(prefix)) && !pages::is_config(path) => {
            Ok(not_found())
        }
        _ => {
            exchange.only(&[Method::GET, Method::HEAD])?;
            pages::answer(exchange, path).await
        }
    }
}
