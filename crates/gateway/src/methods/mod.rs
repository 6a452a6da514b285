//! The methods, and the one table that declares them.

mod agent;
mod agent_files;
mod agents;
mod catalog;
mod channels;
mod chat;
mod commands;
mod config;
mod cron;
mod devices;
mod empty;
mod exec;
mod exec_policy;
mod history;
mod host;
mod node_events;
mod nodes;
mod probe;
mod session_branch;
mod session_import;
mod session_patch;
mod session_send;
mod sessions;
mod setup_code;
mod skills;
mod system;
mod talk;
mod tools;
mod update;
mod usage;
mod wake;
mod wizard;
mod workspace;

use clawdbot_protocol::{OptionalAgentParams, RpcError, Scope, SessionKey};

use crate::agents::Agent;
use crate::router::{Ctx, Table};

/// Every method of this gateway with its scope (protocol §6.5).
pub(crate) fn declare<T: Table>(table: T) -> T {
    use Scope::{Admin, Approvals, Pairing, Read, Write};
    surroundings(table)
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
        .add("sessions.patch", Write, session_patch::patch)
        .add("sessions.delete", Write, sessions::delete)
        .add("sessions.reset", Admin, sessions::reset)
        .add("sessions.import", Admin, session_import::import)
        .add("device.pair.list", Pairing, devices::list)
        .add("device.pair.approve", Pairing, devices::approve)
        .add("device.pair.reject", Pairing, devices::reject)
        .add("device.pair.remove", Pairing, devices::remove)
        .add("device.pair.rename", Pairing, devices::rename)
        .add("device.token.rotate", Pairing, devices::rotate)
        .add("device.token.revoke", Pairing, devices::revoke)
        .add("device.pair.setupCode", Admin, setup_code::create)
        .hide("device.pair.setupCode")
        .add("device.pair.webCode", Admin, setup_code::web)
        .hide("device.pair.webCode")
        .add("device.pair.setupStatus", Admin, setup_code::status)
        .hide("device.pair.setupStatus")
        .add("node.list", Read, nodes::list)
        .add("node.describe", Read, nodes::describe)
        .add("node.rename", Pairing, nodes::rename)
        .add("node.invoke", Write, nodes::invoke)
        .add("node.pair.list", Pairing, nodes::pair_list)
        .add("node.pair.request", Pairing, nodes::pair_request)
        .add("node.pair.approve", Pairing, nodes::pair_approve)
        .add("node.pair.reject", Pairing, nodes::pair_reject)
        .add("node.pair.remove", Pairing, nodes::pair_remove)
        .add("node.pair.verify", Pairing, nodes::pair_verify)
        .add("node.invoke.result", Read, node_events::result)
        .only_for_nodes("node.invoke.result")
        .add("node.event", Read, node_events::event)
        .only_for_nodes("node.event")
        .add("node.pending.enqueue", Write, nodes::enqueue)
        .add("node.pending.pull", Read, node_events::pull)
        .only_for_nodes("node.pending.pull")
        .add("node.pending.ack", Read, node_events::ack)
        .only_for_nodes("node.pending.ack")
        .add("node.pending.drain", Read, node_events::drain)
        .only_for_nodes("node.pending.drain")
        .add("sessions.send", Write, session_send::send)
        .add("sessions.steer", Write, session_send::steer)
        .add("sessions.abort", Write, session_send::abort)
        .add("sessions.compact", Admin, session_branch::compact)
        .add("sessions.rewind", Admin, session_branch::rewind)
        .add("sessions.fork", Write, session_branch::fork)
        .add("sessions.branches.list", Read, session_branch::branches)
        .add("sessions.branches.switch", Admin, session_branch::switch)
        .add("sessions.usage", Read, usage::sessions)
        .add("usage.cost", Read, usage::cost)
        .add("usage.status", Read, usage::status)
        .add("exec.approval.request", Approvals, exec::request)
        .add("exec.approval.resolve", Approvals, exec::resolve)
        .add("exec.approval.list", Approvals, exec::list)
        .add("exec.approval.get", Approvals, exec::get)
        .add("exec.approval.waitDecision", Approvals, exec::wait_decision)
        .add("exec.approval.grants.list", Approvals, exec_policy::grants)
        .add("exec.approval.grants.revoke", Approvals, exec_policy::revoke)
        .add("approval.get", Approvals, exec::any_get)
        .add("approval.resolve", Approvals, exec::any_resolve)
        .add("exec.approvals.get", Admin, exec_policy::get)
        .add("exec.approvals.set", Admin, exec_policy::set)
        .add("exec.approvals.node.get", Admin, exec_policy::node_get)
        .add("exec.approvals.node.set", Admin, exec_policy::node_set)
}

/// Everything around conversations: agents and their skills, tools and voice, channels, this machine.
fn surroundings<T: Table>(table: T) -> T {
    use Scope::{Admin, Approvals, Questions, Read, Talk, Write};
    table
        .add("agents.create", Admin, agents::create)
        .add("agents.update", Admin, agents::update)
        .add("agents.delete", Admin, agents::delete)
        .add("agents.files.list", Read, agent_files::list)
        .add("agents.files.get", Read, agent_files::get)
        .add("agents.files.set", Admin, agent_files::set)
        .add("agents.workspace.list", Read, workspace::list)
        .add("agents.workspace.get", Read, workspace::get)
        .add("models.authStatus", Read, catalog::auth_status)
        .add("models.probe", Admin, probe::probe)
        .add("chat.metadata", Read, catalog::chat_metadata)
        .add("tools.catalog", Read, tools::catalog)
        .add("tools.effective", Read, tools::effective)
        .add("skills.status", Read, skills::status)
        .add("skills.bins", Read, skills::bins)
        .only_for_nodes("skills.bins")
        .add("skills.install", Admin, skills::install)
        .add("skills.update", Admin, skills::update)
        .add("channels.status", Read, channels::status)
        .add("channels.logout", Admin, channels::logout)
        .add("channels.start", Admin, channels::start)
        .add("channels.stop", Admin, channels::stop)
        .add("send", Write, channels::send)
        .add("poll", Write, channels::poll)
        .add("message.action", Write, channels::action)
        .add("voicewake.get", Read, talk::voicewake_get)
        .add("voicewake.set", Write, talk::voicewake_set)
        .add("talk.mode", Talk, talk::mode)
        .add("talk.config", Read, talk::config)
        .add("talk.catalog", Read, talk::catalog)
        .add("tts.status", Read, talk::tts_status)
        .add("update.run", Admin, update::run)
        .add("update.status", Admin, update::status)
        .add("wizard.start", Admin, wizard::start)
        .add("wizard.next", Admin, wizard::next)
        .add("wizard.cancel", Admin, wizard::cancel)
        .add("wizard.status", Admin, wizard::status)
        .add("system.info", Read, host::info)
        .add("gateway.identity.get", Read, host::identity)
        .add("gateway.restart.preflight", Read, host::restart_preflight)
        .add("users.self", Write, host::user)
        .add("environments.list", Read, host::environments)
        .add("tasks.list", Read, empty::tasks)
        .add("question.list", Questions, empty::questions)
        .add("sessions.groups.list", Read, empty::session_groups)
        .add("plugins.uiDescriptors", Read, empty::ui_descriptors)
        .add("plugin.approval.list", Approvals, empty::plugin_approvals)
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

/// The agent of that id.
fn known_agent(ctx: &Ctx, id: &str) -> Result<Agent, RpcError> {
    let settings = ctx.gateway.settings();
    let found = settings.agents.get(&id.trim().to_lowercase()).cloned();
    found.ok_or_else(|| RpcError::invalid(format!("unknown agent id \"{id}\"")))
}

/// The agent a caller means: the one named, the conversation's, or the default.
fn agent_of(ctx: &Ctx, params: &OptionalAgentParams) -> Result<Agent, RpcError> {
    let settings = ctx.gateway.settings();
    match (&params.agent_id, &params.session_key) {
        (Some(id), _) => known_agent(ctx, id),
        (None, Some(key)) => known_agent(ctx, resolve(ctx, key)?.agent(&settings.keys)),
        (None, None) => known_agent(ctx, settings.agents.default_id()),
    }
}
