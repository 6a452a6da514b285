//! `clawdbot`: the gateway for servers, and the command line for any gateway.

mod args;
mod call;
mod config;
mod connection;
mod devices;
mod exit;
mod force;
mod gateway;
mod health;
mod out;
mod web;

use std::process::ExitCode;

use clap::Parser as _;
use clawdbot_config::{Env, Paths};

use crate::args::{Args, Command, GatewayArgs, GatewayCommand};

fn main() -> ExitCode {
    let args = Args::parse();
    let env = Env::from_process();
    let paths = Paths::resolve(&env, args.profile.as_deref());
    let result = match args.command {
        Command::Gateway(GatewayArgs { command: Some(GatewayCommand::Call(args)), .. }) => {
            call::run(&args, &paths, &env)
        }
        Command::Gateway(args) => gateway::run(args, paths, env),
        Command::Config(args) => config::run(args, &paths, &env),
        Command::Health(args) => health::run(&args, &paths, &env),
        Command::Devices(args) => devices::run(&args, &paths, &env),
        Command::Web => web::run(&paths, &env),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}
