//! Text from exports made safe to show: what is a command to a terminal, a spreadsheet or a Markdown reader
//! becomes visible text.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character acts on a terminal or on its neighbours' order in place of being shown: C0 and C1 controls,
/// bidirectional controls, invisible separators.
#[must_use]
pub fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{feff}'
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One line of text with every unsafe character shown as its escape (`\u{1b}`, `\n`).
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_unsafe(character) {
            // `escape_default` leaves no character of the unsafe set as it is.
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// JSON text with what `serde_json` leaves raw and a terminal obeys (DEL, C1, bidirectional controls) written as
/// `\uXXXX`. Such characters occur in JSON text only inside strings, where the escape means the same.
#[must_use]
pub fn json(text: String) -> String {
    let raw = |character: char| is_unsafe(character) && character != '\n';
    if !text.contains(raw) {
        return text;
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if raw(character) {
            // Every unsafe character lies in the basic plane: one escape is enough. A string takes any write.
            let _ = write!(safe, "\\u{:04x}", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    safe
}

/// A cell of a CSV file: one line, and never a formula to a spreadsheet (`=cmd…` gets a leading apostrophe).
#[must_use]
pub fn csv(text: &str) -> Cow<'_, str> {
    let safe = plain(text);
    if safe.starts_with(['=', '+', '-', '@']) { Cow::Owned(format!("'{safe}")) } else { safe }
}

/// Text inside a Markdown table or paragraph: no markup, no cell border, no HTML.
#[must_use]
pub fn markdown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for character in plain(text).chars() {
        match character {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '!' | '~' => {
                safe.push('\\');
                safe.push(character);
            }
            _ => safe.push(character),
        }
    }
    safe
}

/// At most `limit` characters, the last of them `…` when something was left off.
#[must_use]
pub fn shorten(text: &str, limit: usize) -> Cow<'_, str> {
    if text.chars().count() <= limit {
        return Cow::Borrowed(text);
    }
    let mut short: String = text.chars().take(limit.saturating_sub(1)).collect();
    short.push('…');
    Cow::Owned(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_commands_become_text() {
        assert_eq!(plain("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(plain("a\nb\tc\r"), "a\\nb\\tc\\r");
        assert_eq!(plain("csi \u{9b}2J, bidi \u{202e}x"), "csi \\u{9b}2J, bidi \\u{202e}x");
        assert_eq!(plain("naïve — ok"), "naïve — ok");
    }

    #[test]
    fn escaped_json_is_the_same_json() -> Result<(), serde_json::Error> {
        let value = serde_json::json!({"name": "a\u{9b}\u{7f}\u{202e}\u{1b}\n"});
        let text = json(serde_json::to_string_pretty(&value)?);
        assert!(!text.contains(|c| is_unsafe(c) && c != '\n'), "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text)?, value);
        Ok(())
    }

    #[test]
    fn spreadsheets_get_no_formula_and_markdown_no_markup() {
        assert_eq!(csv("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        assert_eq!(csv("role/a"), "role/a");
        assert_eq!(markdown("<img>|`x`"), "&lt;img&gt;\\|\\`x\\`");
    }

    #[test]
    fn shortening_counts_characters_and_says_so() {
        assert_eq!(shorten("äöü", 3), "äöü");
        assert_eq!(shorten("äöüx", 3), "äö…");
    }
}
