//! From HTTP to a WebSocket.

use http::header::{
    CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::address::carries_secret;
use super::exchange::Exchange;
use super::reply::{Body, not_found, problem};
use crate::connection;
use crate::websocket::Socket;

/// Whether a request asks for a WebSocket.
pub(super) fn is_asked_for(headers: &HeaderMap) -> bool {
    let has = |name: &HeaderName, word: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
    };
    has(&CONNECTION, "upgrade") && has(&UPGRADE, "websocket")
}

/// Switches protocols. Who is there is found out by the handshake that follows.
pub(super) fn answer(exchange: Exchange) -> Response<Body> {
    let Exchange { shared, caller, stranger, mut request } = exchange;
    let headers = request.headers();
    let version_13 = headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
    let key = headers.get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let (Some(accept), true, &Method::GET) = (key, version_13, request.method()) else {
        return problem(
            StatusCode::BAD_REQUEST,
            "bad_upgrade",
            "The WebSocket handshake is incomplete; version 13 is spoken here.",
        );
    };
    let Ok(accept) = HeaderValue::from_str(&accept) else {
        return not_found();
    };
    if carries_secret(request.uri().query()) {
        return problem(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "Credentials in an address are not accepted. Send them in connect.",
        );
    }
    let upgraded = hyper::upgrade::on(&mut request);
    shared.tasks.clone().spawn(async move {
        let serve = async {
            if let Ok(upgraded) = upgraded.await {
                let socket = Socket::new(upgraded, stranger.clone()).await;
                connection::serve(shared, socket, caller).await;
            }
        };
        tokio::select! {
            () = serve => {}
            () = stranger.evicted() => tracing::debug!("made room for others"),
        }
    });
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}
