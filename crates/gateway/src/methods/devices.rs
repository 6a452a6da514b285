//! `device.pair.*` and `device.token.*` (protocol §14.6).

use clawdbot_protocol::{
    DeviceApproved, DevicePairList, DeviceRef, DeviceRejected, DeviceRenameParams, NoParams,
    RequestIdParams, Role, RpcError, TokenRevokeParams, TokenRevoked, TokenRotateParams,
    TokenRotated,
};

use crate::router::{Ctx, Reply};

pub(super) async fn list(ctx: Ctx, _params: NoParams) -> Result<Reply<DevicePairList>, RpcError> {
    let gateway = &ctx.gateway;
    let now_ms = gateway.now_ms();
    Reply::of(&gateway.devices.list(&gateway.hub, ctx.peer.generation, now_ms).await?)
}

pub(super) async fn approve(
    ctx: Ctx,
    params: RequestIdParams,
) -> Result<Reply<DeviceApproved>, RpcError> {
    let gateway = &ctx.gateway;
    let now_ms = gateway.now_ms();
    let id = &params.request_id;
    Reply::of(&gateway.devices.approve(&gateway.hub, &ctx.peer, id, now_ms).await?)
}

pub(super) async fn reject(
    ctx: Ctx,
    params: RequestIdParams,
) -> Result<Reply<DeviceRejected>, RpcError> {
    let gateway = &ctx.gateway;
    let now_ms = gateway.now_ms();
    Reply::of(&gateway.devices.reject(&gateway.hub, &params.request_id, now_ms).await?)
}

pub(super) async fn remove(ctx: Ctx, params: DeviceRef) -> Result<Reply<DeviceRef>, RpcError> {
    let gateway = ctx.gateway.clone();
    let id = params.device_id.clone();
    gateway.devices.remove(&gateway.hub, &ctx.peer, &id).await?;
    gateway.nodes.forget(&id).await?;
    Ok(Reply::of(&params)?.then(move || gateway.hub.close_device(&id, None, None)))
}

pub(super) async fn rename(
    ctx: Ctx,
    params: DeviceRenameParams,
) -> Result<Reply<DeviceRenameParams>, RpcError> {
    let gateway = &ctx.gateway;
    let DeviceRenameParams { device_id, label } = &params;
    gateway.devices.rename(&gateway.hub, &ctx.peer, device_id, label).await?;
    Reply::of(&params)
}

/// Whoever uses the old token has to come again; the caller knows the new one.
pub(super) async fn rotate(
    ctx: Ctx,
    params: TokenRotateParams,
) -> Result<Reply<TokenRotated>, RpcError> {
    let TokenRotateParams { device_id, role, scopes } = params;
    let gateway = ctx.gateway.clone();
    let now_ms = gateway.now_ms();
    let rotated = gateway.devices.rotate(&ctx.peer, &device_id, &role, scopes, now_ms).await?;
    let (role, caller) = (rotated.role, ctx.peer.conn);
    Ok(Reply::of(&rotated)?
        .then(move || gateway.hub.close_device(&device_id, Some(role), Some(caller))))
}

pub(super) async fn revoke(
    ctx: Ctx,
    params: TokenRevokeParams,
) -> Result<Reply<TokenRevoked>, RpcError> {
    let TokenRevokeParams { device_id, role } = params;
    let gateway = ctx.gateway.clone();
    let now_ms = gateway.now_ms();
    let revoked = gateway.devices.revoke(&ctx.peer, &device_id, &role, now_ms).await?;
    if revoked.role == Role::Node {
        gateway.nodes.forget(&device_id).await?;
    }
    let role = revoked.role;
    Ok(Reply::of(&revoked)?.then(move || gateway.hub.close_device(&device_id, Some(role), None)))
}
