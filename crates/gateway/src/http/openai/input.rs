//! The messages of a request, as one message for an agent.

use clawdbot_protocol::Attachment;
use serde::Deserialize;
use serde_json::Value;

use super::Failure;

/// The content of a message: text, or parts.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Content {
    Text(String),
    Parts(Vec<Part>),
}

/// A part of a message, in the words of either interface.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part {
    #[serde(alias = "input_text", alias = "output_text")]
    Text {
        text: String,
    },
    Refusal {
        refusal: String,
    },
    #[serde(alias = "input_image")]
    ImageUrl {
        image_url: Link,
    },
    File {
        file: File,
    },
    InputFile(File),
    #[serde(other)]
    Other,
}

/// Where a picture is.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Link {
    Plain(String),
    Object { url: String },
}

#[derive(Debug, Deserialize)]
pub(super) struct File {
    filename: Option<String>,
    file_data: Option<String>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    System,
    User,
    Assistant,
    Tool,
}

impl Speaker {
    pub(super) fn parse(role: &str) -> Result<Self, Failure> {
        match role {
            "system" | "developer" => Ok(Self::System),
            "user" => Ok(Self::User),
            "assistant" => Ok(Self::Assistant),
            "tool" | "function" => Ok(Self::Tool),
            other => Err(Failure::invalid(format!("unknown role \"{}\"", short(other)))),
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::User => "User",
            Self::Assistant => "Assistant",
            Self::Tool => "Tool result",
        }
    }
}

/// What was said, turn by turn.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    instructions: Vec<String>,
    turns: Vec<Turn>,
}

#[derive(Debug)]
struct Turn {
    speaker: Speaker,
    text: String,
    files: Vec<Attachment>,
}

/// The message a run begins with.
#[derive(Debug)]
pub(super) struct Prompt {
    pub(super) message: String,
    pub(super) files: Vec<Attachment>,
    /// Goes to the system prompt.
    pub(super) instructions: Option<String>,
}

impl Conversation {
    pub(super) fn instruct(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.instructions.push(text.to_owned());
        }
    }

    pub(super) fn say(&mut self, speaker: Speaker, content: Content) -> Result<(), Failure> {
        let (text, files) = content.read()?;
        if speaker == Speaker::System {
            self.instruct(&text);
        } else if !text.trim().is_empty() || !files.is_empty() {
            self.turns.push(Turn { speaker, text, files });
        }
        Ok(())
    }

    /// What has been said since the agent spoke last. What came before is told as well, unless the
    /// agent knows the conversation.
    pub(super) fn prompt(mut self, known: bool) -> Result<Prompt, Failure> {
        let last_answer = self.turns.iter().rposition(|turn| turn.speaker == Speaker::Assistant);
        let current = self.turns.split_off(last_answer.map_or(0, |at| at + 1));
        if current.is_empty() {
            return Err(Failure::invalid("the last message has to come from the user"));
        }
        let mut message = String::new();
        if !known && !self.turns.is_empty() {
            message.push_str("Earlier in this conversation:\n\n");
            for turn in &self.turns {
                message.push_str(&format!("{}: {}\n\n", turn.speaker.label(), turn.text));
            }
            message.push_str("Now answer this:\n\n");
        }
        let texts: Vec<&str> = current.iter().map(|turn| turn.text.as_str()).collect();
        message.push_str(&texts.join("\n\n"));
        let files = current.into_iter().flat_map(|turn| turn.files).collect();
        let instructions = Some(self.instructions.join("\n\n")).filter(|text| !text.is_empty());
        Ok(Prompt { message, files, instructions })
    }
}

impl Content {
    fn read(self) -> Result<(String, Vec<Attachment>), Failure> {
        let parts = match self {
            Self::Text(text) => return Ok((text, Vec::new())),
            Self::Parts(parts) => parts,
        };
        let (mut texts, mut files) = (Vec::new(), Vec::new());
        for part in parts {
            match part {
                Part::Text { text } | Part::Refusal { refusal: text } => texts.push(text),
                Part::ImageUrl { image_url: Link::Plain(url) | Link::Object { url } } => {
                    files.push(inline(None, &url)?);
                }
                Part::File { file } | Part::InputFile(file) => {
                    let Some(data) = file.file_data else {
                        return Err(Failure::invalid("a file part needs file_data"));
                    };
                    files.push(inline(file.filename, &data)?);
                }
                Part::Other => {
                    return Err(Failure::invalid(
                        "a part of this message is of a type this gateway does not take; send \
                         text, images or files",
                    ));
                }
            }
        }
        Ok((texts.join("\n"), files))
    }
}

/// Content that is in the request itself. Nothing is fetched on a caller's behalf.
fn inline(name: Option<String>, data: &str) -> Result<Attachment, Failure> {
    let is_link = data.get(..8).is_some_and(|start| start.contains("://"));
    if is_link {
        return Err(Failure::invalid(
            "images and files have to be in the request as data: URLs; addresses are not fetched",
        ));
    }
    Ok(Attachment {
        mime_type: None,
        file_name: name,
        content: Some(Value::String(data.to_owned())),
    })
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn conversation(said: &[(Speaker, &str)]) -> Conversation {
        let mut all = Conversation::default();
        for (speaker, text) in said {
            all.say(*speaker, Content::Text((*text).to_owned())).unwrap();
        }
        all
    }

    const SAID: [(Speaker, &str); 5] = [
        (Speaker::System, "Be brief."),
        (Speaker::User, "one"),
        (Speaker::Assistant, "1"),
        (Speaker::User, "two"),
        (Speaker::User, "three"),
    ];

    #[test]
    fn an_agent_is_told_what_it_does_not_know() {
        let fresh = conversation(&SAID).prompt(false).unwrap();
        assert_eq!(fresh.instructions.as_deref(), Some("Be brief."));
        assert!(fresh.message.contains("User: one\n\nAssistant: 1"), "{}", fresh.message);
        assert!(fresh.message.ends_with("two\n\nthree"), "{}", fresh.message);
        assert_eq!(conversation(&SAID).prompt(true).unwrap().message, "two\n\nthree");
        assert!(conversation(&SAID[..3]).prompt(false).is_err());
    }

    #[test]
    fn addresses_are_not_fetched() {
        let read = |part| {
            serde_json::from_value::<Content>(json!([part])).unwrap().read().map(|(_, files)| files)
        };
        for part in [
            json!({"type": "image_url", "image_url": {"url": "http://127.0.0.1/x.png"}}),
            json!({"type": "input_image", "image_url": "file:///etc/passwd"}),
            json!({"type": "input_audio", "input_audio": {}}),
        ] {
            assert!(read(part.clone()).is_err(), "{part}");
        }
        let part = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}});
        assert_eq!(read(part).unwrap().len(), 1);
    }
}
