//! Why no gateway starts in the app, in the person's language. The command line has words of its
//! own, because other things can be done there.

mod en;
mod es;
mod findings;
mod fr;

use std::path::Path;

use clawdbot_config::ConfigError;
use clawdbot_gateway::StartError;

use crate::settings::Language;
use crate::words::Words;

/// Of a gateway on this computer that does not start.
pub(crate) fn of_start(error: &StartError, language: Language) -> Words {
    if let StartError::Config(error) = error {
        return of_config(error, language);
    }
    let (message, remedy) = match language {
        Language::En => en::start(error),
        Language::Fr => fr::start(error),
        Language::Es => es::start(error),
    };
    Words::short(message, remedy)
}

/// Of a configuration that cannot be used: every place in the file, and what is wrong there.
pub(crate) fn of_config(error: &ConfigError, language: Language) -> Words {
    let text = Config::of(language);
    let name = error.path.file_name().map(Path::new).unwrap_or(&error.path);
    let mut headline = name.display().to_string();
    if let Some(first) = error.issues.first() {
        let gap = if (text.place)(first).is_empty() { text.colon } else { ", " };
        headline = headline + gap + &findings::line(first, language);
    }
    let lines = error.issues.iter().map(|issue| format!("\n  {}", findings::line(issue, language)));
    let remedy = match &error.last_good {
        Some(copy) => {
            (text.go_back)(&copy.display().to_string(), &error.path.display().to_string())
        }
        None => text.mend.to_owned(),
    };
    Words {
        headline,
        message: (text.refused)(&error.path.display().to_string()) + &lines.collect::<String>(),
        remedy: Some(remedy),
    }
}

/// What is said around a place in the configuration.
struct Config {
    /// Line and column, and the key, as far as they are known.
    place: fn(&clawdbot_config::Issue) -> String,
    colon: &'static str,
    refused: fn(&str) -> String,
    mend: &'static str,
    /// From the copy of the last version that worked to the file.
    go_back: fn(&str, &str) -> String,
}

impl Config {
    fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &en::CONFIG,
            Language::Fr => &fr::CONFIG,
            Language::Es => &es::CONFIG,
        }
    }
}

/// Where an issue is, with the language's words for line and column.
fn place(issue: &clawdbot_config::Issue, line: &str, column: &str) -> String {
    let place = match (issue.line, issue.column) {
        (Some(at), Some(character)) => format!("{line} {at}, {column} {character}"),
        _ => String::new(),
    };
    let parts = [place.as_str(), issue.path.as_str()];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use std::io;

    use clawdbot_config::{ConfigError, Finding, Issue, PathsError, WeakSecret};

    use super::*;

    fn config(issues: Vec<Issue>, last_good: Option<&str>) -> StartError {
        let path = "/home/me/.clawdbot/clawdbot.json".into();
        StartError::Config(ConfigError { issues, path, last_good: last_good.map(Into::into) })
    }

    fn issue() -> Issue {
        let path = "gateway.port".to_owned();
        Issue { path, finding: Finding::KeyTwice, line: Some(3), column: Some(7) }
    }

    #[test]
    fn a_broken_configuration_is_told_with_place_and_way_out_in_each_language() {
        for (language, headline, message, remedy) in [
            (
                Language::En,
                "clawdbot.json, line 3, column 7, gateway.port: this key stands twice; keep one of them",
                "/home/me/.clawdbot/clawdbot.json cannot be used; it was left unchanged.\n  line 3, column 7, gateway.port: this key stands twice; keep one of them",
                "Mend these places, then restart the gateway.",
            ),
            (
                Language::Fr,
                "clawdbot.json, ligne 3, colonne 7, gateway.port : cette clé est là deux fois ; n’en gardez qu’une",
                "/home/me/.clawdbot/clawdbot.json est inutilisable et n’a pas été modifié.\n  ligne 3, colonne 7, gateway.port : cette clé est là deux fois ; n’en gardez qu’une",
                "Corrigez ces endroits, puis redémarrez la passerelle.",
            ),
            (
                Language::Es,
                "clawdbot.json, línea 3, columna 7, gateway.port: esta clave está dos veces; deja solo una",
                "/home/me/.clawdbot/clawdbot.json no se puede usar y no se ha modificado.\n  línea 3, columna 7, gateway.port: esta clave está dos veces; deja solo una",
                "Corrige estos puntos y reinicia el gateway.",
            ),
        ] {
            let words = of_start(&config(vec![issue()], None), language);
            assert_eq!((words.headline.as_str(), words.message.as_str()), (headline, message));
            assert_eq!(words.remedy.as_deref(), Some(remedy));
            let words = of_start(&config(vec![issue()], Some("/g.bak")), language);
            let command = "cp '/g.bak' '/home/me/.clawdbot/clawdbot.json'";
            assert!(words.remedy.is_some_and(|remedy| remedy.ends_with(command)));
        }
    }

    #[test]
    fn every_failure_is_told_in_three_languages_with_one_thing_to_do() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let address = "127.0.0.1:18789".parse().unwrap();
        let paths = [
            PathsError::NotAbsolute("x".into()),
            PathsError::Symlink("/x".into()),
            PathsError::NotADirectory("/x".into()),
            PathsError::WorldWritable { path: "/x".into(), mode: 0o777 },
            PathsError::ForeignOwner { path: "/x".into(), owner: 1, me: 2 },
            PathsError::Io { path: "/x".into(), source: denied() },
        ];
        let secrets =
            [WeakSecret::Blank, WeakSecret::Placeholder, WeakSecret::TooShort { found: 3 }];
        let weak = |source| StartError::WeakSecret { bind: "lan", kind: "token", source };
        let mut errors = vec![
            config(vec![issue()], None),
            StartError::ModeNotLocal("unset"),
            StartError::AlreadyRunning { pid: 7, address: None },
            StartError::PortTaken { address, holder: None },
            StartError::Bind { address, source: denied() },
            StartError::ExposedWithoutAuth("lan"),
            StartError::TwoWaysIn,
            StartError::HookToken,
            StartError::PasswordMissing,
            StartError::PublishedBind("serve"),
            StartError::FunnelWithoutPassword,
            StartError::SaveToken { path: "/x".into(), source: denied() },
            StartError::EditToken(clawdbot_config::EditError::NotFaithful),
            StartError::Lock { path: "/x".into(), source: denied() },
            StartError::DeviceKey { path: "/x".into(), source: denied() },
        ];
        errors.extend(paths.map(StartError::Paths));
        errors.extend(secrets.map(weak));
        for error in errors {
            let said = Language::ALL.map(|language| of_start(&error, language));
            for words in &said {
                assert!(!words.headline.contains('\n'), "{words:?}");
                assert!(
                    words.remedy.as_ref().is_some_and(|remedy| !remedy.is_empty()),
                    "{words:?}"
                );
                // Of the command line only.
                assert!(!words.to_string().contains("--"), "{words:?}");
            }
            for (one, other) in [(0, 1), (1, 2), (0, 2)] {
                assert_ne!(said[one].message, said[other].message);
                assert_ne!(said[one].remedy, said[other].remedy);
            }
        }
    }
}
