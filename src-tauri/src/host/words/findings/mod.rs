//! What the reader of `clawdbot.json` finds wrong, in the person's language.

mod es;
mod fr;

use clawdbot_config::{Expected, Finding, Found, Issue, Range, Reason};

use crate::settings::Language;

/// What is wrong, without the place.
pub(super) fn say(finding: &Finding, language: Language) -> String {
    match language {
        Language::En => finding.to_string(),
        Language::Fr => fr::say(finding),
        Language::Es => es::say(finding),
    }
}

/// One line for an issue.
pub(super) fn line(issue: &Issue, language: Language) -> String {
    let text = super::Config::of(language);
    let place = (text.place)(issue);
    let colon = if place.is_empty() { "" } else { text.colon };
    format!("{place}{colon}{}", say(&issue.finding, language))
}

/// The words for kinds of values, and for what is said of each.
struct Kinds {
    anything: &'static str,
    one_of: &'static str,
    or: &'static str,
    address: &'static str,
    filled_text: &'static str,
    text: &'static str,
    flag: &'static str,
    list: &'static str,
    object: &'static str,
    whole: &'static str,
    number: &'static str,
    /// Both bounds, the lower one, the upper one.
    range: [&'static str; 3],
    null: &'static str,
    empty_text: &'static str,
    other_text: &'static str,
    missing: &'static str,
    denied: &'static str,
}

impl Kinds {
    fn expected(&self, expected: &Expected) -> String {
        let number = |kind: &str, range: &Range| {
            let [both, least, most] = self.range;
            let bounds = match (&range.least, &range.most) {
                (Some(low), Some(high)) => crate::phrases::fill(both, &[low, high]),
                (Some(low), None) => crate::phrases::fill(least, &[low]),
                (None, Some(high)) => crate::phrases::fill(most, &[high]),
                (None, None) => String::new(),
            };
            format!("{kind}{bounds}")
        };
        match expected {
            Expected::OneOf(values) if values.len() == 1 => values.concat(),
            Expected::OneOf(values) => format!("{} {}", self.one_of, values.join(", ")),
            Expected::Either(all) => {
                let all: Vec<_> = all.iter().map(|one| self.expected(one)).collect();
                all.join(self.or)
            }
            Expected::Whole(range) => number(self.whole, range),
            Expected::Number(range) => number(self.number, range),
            Expected::Anything => self.anything.to_owned(),
            Expected::Address => self.address.to_owned(),
            Expected::FilledText => self.filled_text.to_owned(),
            Expected::Text => self.text.to_owned(),
            Expected::Flag => self.flag.to_owned(),
            Expected::List => self.list.to_owned(),
            Expected::Object => self.object.to_owned(),
        }
    }

    fn found(&self, found: &Found) -> String {
        match found {
            Found::Flag(flag) => flag.to_string(),
            Found::Number(number) => number.clone(),
            Found::Null => self.null.to_owned(),
            Found::EmptyText => self.empty_text.to_owned(),
            Found::OtherText => self.other_text.to_owned(),
            Found::List => self.list.to_owned(),
            Found::Object => self.object.to_owned(),
        }
    }

    fn reason<'a>(&'a self, reason: &'a Reason) -> &'a str {
        match reason {
            Reason::Missing => self.missing,
            Reason::Denied => self.denied,
            Reason::Other(words) => words,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Finding> {
        let (name, path) = ("x".to_owned(), "/x".into());
        let range = Range { least: Some("1".to_owned()), most: None };
        let either = Expected::Either(vec![Expected::Text, Expected::Number(range)]);
        let issue = Issue {
            path: "a.b".to_owned(),
            finding: Finding::NoComma,
            line: Some(1),
            column: Some(2),
        };
        vec![
            Finding::Unreadable(Reason::Missing),
            Finding::Unreadable(Reason::Denied),
            Finding::More(3),
            Finding::NoObject,
            Finding::WrongType,
            Finding::TooLarge { most: 1, found: 2 },
            Finding::TooDeep(3),
            Finding::NotClosed("}"),
            Finding::SecondValue,
            Finding::NoComma,
            Finding::NoColon,
            Finding::NoValue,
            Finding::NoQuotes,
            Finding::BrokenText,
            Finding::NotJson5("x".to_owned()),
            Finding::ReservedName,
            Finding::KeyTwice,
            Finding::NumberTooLarge,
            Finding::NoKey { name: name.clone(), expected: Expected::FilledText },
            Finding::Mismatch { expected: either, found: Found::OtherText },
            Finding::Mismatch {
                expected: Expected::OneOf(vec!["1".to_owned(), "2".to_owned()]),
                found: Found::Null,
            },
            Finding::NoVariable { name, path: "a.b".to_owned() },
            Finding::SecretSource,
            Finding::IncludeType,
            Finding::IncludedNoObject,
            Finding::IncludeLoop("a → b".to_owned()),
            Finding::IncludesTooDeep(8),
            Finding::TooManyIncludes(9),
            Finding::NotIncluded { path, reason: Reason::Other("system".to_owned()) },
            Finding::IncludeOutside("/x".into()),
            Finding::IncludeForeign { path: "/x".into(), owner: 7 },
            Finding::Included { path: "/x".into(), issue: Box::new(issue) },
            Finding::CustomBind,
            Finding::TailscaleBind,
            Finding::FunnelAuth,
            Finding::ProxyAddress,
            Finding::ProxyHeader,
            Finding::NoProxy,
            Finding::ProxyAndSecret,
            Finding::LogFile,
            Finding::HookPath,
            Finding::HookToken,
            Finding::HookKey,
            Finding::GatewayAddress,
            Finding::Fingerprint,
            Finding::NoAgentId,
            Finding::AgentId,
            Finding::AgentTwice,
            Finding::Duration,
            Finding::TimeOfDay,
            Finding::ProviderName,
            Finding::ProviderAddress,
        ]
    }

    /// What has to stand in each language: keys, values and numbers.
    fn fixed(text: &str) -> Vec<&str> {
        let quoted = text.split('"').skip(1).step_by(2);
        let keys = text
            .split([' ', ',', ';', ':'])
            .filter(|word| word.contains('.') && !word.ends_with('.'));
        let mut fixed: Vec<_> = quoted.chain(keys).collect();
        fixed.sort_unstable();
        fixed
    }

    #[test]
    fn everything_that_stops_a_start_is_told_in_three_languages_with_the_same_names() {
        for finding in all() {
            let [en, fr, es] = Language::ALL.map(|language| say(&finding, language));
            assert!(en != fr && fr != es && en != es, "{en} | {fr} | {es}");
            assert_eq!(fixed(&en), fixed(&fr), "{fr}");
            assert_eq!(fixed(&en), fixed(&es), "{es}");
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_told_whole() {
        let range = Range { least: Some("1".to_owned()), most: Some("65535".to_owned()) };
        let finding =
            Finding::Mismatch { expected: Expected::Whole(range), found: Found::OtherText };
        for (language, text) in [
            (Language::En, "expected a whole number from 1 to 65535, found another text"),
            (Language::Fr, "attendu : un nombre entier de 1 à 65535 ; trouvé : un autre texte"),
            (Language::Es, "se esperaba un número entero de 1 a 65535 y hay otro texto"),
        ] {
            assert_eq!(say(&finding, language), text);
        }
        let issue = Issue { path: String::new(), finding, line: Some(2), column: Some(1) };
        let path = "/c/more.json".into();
        let included = Finding::Included { path, issue: Box::new(issue) };
        let text = say(&included, Language::Fr);
        assert!(text.starts_with("dans /c/more.json : ligne 2, colonne 1 : attendu"), "{text}");
    }
}
