//! What the command line asks of the app.

use crate::outside;

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
    /// Reads the arguments after the program's name. Unknown ones are left alone:
    /// desktops add their own.
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
    use super::Launch;

    fn parse(args: &[&str]) -> Launch {
        Launch::parse(args.iter().map(|arg| (*arg).to_owned()))
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
