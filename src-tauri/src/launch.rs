//! What the command line asks of the app.

/// The app's whole command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Launch {
    /// `--open`: show WebChat at once.
    pub(crate) open: bool,
    /// `--hidden`: started at login, so stay in the tray whatever happens.
    pub(crate) hidden: bool,
}

impl Launch {
    /// Reads the arguments after the program's name. Unknown ones are left alone:
    /// desktops add their own.
    pub(crate) fn parse(args: impl IntoIterator<Item = String>) -> Self {
        args.into_iter().skip(1).fold(Self::default(), |launch, arg| match arg.as_str() {
            "--open" => Self { open: true, ..launch },
            "--hidden" => Self { hidden: true, ..launch },
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
        assert_eq!(parse(&["app", "--open"]), Launch { open: true, hidden: false });
        assert_eq!(parse(&["app", "-psn_0_1", "--hidden"]), Launch { open: false, hidden: true });
    }
}
