//! `channels.*`, `send`, `poll`, `message.action` (protocol §14.10). This gateway has no channel, so
//! every message to one is refused; nothing is sent, and so a repeated key is refused again.

use clawdbot_protocol::{
    ChannelParams, ChannelsStatus, ChannelsStatusParams, MessageActionParams, PollParams, RpcError,
    SendParams,
};

use crate::router::{Ctx, Reply};

pub(super) async fn status(
    ctx: Ctx,
    _params: ChannelsStatusParams,
) -> Result<Reply<ChannelsStatus>, RpcError> {
    Reply::of(&ChannelsStatus { ts: ctx.gateway.now_ms(), ..ChannelsStatus::default() })
}

pub(super) async fn logout(_ctx: Ctx, _params: ChannelParams) -> Result<Reply, RpcError> {
    Err(RpcError::invalid("invalid channels.logout channel"))
}

pub(super) async fn start(_ctx: Ctx, _params: ChannelParams) -> Result<Reply, RpcError> {
    Err(RpcError::invalid("invalid channels.start channel"))
}

pub(super) async fn stop(_ctx: Ctx, _params: ChannelParams) -> Result<Reply, RpcError> {
    Err(RpcError::invalid("invalid channels.stop channel"))
}

pub(super) async fn send(_ctx: Ctx, params: SendParams) -> Result<Reply, RpcError> {
    Err(no_channel(params.channel.as_deref()))
}

pub(super) async fn poll(_ctx: Ctx, params: PollParams) -> Result<Reply, RpcError> {
    Err(no_channel(params.channel.as_deref()))
}

pub(super) async fn action(_ctx: Ctx, params: MessageActionParams) -> Result<Reply, RpcError> {
    Err(no_channel(params.channel.as_deref()))
}

fn no_channel(named: Option<&str>) -> RpcError {
    match named.map(str::trim).filter(|named| !named.is_empty()) {
        Some(named) => RpcError::invalid(format!("unsupported channel: {named}")),
        None => RpcError::invalid(
            "Error: Channel is required (no configured channels detected). This gateway has no \
             messaging channels; talk to it through WebChat, an app or the command line.",
        ),
    }
}
