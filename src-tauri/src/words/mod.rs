//! Sentences for people, in each language of the app.

mod es;
mod fr;

use std::fmt;
use std::sync::Arc;

use crate::bridge::BridgeError;
use crate::diagnostics::DiagnosticsError;
use crate::links::LinkError;

use crate::settings::{Language, SettingsError};

/// What happened and the one thing to do about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// In a few words, for the tray.
    pub(crate) headline: String,
    /// The cause, whole.
    pub(crate) message: String,
    pub(crate) remedy: Option<String>,
}

impl Words {
    /// A cause that is short enough to be its own headline.
    pub(crate) fn short(message: String, remedy: String) -> Self {
        Self { headline: message.clone(), message, remedy: Some(remedy) }
    }

    /// A state that is no trouble.
    pub(crate) fn state(headline: &str) -> Self {
        Self { headline: headline.to_owned(), ..Self::default() }
    }

    /// One sentence or more in which everything is said.
    pub(crate) fn whole(message: String) -> Self {
        Self { headline: message.clone(), message, remedy: None }
    }
}

/// Everything in one text, for where there is room for one only.
impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = if self.message.is_empty() { &self.headline } else { &self.message };
        f.write_str(said)?;
        let gap = if said.contains('\n') { '\n' } else { ' ' };
        self.remedy.as_ref().map_or(Ok(()), |remedy| write!(f, "{gap}{remedy}"))
    }
}

/// The same in each language, so that another one can be chosen after it was said. The log has it in
/// English.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said(Arc<InEach>);

#[derive(Debug, Default, PartialEq, Eq)]
struct InEach {
    en: Words,
    fr: Words,
    es: Words,
}

impl Said {
    /// Says it in each language.
    pub(crate) fn of(say: impl Fn(Language) -> Words) -> Self {
        let (en, fr, es) = (say(Language::En), say(Language::Fr), say(Language::Es));
        Self(Arc::new(InEach { en, fr, es }))
    }

    pub(crate) fn in_language(&self, language: Language) -> &Words {
        match language {
            Language::En => &self.0.en,
            Language::Fr => &self.0.fr,
            Language::Es => &self.0.es,
        }
    }
}

/// Of a link that stays in the app.
pub(crate) fn of_link(error: &LinkError, language: Language) -> Words {
    Words::whole(match language {
        Language::En => error.to_string(),
        Language::Fr => fr::link(error),
        Language::Es => es::link(error),
    })
}

/// Of settings that stay as they were.
pub(crate) fn of_settings(error: &SettingsError, language: Language) -> Words {
    Words::whole(match language {
        Language::En => error.to_string(),
        Language::Fr => fr::settings(error),
        Language::Es => es::settings(error),
    })
}

/// Of help that could not be had.
pub(crate) fn of_diagnostics(error: &DiagnosticsError, language: Language) -> Words {
    Words::whole(match language {
        Language::En => error.to_string(),
        Language::Fr => fr::diagnostics(error),
        Language::Es => es::diagnostics(error),
    })
}

/// Of a frame that did not reach the gateway.
pub(crate) fn of_bridge(error: &BridgeError, language: Language) -> Words {
    match (error, language) {
        (BridgeError::NoGateway(failure), _) => failure.said.in_language(language).clone(),
        (other, Language::En) => Words::whole(other.to_string()),
        (other, Language::Fr) => Words::whole(fr::bridge(other).to_owned()),
        (other, Language::Es) => Words::whole(es::bridge(other).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::host::Failure;

    #[test]
    fn what_was_said_can_be_read_in_each_language() {
        let said = Said::of(|language| Words::short(format!("{language:?}"), "!".to_owned()));
        for (language, text) in Language::ALL.into_iter().zip(["En !", "Fr !", "Es !"]) {
            assert_eq!(said.in_language(language).to_string(), text);
        }
        assert_eq!(Words::state("Ready").to_string(), "Ready");
        let lines = Words::short("One.\n  two".to_owned(), "Three.".to_owned());
        assert_eq!(lines.to_string(), "One.\n  two\nThree.");
    }

    fn different(say: impl Fn(Language) -> Words) {
        let Said(said) = Said::of(say);
        assert!(!said.en.message.is_empty());
        assert_ne!(said.en, said.fr);
        assert_ne!(said.fr, said.es);
        assert_ne!(said.en, said.es);
    }

    #[test]
    fn every_failure_of_a_command_is_told_in_three_languages() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let json = || serde_json::from_str::<u8>("x").unwrap_err();
        for error in [
            LinkError::Malformed,
            LinkError::Scheme,
            LinkError::Credentials,
            LinkError::MailField,
            LinkError::Open(denied()),
        ] {
            different(|language| of_link(&error, language));
        }
        for error in [
            SettingsError::Patch(json()),
            SettingsError::Shortcut("K".to_owned()),
            SettingsError::Write { path: "/x".into(), source: denied() },
            SettingsError::Login(crate::login::LoginError::Mend(denied())),
            SettingsError::Ended,
        ] {
            different(|language| of_settings(&error, language));
        }
        for error in [
            DiagnosticsError::Log { path: "/x".into(), source: denied() },
            DiagnosticsError::Write { path: "/x".into(), source: denied() },
            DiagnosticsError::Pack(denied().into()),
            DiagnosticsError::Describe("about.json", json()),
            DiagnosticsError::TooLong,
            DiagnosticsError::Open { path: "/x".into(), source: denied() },
            DiagnosticsError::Ended,
        ] {
            different(|language| of_diagnostics(&error, language));
        }
        let failure = Failure::new("X", |language| Words::state(&format!("{language:?}")));
        let no_gateway = BridgeError::NoGateway(failure);
        assert_eq!(of_bridge(&no_gateway, Language::Fr).to_string(), "Fr");
        for error in [BridgeError::NotOpen, BridgeError::Busy, BridgeError::TooLarge] {
            different(|language| of_bridge(&error, language));
        }
    }
}
