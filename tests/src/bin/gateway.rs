//! The gateway library as a process of its own, for tests that kill it. `CLAWDBOT_BIN` makes those
//! tests use the shipped program instead.
#![expect(clippy::print_stdout, reason = "the line tells the test where it listens")]

use std::error::Error;
use std::time::Duration;

use clawdbot_config::{Env, LogLevel, Paths};
use clawdbot_gateway::{Gateway, Listen, Options, logging};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, command, flag, port, rest] = args.as_slice() else { return Err("usage".into()) };
    if (command.as_str(), flag.as_str(), rest.as_str())
        != ("gateway", "--port", "--allow-unconfigured")
    {
        return Err("usage: gateway --port N --allow-unconfigured".into());
    }
    let env = Env::from_process();
    let paths = Paths::resolve(&env, None);
    paths.prepare()?;
    let _log = logging::init(&paths.log_file, LogLevel::Info, None)?;
    let options = Options {
        listen: Listen::Port(port.parse()?),
        allow_unconfigured: true,
        ..Options::default()
    };
    let gateway = Gateway::builder(paths, env).options(options).start().await?;
    let address = gateway.status().borrow().address.ok_or("no address")?;
    println!("listening on ws://{address} (PID {})", std::process::id());
    signal(SignalKind::terminate())?.recv().await;
    gateway.shutdown(Duration::from_secs(1)).await;
    Ok(())
}
