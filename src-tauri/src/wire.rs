//! What the app and its window process say to each other: one JSON value on a line, each way over
//! a pipe that only the two of them have.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::settings::Language;

/// A window of the app. The capability files name the same labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Label {
    /// WebChat.
    Main,
    /// The small prompt on a shortcut.
    Quick,
}

impl Label {
    pub(crate) const ALL: [Self; 2] = [Self::Main, Self::Quick];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Quick => "quick",
        }
    }

    pub(crate) fn parse(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == label)
    }
}

/// From the app to its windows.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ToWindow {
    /// Make this window, whose page is in this language at once, or bring it to the front; answered
    /// with [`FromWindow::Shown`].
    Show { label: Label, language: Language },
    /// Let the pages save, then end.
    Close,
    /// How a command ended.
    Answer { id: u64, outcome: Outcome },
    /// A value for a channel that a command was given.
    Message { channel: u32, value: Box<RawValue> },
    /// Nothing more will arrive on this channel.
    ChannelEnd { channel: u32 },
    /// An event for every page.
    Event { name: String, payload: Box<RawValue> },
    /// A picture or sound of the gateway.
    Media { id: u64, file: MediaAnswer },
}

/// How a command ended: with its result, or with a `CommandError`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Outcome {
    Done(Box<RawValue>),
    Refused(Box<RawValue>),
}

/// A file of the gateway, or the HTTP status that says why there is none.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum MediaAnswer {
    /// The bytes are Base64.
    File {
        mime: String,
        bytes: String,
    },
    Refused {
        status: u16,
    },
}

/// From the windows to the app.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum FromWindow {
    /// A page's command. Channels in `args` are numbers that the window process chose.
    Call { id: u64, label: Label, command: String, args: Map<String, Value> },
    /// A page needs a file of the gateway.
    Media { id: u64, name: String },
    /// A window that was asked for is there.
    Shown { label: Label },
    /// A page has drawn itself.
    Painted { label: Label },
    /// The process behind a page has ended by itself.
    PageCrashed { label: Label },
    /// The person began or stopped looking at a window.
    Focus { label: Label, focused: bool },
    /// A window is gone.
    Gone { label: Label },
}

/// One line of the pipe, with its end.
pub(crate) fn line(message: &impl Serialize) -> serde_json::Result<String> {
    let mut line = serde_json::to_string(message)?;
    line.push('\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::{Label, Outcome, ToWindow, line};

    #[test]
    fn a_message_is_one_line_whatever_is_in_it() {
        let text = serde_json::value::to_raw_value("a\nb\u{2028}\"").unwrap();
        let written = line(&ToWindow::Message { channel: 7, value: text }).unwrap();
        assert_eq!(written.matches('\n').count(), 1);
        let ToWindow::Message { channel: 7, value } = serde_json::from_str(&written).unwrap()
        else {
            panic!("{written}");
        };
        assert_eq!(serde_json::from_str::<String>(value.get()).unwrap(), "a\nb\u{2028}\"");
    }

    #[test]
    fn an_outcome_keeps_its_kind() {
        let done = Outcome::Done(serde_json::value::to_raw_value(&()).unwrap());
        let written = line(&ToWindow::Answer { id: 1, outcome: done }).unwrap();
        assert_eq!(written, "{\"answer\":{\"id\":1,\"outcome\":{\"done\":null}}}\n");
    }

    #[test]
    fn labels_are_known_by_name_only() {
        assert_eq!(Label::parse("main"), Some(Label::Main));
        assert_eq!(Label::parse("Main"), None);
    }
}
