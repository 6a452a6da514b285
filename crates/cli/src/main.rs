//! `clawdbot`: the gateway for servers, and the command line for any gateway.

mod agent;
mod app_secret;
mod approvals;
mod args;
mod attachment;
mod call;
mod channels;
mod completion;
mod config;
mod connection;
mod cron;
mod devices;
mod doctor;
mod exit;
mod gateway;
mod health;
mod identity;
mod logs;
mod man;
mod message;
mod models;
mod nodes;
mod onboard;
mod out;
mod probe;
mod reset;
mod service;
mod sessions;
mod skills;
mod status;
mod system;
mod table;
mod tailnet;
mod text;
mod transcript;
mod tui;
mod tunnel;
mod update;
mod web;
mod when;

use std::process::ExitCode;

use clap::Parser as _;
use clawdbot_config::{Env, Paths};
use clawdbot_remote::helper;

use crate::args::{Args, Command, GatewayArgs, GatewayCommand};

/// A run makes many small objects on several threads, on which the system's allocator spends a fifth
/// of its processor time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let helper = helper::run(|name| std::env::var_os(name), std::env::args_os().skip(1));
    if let Some(code) = helper {
        return code;
    }
    let args = Args::parse();
    let mut env = Env::from_process();
    let paths = match &args.command {
        Command::Gateway(args) if args.dev => Paths::dev(&env),
        _ => Paths::resolve(&env, args.profile.as_deref()),
    };
    if let Err(error) = env.add_file(&paths.state_dir.join(".env")) {
        out::error(format_args!("warning: {error}"));
    }
    let result = match args.command {
        Command::Gateway(args) => gateway(args, paths, env),
        Command::Config(args) => config::run(args, &paths, &env),
        Command::Health(args) => health::run(&args, &paths, &env),
        Command::Devices(args) => devices::run(&args, &paths, &env),
        Command::Agent(args) => agent::run(&args, &paths, &env),
        Command::Tui(args) => tui::run(&args, &paths, &env),
        Command::Message(args) => message::run(&args, &paths, &env),
        Command::Sessions(args) => sessions::run(&args, &paths, &env),
        Command::Logs(args) => logs::run(&args, &paths, &env),
        Command::Models(args) => models::run(&args, &paths, &env),
        Command::Channels(args) => channels::run(&args, &paths, &env),
        Command::Nodes(args) => nodes::run(&args, &paths, &env),
        Command::Cron(args) => cron::run(&args, &paths, &env),
        Command::Skills(args) => skills::run(&args, &paths, &env),
        Command::Approvals(args) => approvals::run(&args, &paths, &env),
        Command::System(args) => system::run(&args, &paths, &env),
        Command::Status(args) => status::run(&args, &paths, &env),
        Command::Web(args) => web::run(&args, &paths, &env),
        Command::Tunnel(args) => tunnel::run(&args, &paths, &env),
        Command::Onboard(args) => onboard::run(&args, &paths, &env),
        Command::Doctor(args) => doctor::run(&args, &paths, &env),
        Command::Security(args) => doctor::audit(&args, &paths, &env),
        Command::Reset(args) => reset::run(&args, &paths),
        Command::Update(args) => update::run(&args),
        Command::Completion { shell } => completion::run(shell),
        Command::Man { directory } => man::run(&directory),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}

fn gateway(args: GatewayArgs, paths: Paths, env: Env) -> anyhow::Result<()> {
    match &args.command {
        None => gateway::run(&args, paths, env),
        // A system unit may start it in either way; a service must not start a service.
        Some(GatewayCommand::Start) if service::is_unit(&env) => gateway::run(&args, paths, env),
        Some(GatewayCommand::Call(args)) => call::run(args, &paths, &env),
        Some(GatewayCommand::Install { replace, system: false }) => {
            service::install(&paths, &env, *replace)
        }
        Some(GatewayCommand::Install { replace, system: true }) => {
            service::install_system(*replace)
        }
        Some(GatewayCommand::Uninstall { system: false }) => service::uninstall(&paths, &env),
        Some(GatewayCommand::Uninstall { system: true }) => service::uninstall_system(),
        Some(GatewayCommand::Start) => service::start(&paths, &env),
        Some(GatewayCommand::Stop) => service::stop(&paths, &env),
        Some(GatewayCommand::Restart) => service::restart(&paths, &env),
        Some(GatewayCommand::Status(args)) => service::status::run(args, &paths, &env),
        Some(GatewayCommand::Health(args)) => health::run(args, &paths, &env),
        Some(GatewayCommand::Probe(args)) => probe::run(args, &paths, &env),
    }
}
