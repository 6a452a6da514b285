//! Plain, short text for a notification.

const MAX_BODY: usize = 120;
const MAX_TITLE: usize = 60;

/// The beginning of an answer on one line, without the commonest Markdown marks.
pub(super) fn body(text: &str) -> String {
    shorten(text, MAX_BODY)
}

/// A session's title on one line.
pub(super) fn title(text: &str) -> String {
    shorten(text, MAX_TITLE)
}

fn shorten(text: &str, limit: usize) -> String {
    // Four bytes a character, so that a huge answer is not walked to its end.
    let mut visible = String::with_capacity(limit * 4);
    let mut count = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let word: String = word.chars().filter(|c| !reorders(*c)).take(limit + 1).collect();
        let word = word.trim_matches(['*', '`']);
        if word.trim_matches('#').is_empty() {
            continue;
        }
        if count > 0 {
            visible.push(' ');
        }
        count += word.chars().count() + 1;
        visible.push_str(word);
        if count > limit + 1 {
            break;
        }
    }
    match visible.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", visible[..end].trim_end()),
        None => visible,
    }
}

/// Marks that make text read in another order than it is written.
fn reorders(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::body;

    #[test]
    fn lines_and_control_characters_become_spaces() {
        assert_eq!(body("  a\n\nb\u{1b}[31m\tc\u{202e}d "), "a b [31m cd");
    }

    #[test]
    fn markdown_marks_are_left_out() {
        assert_eq!(
            body("## Three steps\n\n1. Open the **tray** `menu`\n```sh\nls #1"),
            "Three steps 1. Open the tray menu sh ls #1"
        );
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(body(&"é".repeat(120)), "é".repeat(120));
        assert_eq!(body(&"é".repeat(121)), format!("{}…", "é".repeat(120)));
        let words = body(&"word ".repeat(100_000));
        assert!(words.ends_with("word…"), "{words}");
        assert!(words.chars().count() <= 121);
    }
}
