//! What is fetched: WebChat and its files, health, the page's settings, avatars and attachments.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clawdbot_agent::{Block, ReadTool, Tool as _, ToolContext};
use clawdbot_protocol::Scope;
use http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, LOCATION};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};
use tracing::warn;

use super::exchange::{Answer, Exchange};
use super::reply::{Body, file, json, not_found, problem, typed, with_headers};
use super::{GATEWAY, NO_VIEWS};
use crate::agents::Agent;
use crate::shared::Shared;
use crate::{media, ui};

/// Nothing in a file from elsewhere is ever run.
const SANDBOX: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

/// For what never changes under its name.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// Names of the page's settings; builds differ in the prefix.
const PAGE_CONFIG: [&str; 3] = [
    "/control-ui-config.json",
    "/__openclaw/control-ui-config.json",
    "/__openclaw__/control-ui-config.json",
];

/// Whether `path` is that of the page's settings.
pub(super) fn is_config(path: &str) -> bool {
    PAGE_CONFIG.contains(&path)
}

pub(super) async fn answer(exchange: Exchange, path: &str) -> Answer {
    let shared = &exchange.shared;
    match path {
        "/health" | "/healthz" => {
            return Ok(json(StatusCode::OK, &json!({"ok": true, "status": "live"})));
        }
        "/ready" | "/readyz" => return Ok(ready(shared)),
        _ => {}
    }
    if let Some(name) = path.strip_prefix("/media/inbound/") {
        return inbound(&exchange, name).await;
    }
    let settings = shared.settings();
    let control_ui = &settings.config().gateway.control_ui;
    let base = control_ui.mount();
    let inner = match path.strip_prefix(base.as_str()) {
        Some(inner) if control_ui.enabled && (inner.is_empty() || inner.starts_with('/')) => inner,
        _ => return Ok(not_found()),
    };
    if inner.is_empty() {
        return Ok(redirect(&base, exchange.request.uri().query()));
    }
    if is_config(inner) {
        exchange.authorize(Scope::Read).await?;
        return Ok(json(StatusCode::OK, &page_config(shared, &base)));
    }
    match inner.strip_prefix("/avatar/") {
        Some(agent) => avatar(&exchange, &base, agent).await,
        None => page(shared, control_ui.root.as_deref(), &base, inner).await,
    }
}

/// WebChat for a front door that leads to the gateway called `gateway`: the file for a path, or `None`
/// for what only the gateway itself answers. A page from elsewhere would have the run of everything
/// that pages of this address keep in a browser, whichever gateway it is about.
pub fn webchat(path: &str, gateway: &str) -> Option<Response<Bytes>> {
    let is_served = matches!(path, "/health" | "/healthz" | "/ready" | "/readyz")
        || is_config(path)
        || ["/media/", "/avatar/"].iter().chain(&NO_VIEWS).any(|prefix| path.starts_with(prefix));
    let asset = ui::asset(path).filter(|_| !is_served)?;
    let cache = if asset.immutable { FOREVER } else { "no-cache" };
    let bytes = if asset.is_page {
        let page = String::from_utf8(rooted(&asset.bytes, "")).ok()?;
        let meta = format!("<head>\n    <meta name=\"{GATEWAY}\" content=\"{gateway}\" />");
        page.replacen("<head>", &meta, 1).into()
    } else {
        Bytes::from(asset.bytes.into_owned())
    };
    let mut response = with_headers(typed(bytes, &asset.mime, cache), None);
    response.headers_mut().insert(GATEWAY, HeaderValue::from_str(gateway).ok()?);
    Some(response)
}

fn ready(shared: &Shared) -> Response<Body> {
    let stopping = shared.stop.is_cancelled();
    let status = if stopping { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let failing: &[&str] = if stopping { &["stopping"] } else { &[] };
    json(status, &json!({"ready": !stopping, "failing": failing}))
}

/// From `/base` to `/base/`, so that relative addresses mean the same.
fn redirect(base: &str, query: Option<&str>) -> Response<Body> {
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::FOUND;
    if let Ok(target) = HeaderValue::from_str(&format!("{base}/{query}")) {
        response.headers_mut().insert(LOCATION, target);
    }
    response
}

/// One file of the web interface.
async fn page(shared: &Shared, root: Option<&str>, base: &str, path: &str) -> Answer {
    let found = match root {
        Some(root) => ui::asset_below(shared.paths.expand(root), path).await,
        None => Ok(ui::asset(path)),
    };
    let asset = match found {
        Ok(Some(asset)) => asset,
        Ok(None) => return Ok(not_found()),
        Err(error) => {
            warn!(%error, "gateway.controlUi.root");
            let said = "gateway.controlUi.root holds no index.html that can be read. Correct or \
                        remove the setting.";
            return Ok(problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable", said));
        }
    };
    let cache = if asset.immutable { FOREVER } else { "no-cache" };
    let bytes = if asset.is_page { rooted(&asset.bytes, base) } else { asset.bytes.into_owned() };
    Ok(file(bytes, &asset.mime, cache))
}

/// The page with its addresses below `base`, wherever it was asked for.
fn rooted(page: &[u8], base: &str) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(page) else {
        return page.to_vec();
    };
    let text = text.replace("=\"./", &format!("=\"{base}/"));
    if base.is_empty() {
        return text.into_bytes();
    }
    // What stands below the base already must not be moved there twice.
    let moved =
        text.replace(&format!("=\"{base}/"), "=\"/").replace("=\"/", &format!("=\"{base}/"));
    moved.into_bytes()
}

/// What a page asks for once it has signed in (protocol §18.2).
fn page_config(shared: &Shared, base: &str) -> Value {
    let settings = shared.settings();
    let id = settings.agents.default_id();
    let agent = settings.agents.get(id);
    let name = agent.and_then(|agent| agent.name.clone());
    let face = agent.and_then(|agent| agent.avatar.clone().or_else(|| agent.emoji.clone()));
    json!({
        "basePath": base,
        "assistantName": name.unwrap_or_else(|| "Assistant".to_owned()),
        "assistantAvatar": face.unwrap_or_else(|| "A".to_owned()),
        "assistantAvatarSource": null,
        "assistantAvatarStatus": null,
        "assistantAvatarReason": null,
        "assistantAgentId": id,
        "serverVersion": shared.version,
        "embedSandbox": "strict",
        "allowExternalEmbedUrls": false,
        "automaticallyFetchFavicons": false,
        "communityInvite": false,
        "terminalEnabled": false,
        "cliAgentsEnabled": false,
        "pluginAssetsRequireAuth": true,
        "pluginFrameGrants": [],
    })
}

/// An agent's picture, if it is a file of its workspace; with `?meta=1` where it is found.
async fn avatar(exchange: &Exchange, base: &str, id: &str) -> Answer {
    exchange.authorize(Scope::Read).await?;
    let settings = exchange.shared.settings();
    let agent = settings.agents.get(id);
    let picture = match agent {
        Some(agent) => picture(agent).await,
        None => None,
    };
    let query = exchange.request.uri().query().unwrap_or_default();
    if query.split('&').any(|pair| pair == "meta=1") {
        let remote = agent.and_then(|agent| agent.avatar.clone()).filter(|avatar| is_url(avatar));
        let url = if picture.is_some() { Some(format!("{base}/avatar/{id}")) } else { remote };
        return Ok(json(StatusCode::OK, &json!({"avatarUrl": url})));
    }
    let Some((bytes, mime)) = picture else {
        return Ok(not_found());
    };
    let mut response = file(bytes, &mime, "private, no-cache");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    Ok(response)
}

fn is_url(avatar: &str) -> bool {
    ["https://", "http://", "data:"].iter().any(|scheme| avatar.starts_with(scheme))
}

/// Read as the agent itself would read it: below its workspace, and only if it is a picture.
async fn picture(agent: &Agent) -> Option<(Vec<u8>, String)> {
    let name = agent.avatar.as_deref().filter(|avatar| !is_url(avatar))?;
    let tool = ReadTool::new(&agent.workspace).ok()?;
    let context = ToolContext {
        call_id: String::new(),
        cancel: Default::default(),
        progress: Default::default(),
    };
    let output = tool.call(json!({"path": name}), context).await;
    output.content.into_iter().find_map(|block| match block {
        Block::Image { data, mime_type } => Some((STANDARD.decode(data).ok()?, mime_type)),
        _ => None,
    })
}

/// An attachment.
async fn inbound(exchange: &Exchange, name: &str) -> Answer {
    exchange.authorize(Scope::Read).await?;
    match media::read(&exchange.shared, name).await {
        Ok(Some(media)) => {
            let mut response = file(media.bytes, &media.mime, "private, no-store");
            let headers = response.headers_mut();
            headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
            headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
            Ok(response)
        }
        Ok(None) => Ok(not_found()),
        Err(error) => {
            warn!(%error, "media");
            let said = "The file cannot be read.";
            Ok(problem(StatusCode::INTERNAL_SERVER_ERROR, "unavailable", said))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_front_door_shows_this_webchat_and_whose_it_is() {
        let page = webchat("/chat/main", "abc").unwrap();
        assert_eq!(page.headers()[GATEWAY], "abc");
        assert!(page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("'self'"));
        let text = String::from_utf8(page.into_body().into()).unwrap();
        assert!(text.contains(r#"<meta name="clawdbot-gateway" content="abc" />"#), "{text}");
        for served in ["/v1/models", "/media/inbound/a.png", "/health", "/__openclaw__/canvas/"] {
            assert!(webchat(served, "abc").is_none(), "{served}");
        }
    }

    #[test]
    fn a_page_finds_its_files_wherever_it_is_asked_for() {
        let page = br#"<a href="./a.css"><script src="/b.js"><link href="https://x.example/">"#;
        let at = |base| String::from_utf8(rooted(page, base)).unwrap();
        assert_eq!(
            at(""),
            r#"<a href="/a.css"><script src="/b.js"><link href="https://x.example/">"#
        );
        assert_eq!(
            at("/ui"),
            r#"<a href="/ui/a.css"><script src="/ui/b.js"><link href="https://x.example/">"#
        );
    }
}
