//! Methods that stock clients ask at start about things this gateway does not have. The empty answer
//! is the true one, and it keeps them from asking again and again.

use clawdbot_protocol::{NoParams, RpcError};
use serde_json::json;

use crate::router::{Ctx, Reply};

/// Work apart from runs; there is none.
pub(super) async fn tasks(_ctx: Ctx, _params: NoParams) -> Result<Reply, RpcError> {
    Reply::ok(&json!({"tasks": []}))
}

/// Questions that runs have asked; none can.
pub(super) async fn questions(_ctx: Ctx, _params: NoParams) -> Result<Reply, RpcError> {
    Reply::ok(&json!({"questions": []}))
}

/// Named groups of conversations; there are none.
pub(super) async fn session_groups(_ctx: Ctx, _params: NoParams) -> Result<Reply, RpcError> {
    Reply::ok(&json!({"groups": [], "sectionOrder": []}))
}

/// What plugins add to pages; there are no plugins.
pub(super) async fn ui_descriptors(ctx: Ctx, _params: NoParams) -> Result<Reply, RpcError> {
    let methods = ctx.gateway.router.names();
    Reply::ok(&json!({
        "ok": true,
        "generation": 1,
        "descriptors": [],
        "methods": methods,
        "controlUiTabs": [],
        "controlUiWidgetKinds": [],
        "controlUiLinkReaders": [],
        "pluginSurfaceUrls": {},
    }))
}

/// What plugins ask leave for.
pub(super) async fn plugin_approvals(_ctx: Ctx, _params: NoParams) -> Result<Reply, RpcError> {
    Reply::ok(&json!([]))
}
