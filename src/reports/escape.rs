//! Text from exports made safe to show: what is a command to a terminal, a spreadsheet or a Markdown reader
//! becomes visible text.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character acts on a terminal or on its neighbours' order in place of being shown, or is not seen at all:
/// C0 and C1 controls, bidirectional controls, separators and fillers without a shape, and tags, in which whole
/// sentences can be hidden from people and not from programs. Letters of scripts that are written from right to left are
/// safe, and so are the joiners that their words and emoji need.
#[must_use]
pub fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00ad}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
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

/// JSON text with what `serde_json` leaves raw and a terminal obeys or nobody sees (DEL, C1, bidirectional controls,
/// tags) written as `\uXXXX`. Such characters occur in JSON text only inside strings, where the escape means the same.
#[must_use]
pub fn json(text: String) -> String {
    let raw = |character: char| is_unsafe(character) && character != '\n';
    if !text.contains(raw) {
        return text;
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if raw(character) {
            // Tags lie outside the basic plane and are two escapes. A string takes any write.
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
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

/// A word for a shell, quoted where it holds more than letters, digits and what never needs it, so that the line can
/// be pasted.
#[must_use]
pub fn quoted(word: &str) -> String {
    let word = plain(word);
    let bare = !word.is_empty()
        && word.chars().all(|character| character.is_alphanumeric() || "-_./:@+=,".contains(character));
    if bare { word.into_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// Columns that a text takes on a terminal or in a drawing, about: letters of East Asian scripts and emoji take two.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.chars().map(|character| if is_wide(character) { 2 } else { 1 }).sum()
}

fn is_wide(character: char) -> bool {
    matches!(character, '\u{1100}'..='\u{115e}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe4f}' | '\u{ff01}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}')
}

/// As much of a text as fits into so many columns, the last of them `…` when something was left off.
#[must_use]
pub fn fitting(text: &str, limit: usize) -> Cow<'_, str> {
    if columns(text) <= limit {
        return Cow::Borrowed(text);
    }
    let mut left = limit.saturating_sub(1);
    let mut short = String::new();
    for character in text.chars() {
        let width = if is_wide(character) { 2 } else { 1 };
        if width > left {
            break;
        }
        left -= width;
        short.push(character);
    }
    short.push('…');
    Cow::Owned(short)
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
        assert_eq!(
            plain("tag \u{e0041}, soft \u{ad}, filler \u{3164}"),
            "tag \\u{e0041}, soft \\u{ad}, filler \\u{3164}"
        );
        for shown in ["naïve — ok", "שלום עולם", "می\u{200c}خواهم", "👩\u{200d}💻"] {
            assert_eq!(plain(shown), shown);
        }
    }

    #[test]
    fn escaped_json_is_the_same_json() -> Result<(), serde_json::Error> {
        let value = serde_json::json!({"name": "a\u{9b}\u{7f}\u{202e}\u{1b}\n\u{e0041}"});
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
        assert_eq!((columns("ab漢字"), fitting("ab漢字", 6)), (6, "ab漢字".into()));
        assert_eq!((fitting("ab漢字", 5), fitting("漢字", 2)), ("ab漢…".into(), "…".into()));
    }
}
