//! `clawdbot tui`: a conversation in the terminal.
//!
//! [`state::State`] is all there is to see. It changes by messages ([`Msg`]) alone and answers what
//! is to be done ([`Effect`]); it asks nobody and waits for nothing. [`view`] draws it, [`link`]
//! does what it wants done and keeps the connection.

mod keys;
mod link;
mod state;
#[cfg(test)]
mod tests;
mod transcript;
mod view;

use std::io::IsTerminal as _;
use std::time::Duration;

use clawdbot_config::{Env, Paths};
use clawdbot_protocol::Scope;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, DisableBracketedPaste, EnableBracketedPaste, KeyEventKind};
use ratatui::crossterm::execute;
use tokio::sync::mpsc;

use crate::connection::{self, ConnectionArgs};
use crate::exit::Usage;
use state::{Effect, Msg, State};

/// Talk to the assistant in the terminal
#[derive(Debug, clap::Args)]
pub(crate) struct TuiArgs {
    /// Conversation to open [default: the main one]
    #[arg(long, value_name = "KEY")]
    pub(crate) session: Option<String>,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

const SCOPES: [Scope; 4] = [Scope::Read, Scope::Write, Scope::Approvals, Scope::Admin];
/// How often the clock in the status line moves on.
const TICK: Duration = Duration::from_secs(1);
/// How long the keyboard is waited for before looking whether anybody still listens.
const POLL: Duration = Duration::from_millis(100);
/// Messages that may wait to be drawn.
const MAX_WAITING: usize = 1024;

pub(crate) fn run(args: &TuiArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(
            Usage("This needs a terminal. Without one, use: clawdbot agent --message …").into()
        );
    }
    let options = connection::options(&args.connection, paths, env, &SCOPES)?;
    let colours = env.get("NO_COLOR").is_none_or(str::is_empty);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // A gateway that cannot be reached at all is said in the terminal, not on a screen.
        let connected = Box::pin(clawdbot_client::Client::connect(options.clone())).await?;
        let mut terminal = ratatui::try_init()?;
        let _ = execute!(std::io::stdout(), EnableBracketedPaste);
        let (messages, inbox) = mpsc::channel(MAX_WAITING);
        keyboard(messages.clone());
        let link = link::start(connected, options, paths.home.clone(), messages);
        let state = State::new(args.session.clone());
        let result = show(&mut terminal, state, inbox, link, colours).await;
        let _ = execute!(std::io::stdout(), DisableBracketedPaste);
        ratatui::restore();
        result
    })
}

/// Draws, waits, changes, until the person has enough.
async fn show(
    terminal: &mut DefaultTerminal,
    mut state: State,
    mut inbox: mpsc::Receiver<Msg>,
    link: mpsc::UnboundedSender<Effect>,
    colours: bool,
) -> anyhow::Result<()> {
    let mut tick = tokio::time::interval(TICK);
    loop {
        terminal.draw(|frame| {
            view::draw(frame, &mut state);
            if !colours {
                view::without_colours(frame);
            }
        })?;
        let mut msg = tokio::select! {
            msg = inbox.recv() => msg,
            _ = tick.tick() => Some(Msg::Tick),
        };
        // Everything that is here already is drawn at once.
        while let Some(next) = msg {
            for effect in state.update(next) {
                match effect {
                    Effect::Quit => return Ok(()),
                    Effect::Fail(error) => anyhow::bail!(error),
                    effect => {
                        let _ = link.send(effect);
                    }
                }
            }
            msg = inbox.try_recv().ok();
        }
    }
}

/// Reads the keyboard on a thread of its own, which ends soon after the screen.
fn keyboard(messages: mpsc::Sender<Msg>) {
    std::thread::spawn(move || {
        while !messages.is_closed() {
            let msg = match event::poll(POLL).and_then(|some| some.then(event::read).transpose()) {
                Ok(Some(event::Event::Key(key))) if key.kind != KeyEventKind::Release => {
                    Msg::Key(key)
                }
                Ok(Some(event::Event::Paste(text))) => Msg::Paste(text),
                Ok(Some(event::Event::Resize(..))) => Msg::Tick,
                Ok(_) => continue,
                Err(_) => return,
            };
            if messages.blocking_send(msg).is_err() {
                return;
            }
        }
    });
}
