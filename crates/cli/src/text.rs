//! Text of others on its way to a terminal.

use serde_json::Value;

/// Without anything that a terminal would act on; line breaks and tabs stay.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|c| !acts(*c) || matches!(c, '\n' | '\t')).collect()
}

/// Its first characters, on one line.
pub(crate) fn short(text: &str, max: usize) -> String {
    let line = plain(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    match line.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default().trim_end()),
        None => line,
    }
}

/// A member that is text, or nothing.
pub(crate) fn of<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

/// The first of these members that says something.
pub(crate) fn first<'a>(value: &'a Value, members: &[&str]) -> &'a str {
    members.iter().map(|member| of(value, member)).find(|text| !text.is_empty()).unwrap_or_default()
}

/// The rows of a member that is a list.
pub(crate) fn rows<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value[member].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Control characters, and those that turn the direction of what follows.
pub(crate) fn acts(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text of a message, whichever way its content is written.
pub(crate) fn of_message(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts = blocks.iter().filter_map(|block| block["text"].as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_as_a_command() {
        assert_eq!(plain("a\u{1b}]0;title\u{7}\tb\r\nc\u{202e}d"), "a]0;title\tb\ncd");
        assert_eq!(short("  one\n two  three", 7), "one two…");
    }
}
