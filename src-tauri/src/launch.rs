//! What the command line asks of the app.

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::{outside, uninstall};

const USAGE: &str = "\
Usage: clawdbot-desktop [--open] [--hidden] [--no-tray] [LINK]
       clawdbot-desktop --uninstall

  --open       show WebChat at once
  --hidden     stay in the tray, as at login
  --no-tray    a window instead of the tray icon; the app ends with it
  --uninstall  take back what the app has put elsewhere, and say what stays
  --version    print the version
  --help       print this
  LINK         a clawdbot:// link, which is shown before anything is done
";

/// What is said to a command line instead of starting.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Help,
    Version,
    /// An argument that means nothing here.
    Unknown(String),
}

impl Answer {
    /// The answer to these arguments; none when the app is to start.
    pub(crate) fn to(args: impl IntoIterator<Item = String>) -> Option<Self> {
        args.into_iter().skip(1).find_map(|arg| match arg.as_str() {
            "--help" | "-h" => Some(Self::Help),
            "--version" | "-V" => Some(Self::Version),
            "--open" | "--hidden" | "--no-tray" | uninstall::ARGUMENT | "" => None,
            // The Finder of older systems adds one of its own.
            finder if finder.starts_with("-psn_") => None,
            link if outside::is_link(link) => None,
            _ => Some(Self::Unknown(arg)),
        })
    }

    /// Gives it, where there is somebody to read it.
    pub(crate) fn give(&self) -> ExitCode {
        let _ = match self {
            Self::Help => io::stdout().write_all(USAGE.as_bytes()),
            Self::Version => {
                writeln!(io::stdout(), "clawdbot-desktop {}", env!("CARGO_PKG_VERSION"))
            }
            Self::Unknown(arg) => {
                writeln!(io::stderr(), "clawdbot-desktop does not know {arg:?}.\n\n{USAGE}")
            }
        };
        if matches!(self, Self::Unknown(_)) { ExitCode::from(2) } else { ExitCode::SUCCESS }
    }
}

/// The app's whole command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Launch {
    /// `--open`: show WebChat at once.
    pub(crate) open: bool,
    /// `--hidden`: started at login, so stay in the tray whatever happens.
    pub(crate) hidden: bool,
    /// `--no-tray`: a window instead of the tray icon; the app ends with it.
    pub(crate) no_tray: bool,
    /// A `clawdbot://` link, which is shown and not obeyed.
    pub(crate) link: Option<String>,
}

impl Launch {
    /// Reads the arguments after the program's name. Unknown ones are left alone: who hands a start
    /// over may send anything.
    pub(crate) fn parse(args: impl IntoIterator<Item = String>) -> Self {
        args.into_iter().skip(1).fold(Self::default(), |launch, arg| match arg.as_str() {
            "--open" => Self { open: true, ..launch },
            "--hidden" => Self { hidden: true, ..launch },
            "--no-tray" => Self { no_tray: true, ..launch },
            link if outside::is_link(link) => Self { link: Some(arg), ..launch },
            _ => launch,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Launch};

    fn parse(args: &[&str]) -> Launch {
        Launch::parse(args.iter().map(|arg| (*arg).to_owned()))
    }

    #[test]
    fn questions_are_answered_and_what_means_nothing_is_refused() {
        let answer = |args: &[&str]| Answer::to(args.iter().map(|arg| (*arg).to_owned()));
        assert_eq!(answer(&["--help"]), None);
        assert_eq!(answer(&["app", "--hidden", "-psn_0_1", "", "clawdbot://x"]), None);
        assert_eq!(answer(&["app", "--open", "--help"]), Some(Answer::Help));
        assert_eq!(answer(&["app", "--version"]), Some(Answer::Version));
        for unknown in ["--nonsense", "file.txt", "--opens"] {
            assert_eq!(answer(&["app", unknown]), Some(Answer::Unknown(unknown.to_owned())));
        }
    }

    #[test]
    fn flags_are_read_after_the_program_name() {
        assert_eq!(parse(&["--open"]), Launch::default());
        assert_eq!(parse(&["app", "--open"]), Launch { open: true, ..Launch::default() });
        let link = Some("clawdbot://session?key=a".to_owned());
        let linked = Launch { link: link.clone(), ..Launch::default() };
        assert_eq!(parse(&["app", "clawdbot://session?key=a"]), linked);
        let both = Launch { hidden: true, no_tray: true, ..Launch::default() };
        assert_eq!(parse(&["app", "-psn_0_1", "--hidden", "--no-tray"]), both);
    }
}
