//! Text of others, made fit for one line of a menu or a notification.

use clawdbot_gateway::hides;

/// One line of at most `limit` characters: no control characters, none that change the order in
/// which text is read, no runs of spaces.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    // Four bytes a character, so that a huge text is not walked to its end.
    let mut line = String::with_capacity(limit.saturating_mul(4).min(1024));
    let mut count = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let word: String = word.chars().filter(|c| !reorders(*c)).take(limit + 1).collect();
        if word.is_empty() {
            continue;
        }
        if count > 0 {
            line.push(' ');
        }
        count += word.chars().count() + 1;
        line.push_str(&word);
        if count > limit + 1 {
            break;
        }
    }
    shortened(line, limit)
}

/// Whether one line of at most `limit` characters shows all of a text as it is. What is cut, folded
/// or hidden could be what matters (EXE-07).
pub(crate) fn is_shown_whole(text: &str, limit: usize) -> bool {
    one_line(text, limit) == text && !text.chars().any(hides)
}

/// The beginning of an answer on one line, without the commonest Markdown marks.
pub(crate) fn without_marks(text: &str, limit: usize) -> String {
    let words = one_line(text, limit.saturating_mul(2));
    let words = words.split(' ').map(|word| word.trim_matches(['*', '`']));
    let words = words.filter(|word| !word.trim_matches('#').is_empty());
    shortened(words.collect::<Vec<_>>().join(" "), limit)
}

fn shortened(line: String, limit: usize) -> String {
    match line.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

/// Marks that make text read in another order than it is written.
fn reorders(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::{is_shown_whole, one_line, without_marks};

    #[test]
    fn lines_and_control_characters_become_spaces() {
        assert_eq!(one_line("  a\n\nb\u{1b}[31m\tc\u{202e}d ", 120), "a b [31m cd");
    }

    #[test]
    fn only_what_is_seen_as_it_is_counts_as_seen_exe_07() {
        assert!(is_shown_whole("git commit -m 'héllo 日本'", 40));
        let tail = format!("echo {}; rm -rf ~", "a".repeat(40));
        for text in
            [tail.as_str(), "ls\nrm -rf ~", "ls  rm", "ls\t-l", "rm\u{200b} x", "ls \u{202e}x"]
        {
            assert!(!is_shown_whole(text, 40), "{text:?}");
        }
    }

    #[test]
    fn markdown_marks_are_left_out() {
        assert_eq!(
            without_marks("## Three steps\n\n1. Open the **tray** `menu`\n```sh\nls #1", 120),
            "Three steps 1. Open the tray menu sh ls #1"
        );
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        for shorten in [one_line, without_marks] {
            assert_eq!(shorten(&"é".repeat(120), 120), "é".repeat(120));
            assert_eq!(shorten(&"é".repeat(121), 120), format!("{}…", "é".repeat(120)));
            let words = shorten(&"word ".repeat(100_000), 120);
            assert!(words.ends_with("word…"), "{words}");
            assert!(words.chars().count() <= 121);
        }
    }
}
