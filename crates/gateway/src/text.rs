//! Texts of strangers, fit to be shown.

/// Longest name that is shown, in characters.
const MAX_NAME: usize = 80;

/// Whether a character is invisible, or changes how the rest is read.
pub fn hides(c: char) -> bool {
    match c {
        '\n' | '\t' | ' ' => false,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' => true,
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' => true,
        '\u{205f}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{fff0}'..='\u{fffc}' => true,
        '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => true,
        c => c.is_control() || c.is_whitespace(),
    }
}

/// A text in which nothing hides: what would be invisible or reorder the rest is written out as
/// `\u{…}` (EXE-07).
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if hides(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// A name that a stranger chose: one line, nothing that hides, not endless (DEV-08). What tells an
/// emoji from a letter stays.
pub(crate) fn plain(name: &str) -> String {
    let shown = |c: &char| !matches!(c, '\n' | '\t') && (!hides(*c) || *c == '\u{fe0f}');
    name.chars().filter(shown).take(MAX_NAME).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides_in_a_prompt_exe_07() {
        assert_eq!(visible("echo 'héllo 日本'\n\tls"), "echo 'héllo 日本'\n\tls");
        assert_eq!(
            visible("rm\u{200b} -r\u{202e}x\r\u{a0}\0"),
            r"rm\u{200b} -r\u{202e}x\u{d}\u{a0}\u{0}"
        );
    }

    #[test]
    fn a_name_is_one_line_of_what_people_see_dev_08() {
        assert_eq!(plain(" Kitchen\n\u{202e}phone\u{200b} ❤\u{fe0f} "), "Kitchenphone ❤\u{fe0f}");
        assert_eq!(plain(&"x".repeat(500)).len(), MAX_NAME);
    }
}
