//! Text from exports made safe to hand to a model: nothing in it acts on a reader in place of being read.

use std::borrow::Cow;

/// Characters of an id at most.
pub const ID_CHARS_MAX: usize = 2048;
/// Characters of any other text at most.
pub const TEXT_CHARS_MAX: usize = 600;
/// Items of a list at most.
pub const LIST_ITEMS_MAX: usize = 200;

/// Whether a character is not seen, or acts on its neighbours: controls, blanks other than the plain one, everything that
/// Unicode lets a renderer ignore (zero-width characters, bidirectional controls, fillers, variation selectors, tags),
/// private use, and what is no character at all.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || (character.is_whitespace() && character != ' ')
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
}

/// The text with every hidden character as its escape (`\u{202e}`, `\n`), cut to `limit` characters with `…` as the last.
#[must_use]
pub fn visible(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit && !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len().min(limit) + 8);
    let mut left = limit;
    // Where to cut when there turns out to be more: after the last character that leaves room for the ellipsis.
    let mut cut = 0;
    for character in text.chars() {
        let width = if is_hidden(character) { character.escape_default().count() } else { 1 };
        if width > left {
            shown.truncate(cut);
            shown.push('…');
            break;
        }
        left -= width;
        if width > 1 {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
        if left > 0 {
            cut = shown.len();
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_shown() {
        for (text, expected) in [
            ("plain – naïve 部署", "plain – naïve 部署"),
            ("a\u{202e}b\u{200b}", "a\\u{202e}b\\u{200b}"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
            ("line\nbreak\u{85}\u{2028}", "line\\nbreak\\u{85}\\u{2028}"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("soft\u{ad}hyphen\u{fe0f}", "soft\\u{ad}hyphen\\u{fe0f}"),
        ] {
            assert_eq!(visible(text, 100), expected);
        }
    }

    #[test]
    fn a_text_is_cut_with_an_ellipsis_and_an_escape_is_never_cut_in_two() {
        assert_eq!(visible("abcd", 4), "abcd");
        assert_eq!(visible("abcde", 4), "abc…");
        assert_eq!(visible("ab\u{202e}cd", 6), "ab…");
        assert_eq!(visible("äöüß", 4), "äöüß");
        assert!(visible(&"\u{200b}".repeat(5000), 600).chars().count() <= 600);
    }
}
