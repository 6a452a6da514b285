//! `clawdbot models`: what can answer, what does, and whether it works.

use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use clawdbot_client::Connected;
use clawdbot_config::{Env, Paths};
use clawdbot_protocol::{AgentParams, Scope};
use serde_json::{Value, json};

use crate::connection::{self, ConnectionArgs};
use crate::table::Table;
use crate::{agent, out, text};

/// See, choose and try models
#[derive(Debug, clap::Args)]
pub(crate) struct ModelsArgs {
    #[command(subcommand)]
    pub(crate) command: ModelsCommand,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// Models that can answer
    List {
        /// Of this provider
        #[arg(long)]
        provider: Option<String>,
        /// Look for local models first
        #[arg(long)]
        refresh: bool,
    },
    /// Which providers have a key, and where it comes from
    Status,
    /// Choose the model that answers
    Set {
        /// provider/model, from the list
        model: String,
        /// For this conversation only
        #[arg(long, value_name = "KEY")]
        session: Option<String>,
    },
    /// Ask a model something small and see how long it takes
    Test {
        /// provider/model, from the list [default: the one that answers now]
        model: Option<String>,
    },
}

const QUESTION: &str = "This is a test. Answer with the single word: ready";

pub(crate) fn run(args: &ModelsArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let host = (paths, env);
    let connection = &args.connection;
    match &args.command {
        ModelsCommand::List { provider, refresh } => {
            let params = json!({"view": "default", "includeDetails": true, "provider": provider,
                "refresh": refresh});
            let read = [Scope::Read];
            if let Some(list) = connection::ask(connection, host, &read, "models.list", &params)? {
                show(&list);
            }
            Ok(())
        }
        ModelsCommand::Status => {
            let (read, params) = ([Scope::Read], json!({}));
            let method = "models.authStatus";
            if let Some(status) = connection::ask(connection, host, &read, method, &params)? {
                show_status(&status);
            }
            Ok(())
        }
        ModelsCommand::Set { model, session: Some(key) } => {
            let params = json!({"key": key, "model": model});
            let scopes = [Scope::Write, Scope::Admin];
            if connection::ask(connection, host, &scopes, "sessions.patch", &params)?.is_some() {
                out::done(format_args!("{model} answers in {key}"));
            }
            Ok(())
        }
        ModelsCommand::Set { model, session: None } => {
            let scopes = [Scope::Read, Scope::Admin];
            let written = connection::with(connection, host, &scopes, async |connected| {
                set(connected, model).await
            })?;
            if connection.json {
                return out::json(&written);
            }
            out::done(format_args!("{model} answers from now on"));
            Ok(())
        }
        ModelsCommand::Test { model } => {
            let scopes = [Scope::Read, Scope::Write, Scope::Admin];
            let tried = connection::with(connection, host, &scopes, async |connected| {
                test(connected, model.as_deref()).await
            })?;
            if connection.json {
                return out::json(&tried);
            }
            let ms = |name: &str| tried[name].as_u64().unwrap_or_default();
            out::done(format_args!(
                "{} answers: {}",
                text::plain(text::of(&tried, "model")),
                text::short(text::of(&tried, "text"), 80)
            ));
            out::done(format_args!(
                "first words after {} ms, complete after {} ms",
                ms("firstTextMs"),
                ms("totalMs")
            ));
            Ok(())
        }
    }
}

fn name(model: &Value) -> String {
    format!("{}/{}", text::of(model, "provider"), text::of(model, "id"))
}

fn is_default(model: &Value) -> bool {
    text::rows(model, "tags").iter().any(|tag| tag == "default")
}

fn show(list: &Value) {
    let mut table = Table::new(&["Model", "Name", "Takes", "Context", "Used"]);
    for model in text::rows(list, "models") {
        let input: Vec<&str> =
            text::rows(model, "input").iter().filter_map(Value::as_str).collect();
        let context = model["contextWindow"].as_u64().unwrap_or_default();
        table.row([
            name(model).as_str(),
            text::of(model, "name"),
            &input.join(", "),
            &format!("{} k", context / 1000),
            if is_default(model) { "default" } else { "" },
        ]);
    }
    if table.is_empty() {
        out::line("No such model. Without --provider, all are listed.");
    } else {
        out::line(table);
    }
}

fn show_status(status: &Value) {
    let mut table = Table::new(&["Provider", "State", "Key from"]);
    for provider in text::rows(status, "providers") {
        let state = match text::of(provider, "status") {
            "static" => "usable",
            "missing" => "no key",
            other => other,
        };
        table.row([text::of(provider, "provider"), state, text::of(&provider["apiKey"], "source")]);
    }
    if table.is_empty() {
        out::line(
            "No model provider is connected; the built-in demo answers. Set for example \
             ANTHROPIC_API_KEY where the gateway runs, or describe one under models.providers.",
        );
    } else {
        out::line(table);
    }
}

/// The models of a gateway, the one called `wanted` or else the default one first checked to exist.
async fn find(connected: &Connected, wanted: Option<&str>) -> anyhow::Result<String> {
    let list = connected.client.request("models.list", &json!({})).await?;
    let models = text::rows(&list, "models");
    let found = models.iter().find(|model| match wanted {
        Some(wanted) => name(model) == wanted || text::of(model, "alias") == wanted,
        None => is_default(model),
    });
    match (found, wanted) {
        (Some(model), _) => Ok(name(model)),
        (None, Some(wanted)) => {
            bail!("There is no model {wanted}. See: clawdbot models list")
        }
        (None, None) => bail!("The gateway did not say which model answers. Name one."),
    }
}

async fn set(connected: &Connected, model: &str) -> anyhow::Result<Value> {
    let model = find(connected, Some(model)).await?;
    let client = &connected.client;
    let now = client.request("config.get", &json!({})).await?;
    let raw = json!({"agents": {"defaults": {"model": {"primary": model}}}}).to_string();
    let params = json!({"raw": raw, "baseHash": now["hash"], "note": "clawdbot models set"});
    client.request("config.patch", &params).await.context("the model was not changed")
}

/// A run in a conversation of its own, which is deleted afterwards.
async fn test(connected: &mut Connected, wanted: Option<&str>) -> anyhow::Result<Value> {
    let model = find(connected, wanted).await?;
    let client = connected.client.clone();
    let label = format!("models-test-{}", uuid::Uuid::new_v4());
    let agents = client.request("agents.list", &json!({})).await?;
    let key = format!("agent:{}:{label}", text::of(&agents, "defaultId"));
    client.request("sessions.create", &json!({"key": key, "model": model})).await?;
    let tried = try_in(connected, &key).await;
    let gone = json!({"key": key, "deleteTranscript": true});
    let deleted = client.request("sessions.delete", &gone).await;
    let mut tried = tried.with_context(|| format!("{model} does not answer"))?;
    deleted?;
    tried["model"] = json!(model);
    Ok(tried)
}

async fn try_in(connected: &mut Connected, key: &str) -> anyhow::Result<Value> {
    let params = AgentParams {
        message: QUESTION.to_owned(),
        idempotency_key: uuid::Uuid::new_v4().to_string(),
        agent_id: None,
        session_key: Some(key.to_owned()),
        thinking: None,
        attachments: None,
        timeout: None,
        extra_system_prompt: None,
    };
    let begun = Instant::now();
    let mut first = None;
    let answer = agent::ask(connected, &params, |event| {
        let ours = text::of(&event.payload, "runId") == params.idempotency_key;
        if ours && event.event == "chat" && first.is_none() {
            first = Some(begun.elapsed());
        }
    })
    .await?;
    let total = begun.elapsed();
    let result = &answer["result"];
    let said = text::rows(result, "payloads").first().map(|payload| text::of(payload, "text"));
    Ok(json!({
        "ok": true,
        "model": null,
        "firstTextMs": first.unwrap_or(total).as_millis(),
        "totalMs": total.as_millis(),
        "text": said.unwrap_or_default(),
        "usage": result["meta"]["agentMeta"]["usage"],
    }))
}
