//! `clawdbot onboard`: from nothing to a gateway that answers, here or on a server.

mod far;
mod parcel;
mod server;

use std::io::IsTerminal as _;

use clawdbot_agent::provider_choices;
use clawdbot_config::{Document, Env, Loaded, Paths};
use clawdbot_remote::ssh::{Destination, Identity};
use dialoguer::{Confirm, Input, Password, Select};
use serde_json::{Value, json};

use crate::exit::Usage;
use crate::service::{self, Own};
use crate::tunnel::TunnelError;
use crate::{config, out};

pub(crate) use server::MoveError;

/// Set up this computer: settings, model, access, service; or move the assistant to a server
#[derive(Debug, clap::Args)]
pub(crate) struct OnboardArgs {
    /// Ask nothing; take what the flags and the environment say
    #[arg(long)]
    non_interactive: bool,
    /// What clients present; a password is taken from CLAWDBOT_GATEWAY_PASSWORD
    #[arg(long, value_enum)]
    auth: Option<crate::args::AuthArg>,
    /// The model to use, as provider/model
    #[arg(long)]
    model: Option<String>,
    /// Install the gateway as a service
    #[arg(long, conflicts_with = "server")]
    install_service: bool,
    /// Move the assistant with all that it knows to user@host, user@host:port or an alias from
    /// ~/.ssh/config, and use it there from now on
    #[arg(long, value_name = "TARGET")]
    server: Option<String>,
    /// Private key file for the server
    #[arg(long, short, value_name = "FILE")]
    identity: Option<String>,
    /// Set aside what is on the server already
    #[arg(long)]
    replace: bool,
}

/// What was decided, before anything is written.
struct Plan {
    auth: &'static str,
    password: Option<String>,
    model: Option<Model>,
    service: bool,
}

struct Model {
    reference: String,
    /// The provider and the key that was typed for it.
    key: Option<(String, String)>,
}

pub(crate) fn run(args: &OnboardArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let loaded = Document::load(&paths.config, env)?;
    if !args.non_interactive && !std::io::stdin().is_terminal() {
        return Err(Usage("Nobody can be asked here. Add --non-interactive.").into());
    }
    let server = match &args.server {
        None if !args.non_interactive => ask_server()?,
        named => named.clone(),
    };
    let Some(server) = server else {
        if args.identity.is_some() || args.replace {
            return Err(Usage("Use --identity and --replace with --server.").into());
        }
        return here(args, &loaded, paths, env);
    };
    let order = order(args, &server)?;
    server::check(&loaded)?;
    let is_set_up = loaded.config.gateway.mode.is_some();
    if !is_set_up || args.auth.is_some() || args.model.is_some() {
        let plan = plan(args, &loaded, (paths, env), true)?;
        carry_out(&plan, paths, env)?;
    }
    server::run(&order, paths, env)
}

/// Sets up this computer.
fn here(args: &OnboardArgs, loaded: &Loaded, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let plan = plan(args, loaded, (paths, env), false)?;
    let model = carry_out(&plan, paths, env)?;
    out::done("Gateway configured successfully");
    out::done("Channels configured: none (this version connects none)");
    out::done(format_args!("AI model configured: {model}"));
    if plan.service {
        service::install(paths, env, false)?;
    } else {
        out::line(
            "Start it with `clawdbot gateway`, or as a service with `clawdbot gateway install`.",
        );
    }
    out::line("Then open WebChat: clawdbot web");
    Ok(())
}

fn order(args: &OnboardArgs, server: &str) -> anyhow::Result<server::Move> {
    let identity = args.identity.as_ref().map(|path| path.parse::<Identity>()).transpose();
    Ok(server::Move {
        destination: server.parse::<Destination>().map_err(TunnelError::from)?,
        identity: identity.map_err(TunnelError::from)?,
        replace: args.replace,
        asks: !args.non_interactive,
    })
}

/// Where the assistant shall run; `None` is here.
fn ask_server() -> anyhow::Result<Option<String>> {
    let places = ["On this computer", "On a server that is reached through SSH"];
    let prompt = "Where shall the assistant run?";
    let chosen = Select::new().with_prompt(prompt).items(places).default(0).interact()?;
    if chosen == 0 {
        return Ok(None);
    }
    let server = Input::<String>::new()
        .with_prompt("Server (user@host, or an alias from ~/.ssh/config)")
        .validate_with(|text: &String| text.trim().parse::<Destination>().map(drop))
        .interact_text()?;
    Ok(Some(server.trim().to_owned()))
}

fn plan(
    args: &OnboardArgs,
    loaded: &Loaded,
    host: (&Paths, &Env),
    moves: bool,
) -> anyhow::Result<Plan> {
    if args.non_interactive { unasked(args, loaded) } else { asked(args, loaded, host, moves) }
}

fn unasked(args: &OnboardArgs, loaded: &Loaded) -> anyhow::Result<Plan> {
    let auth = match args.auth {
        Some(crate::args::AuthArg::Token) => "token",
        Some(crate::args::AuthArg::Password) => "password",
        None => service::auth_mode(loaded),
    };
    let known = loaded.config.gateway.auth.password.is_some()
        || loaded.env.product("GATEWAY_PASSWORD").is_some();
    if auth == "password" && !known {
        return Err(Usage("Set CLAWDBOT_GATEWAY_PASSWORD for --auth password.").into());
    }
    let model = args.model.clone().map(|reference| Model { reference, key: None });
    Ok(Plan { auth, password: None, model, service: args.install_service })
}

fn asked(
    args: &OnboardArgs,
    loaded: &Loaded,
    (paths, env): (&Paths, &Env),
    moves: bool,
) -> anyhow::Result<Plan> {
    let place = if moves { "on the server" } else { "on this computer" };
    out::line(format_args!(
        "Clawdbot will run {place}. Nothing is written before the last answer."
    ));
    let kinds = ["A token that is made up for you (recommended)", "A password of yours"];
    let by_password = service::auth_mode(loaded) == "password";
    let chosen = Select::new()
        .with_prompt("What shall clients present?")
        .items(kinds)
        .default(usize::from(by_password))
        .interact()?;
    let auth = if chosen == 1 { "password" } else { "token" };
    let known = loaded.env.product("GATEWAY_PASSWORD").is_some();
    let password = if chosen == 1 && !known {
        let prompt = Password::new()
            .with_prompt("Password")
            .with_confirmation("Once more", "These differ; try again");
        Some(prompt.interact()?)
    } else {
        None
    };
    let model = match &args.model {
        Some(reference) => Some(Model { reference: reference.clone(), key: None }),
        None => ask_model(loaded)?,
    };
    let can_serve = !moves && Own::new(paths, env)?.service.available().is_ok();
    let service = can_serve
        && Confirm::new()
            .with_prompt("Let the gateway start by itself and run in the background?")
            .default(true)
            .interact()?;
    Ok(Plan { auth, password, model, service })
}

fn ask_model(loaded: &Loaded) -> anyhow::Result<Option<Model>> {
    let found = clawdbot_gateway::default_model(loaded);
    let choices: Vec<_> = provider_choices()
        .into_iter()
        .filter(|choice| choice.needs_key && !choice.models.is_empty())
        .collect();
    let mut items = vec![format!("Keep {found}")];
    items.extend(choices.iter().map(|choice| format!("{} (with a key)", choice.id)));
    let chosen = Select::new()
        .with_prompt("Which model shall answer?")
        .items(&items)
        .default(0)
        .interact()?;
    let Some(choice) = chosen.checked_sub(1).and_then(|index| choices.get(index)) else {
        return Ok(None);
    };
    let key = Password::new().with_prompt(format!("Key of {}", choice.id)).interact()?;
    let names: Vec<&str> = choice.models.iter().map(|(_, name)| *name).collect();
    let index = Select::new().with_prompt("Model").items(&names).default(0).interact()?;
    let id = choice.models.get(index).map_or("", |(id, _)| *id);
    let reference = format!("{}/{id}", choice.id);
    Ok(Some(Model { reference, key: Some((choice.id.to_owned(), key)) }))
}

/// Writes what was decided and answers with the model that will be used.
fn carry_out(plan: &Plan, paths: &Paths, env: &Env) -> anyhow::Result<String> {
    let save = |path: &[&str], value: Value| config::save(paths, env, path, Some(value));
    save(&["gateway", "mode"], json!("local"))?;
    if let Some(password) = &plan.password {
        save(&["gateway", "auth", "password"], json!(password))?;
    }
    let mut loaded = save(&["gateway", "auth", "mode"], json!(plan.auth))?;
    let has_token =
        loaded.config.gateway.auth.token.is_some() || loaded.env.product("GATEWAY_TOKEN").is_some();
    if plan.auth == "token" && !has_token {
        loaded = save(&["gateway", "auth", "token"], json!(clawdbot_gateway::new_secret()))?;
    }
    if let Some(model) = &plan.model {
        if let Some((provider, key)) = &model.key {
            save(&["models", "providers", provider, "apiKey"], json!(key))?;
        }
        let path = ["agents", "defaults", "model", "primary"];
        loaded = save(&path, json!(model.reference))?;
    }
    Ok(clawdbot_gateway::default_model(&loaded))
}
