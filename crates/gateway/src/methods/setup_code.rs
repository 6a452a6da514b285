//! `device.pair.setupCode` and `setupStatus`: an invitation for a phone (protocol §14.6).

use std::net::{IpAddr, SocketAddr, UdpSocket};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clawdbot_protocol::{
    NoParams, RpcError, SetupAccess, SetupCode, SetupCodeParams, SetupStatus, SetupStatusParams,
    WebCode,
};
use serde_json::json;

use crate::qr::qr_code;
use crate::router::{Ctx, Reply};
use crate::shared::Shared;

/// Longest picture that clients take.
const MAX_PICTURE: usize = 16_384;

pub(super) async fn create(
    ctx: Ctx,
    params: SetupCodeParams,
) -> Result<Reply<SetupCode>, RpcError> {
    let gateway = &ctx.gateway;
    let (gateway_url, url_source) = address(gateway, &params)?;
    let asked = params.bootstrap_profile.unwrap_or(SetupAccess::Limited);
    // Whoever listens on an open line must not become the administrator.
    let access_downgraded = asked == SetupAccess::Full && !is_private(&gateway_url);
    let access = if access_downgraded { SetupAccess::Limited } else { asked };
    let code = gateway.devices.invite(access, gateway.now_ms()).await?;
    let payload = json!({
        "url": gateway_url,
        "bootstrapToken": code.token,
        "expiresAtMs": code.expires_at_ms,
    });
    let setup_code = URL_SAFE_NO_PAD.encode(payload.to_string());
    let picture = params.include_qr.unwrap_or(true).then(|| qr_code(&setup_code)).flatten();
    Reply::of(&SetupCode {
        setup_id: code.setup_id,
        expires_at_ms: code.expires_at_ms,
        qr_data_url: picture.filter(|picture| picture.len() <= MAX_PICTURE),
        setup_code,
        gateway_url,
        auth: gateway.auth.mode().as_str().to_owned(),
        url_source: url_source.to_owned(),
        access,
        access_downgraded,
    })
}

/// A code that opens WebChat in a browser of this computer.
pub(super) async fn web(ctx: Ctx, _params: NoParams) -> Result<Reply<WebCode>, RpcError> {
    if !ctx.peer.direct_local {
        return Err(RpcError::invalid(
            "a browser is signed in with a code only on the gateway's own computer or through a \
             tunnel to it; open the page and enter the token there",
        ));
    }
    let gateway = &ctx.gateway;
    let code = gateway.devices.web_code(gateway.now_ms());
    let base = gateway.settings().config().gateway.control_ui.mount();
    Reply::of(&WebCode {
        path: format!("{base}/#code={}", code.token),
        expires_at_ms: code.expires_at_ms,
    })
}

pub(super) async fn status(
    ctx: Ctx,
    params: SetupStatusParams,
) -> Result<Reply<SetupStatus>, RpcError> {
    let completion = ctx.gateway.devices.completion(&params.setup_id).await?;
    Reply::of(&SetupStatus { completion })
}

/// Where a device reaches this gateway, and who says so.
fn address(gateway: &Shared, params: &SetupCodeParams) -> Result<(String, &'static str), RpcError> {
    let settings = gateway.settings();
    let configured = |pointer: &str| {
        let value = settings.loaded.value.pointer(pointer)?.as_str()?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    };
    let remote = || configured("/gateway/remote/url");
    let first = if params.prefer_remote_url == Some(true) { remote() } else { None };
    let named = [
        (params.public_url.clone(), "request.publicUrl"),
        (first, "gateway.remote.url"),
        (
            configured("/plugins/entries/device-pair/config/publicUrl"),
            "plugins.entries.device-pair.config.publicUrl",
        ),
        (configured("/gateway/publicOrigin"), "gateway.publicOrigin"),
    ];
    if let Some((url, source)) = named.into_iter().find_map(|(url, source)| Some((url?, source))) {
        return Ok((websocket(&url)?, source));
    }
    match gateway.address() {
        Some(address) if !address.ip().is_loopback() => {
            Ok((format!("ws://{}", on_the_network(address)?), "gateway.bind"))
        }
        _ => Err(RpcError::invalid(
            "Gateway is only bound to loopback. Set gateway.bind=lan, enable tailscale serve, or \
             configure plugins.entries.device-pair.config.publicUrl.",
        )),
    }
}

/// `http` and `https` mean `ws` and `wss`; anything else is no address of a gateway.
fn websocket(url: &str) -> Result<String, RpcError> {
    let wrong =
        || RpcError::invalid("publicUrl has to be a ws://, wss://, http:// or https:// URL");
    let parsed: http::Uri = url.trim().parse().map_err(|_| wrong())?;
    let scheme = match parsed.scheme_str() {
        Some("ws" | "http") => "ws",
        Some("wss" | "https") => "wss",
        _ => return Err(wrong()),
    };
    let authority = parsed.authority().ok_or_else(wrong)?.as_str();
    if authority.contains('@') {
        return Err(RpcError::invalid("publicUrl must not contain a user name or password"));
    }
    Ok(format!("{scheme}://{authority}{}", parsed.path().trim_end_matches('/')))
}

/// Whether nobody on the way can listen.
fn is_private(url: &str) -> bool {
    let host = url.parse::<http::Uri>().ok().and_then(|url| url.host().map(str::to_owned));
    let loopback = host.is_some_and(|host| {
        let host = host.trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    });
    url.starts_with("wss://") || loopback
}

/// This machine's address as others see it. Nothing is sent: the system only picks a route.
fn on_the_network(bound: SocketAddr) -> Result<SocketAddr, RpcError> {
    if !bound.ip().is_unspecified() {
        return Ok(bound);
    }
    let own = UdpSocket::bind("0.0.0.0:0")
        .and_then(|socket| socket.connect("192.0.2.1:9").map(|()| socket))
        .and_then(|socket| socket.local_addr());
    match own {
        Ok(own) if !own.ip().is_loopback() => Ok(SocketAddr::new(own.ip(), bound.port())),
        _ => Err(RpcError::unavailable(
            "This computer has no network address. Connect it, or name one with publicUrl.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_websocket_addresses() {
        assert_eq!(websocket("https://home.example/gw/").unwrap(), "wss://home.example/gw");
        assert_eq!(websocket("ws://192.0.2.1:18789").unwrap(), "ws://192.0.2.1:18789");
        for wrong in ["ftp://x", "home.example", "https://me:secret@home.example", ""] {
            assert!(websocket(wrong).is_err(), "{wrong}");
        }
        assert!(is_private("wss://home.example") && is_private("ws://[::1]:1"));
        assert!(!is_private("ws://192.168.0.2:1") && !is_private("ws://localhost.evil.example"));
    }
}
