//! The methods, and the one table that declares them.

mod agent;
mod catalog;
mod chat;
mod commands;
mod config;
mod cron;
mod history;
mod sessions;
mod system;
mod wake;

use clawdbot_protocol::{RpcError, Scope, SessionKey};

use crate::router::{Ctx, Router};

/// Every method of this gateway with its scope (protocol §6.5).
pub(crate) fn router() -> Router {
    use Scope::{Admin, Read, Write};
    Router::default()
        .add("health", Read, system::health)
        .also_for_nodes("health")
        .add("status", Read, system::status)
        .add("system-presence", Read, system::presence)
        .add("last-heartbeat", Read, wake::last_heartbeat)
        .add("set-heartbeats", Admin, wake::set_heartbeats)
        .add("system-event", Admin, wake::system_event)
        .add("wake", Write, wake::wake)
        .add("cron.status", Read, cron::status)
        .add("cron.list", Read, cron::list)
        .add("cron.get", Read, cron::get)
        .add("cron.runs", Read, cron::runs)
        .add("cron.add", Admin, cron::add)
        .add("cron.update", Admin, cron::update)
        .add("cron.remove", Admin, cron::remove)
        .add("cron.run", Admin, cron::run)
        .add("config.get", Read, config::get)
        .add("config.schema", Read, config::schema)
        .add("config.schema.lookup", Read, config::schema_lookup)
        .add("config.set", Admin, config::set)
        .add("config.apply", Admin, config::apply)
        .add("config.patch", Admin, config::patch)
        .add("logs.tail", Read, system::logs_tail)
        .add("models.list", Read, catalog::models_list)
        .add("agents.list", Read, catalog::agents_list)
        .add("agent.identity.get", Read, catalog::identity)
        .add("commands.list", Read, commands::list)
        .add("agent", Write, agent::agent)
        .add("agent.wait", Write, agent::wait)
        .add("chat.send", Write, chat::send)
        .add("chat.abort", Write, chat::abort)
        .add("chat.history", Read, history::history)
        .add("chat.startup", Read, history::history)
        .add("chat.message.get", Read, history::message_get)
        .add("chat.inject", Admin, chat::inject)
        .hide("chat.inject")
        .add("sessions.list", Read, sessions::list)
        .add("sessions.describe", Read, sessions::describe)
        .add("sessions.preview", Read, sessions::preview)
        .add("sessions.resolve", Read, sessions::resolve_method)
        .add("sessions.search", Read, sessions::search)
        .add("sessions.subscribe", Read, sessions::subscribe)
        .add("sessions.unsubscribe", Read, sessions::unsubscribe)
        .add("sessions.messages.subscribe", Read, sessions::messages_subscribe)
        .add("sessions.messages.unsubscribe", Read, sessions::messages_unsubscribe)
        .add("sessions.create", Write, sessions::create)
        .add("sessions.patch", Write, sessions::patch)
        .add("sessions.delete", Write, sessions::delete)
        .add("sessions.reset", Admin, sessions::reset)
}

/// The canonical form of a key a caller sent.
fn resolve(ctx: &Ctx, raw: &str) -> Result<SessionKey, RpcError> {
    SessionKey::resolve(raw, &ctx.gateway.settings().keys)
        .map_err(|error| RpcError::invalid(error.to_string()))
}

/// The canonical form, only if its agent exists.
fn resolve_known(ctx: &Ctx, raw: &str) -> Result<SessionKey, RpcError> {
    let key = resolve(ctx, raw)?;
    let settings = ctx.gateway.settings();
    let agent = key.agent(&settings.keys);
    if settings.agents.get(agent).is_none() {
        return Err(RpcError::invalid(format!("unknown agent id \"{agent}\"")));
    }
    Ok(key)
}
