//! What `ssh` is started through, as the shipped programs do it. With three arguments it is a
//! process that holds a tunnel, to be killed: ssh configuration, scratch directory, port.

use std::error::Error;
use std::process::ExitCode;

use clawdbot_remote::helper;
use clawdbot_remote::ssh::{Spec, Ssh, Tunnel};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    if let Some(code) = helper::run(|name| std::env::var_os(name), std::env::args_os().skip(1)) {
        return Ok(code);
    }
    hold()?;
    Ok(ExitCode::SUCCESS)
}

#[tokio::main]
async fn hold() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [me, config, scratch, port] = args.as_slice() else { return Err("usage".into()) };
    let ssh = Ssh::find([("PATH", "/usr/bin:/bin")].into_iter(), me.into())?
        .with_config(config.into())
        .with_scratch(scratch.into());
    let spec = Spec { destination: "box".parse()?, identity: None, remote_port: port.parse()? };
    let (_tunnel, _questions) = Tunnel::start(ssh, spec)?;
    std::future::pending().await
}
