//! Pieces of markup: text made safe, and the few shapes that sections share.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::super::escape::plain;
use crate::model::text::format_time;

/// Text inside an element or a quoted attribute: markup is text, and what would act on a terminal or on the order of
/// letters is shown as its escape.
pub fn text(raw: &str) -> String {
    let mut safe = String::with_capacity(raw.len() + 8);
    for character in plain(raw).chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(character),
        }
    }
    safe
}

/// JSON as the content of a `script` element: nothing in it ends the element or begins a comment.
pub fn inert(json: &str) -> Cow<'_, str> {
    if !json.contains(['<', '>', '&']) {
        return Cow::Borrowed(json);
    }
    Cow::Owned(json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"))
}

/// The day of an instant.
pub fn day(millis: i64) -> String {
    let time = format_time(millis);
    time.get(..10).unwrap_or(&time).to_owned()
}

/// A number with a space between groups of three digits.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            // A narrow space that does not break.
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// `1 principal`, `2 principals`.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

/// A bar that is `share` (0 to 1) full. It says nothing that the text beside it does not say.
pub fn bar(share: f64, class: &str) -> String {
    let width = 100.0 * share.clamp(0.0, 1.0);
    format!(
        "<svg class=\"bar\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" aria-hidden=\"true\" focusable=\"false\">\
         <rect class=\"rail\" width=\"100\" height=\"6\"/><rect class=\"{class}\" width=\"{width:.2}\" height=\"6\"/></svg>"
    )
}

/// Begins a section with its heading and a sentence about it.
pub fn open_section(id: &str, title: &str, lead: &str, out: &mut String) {
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(out, "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}</h2>");
    if !lead.is_empty() {
        let _ = writeln!(out, "<p class=\"lead\">{lead}</p>");
    }
}

/// Ends a section.
pub fn close_section(out: &mut String) {
    out.push_str("</section>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_is_markup() {
        let name = "</script><img src=x onerror='a'>\"&\u{202e}\n";
        assert_eq!(text(name), "&lt;/script&gt;&lt;img src=x onerror=&#39;a&#39;&gt;&quot;&amp;\\u{202e}\\n");
        assert_eq!(inert("[\"</script><!--\"]"), "[\"\\u003c/script\\u003e\\u003c!--\"]");
    }

    #[test]
    fn long_numbers_are_read_in_groups() {
        assert_eq!([999, 1000, 1_234_567].map(grouped), ["999", "1\u{202f}000", "1\u{202f}234\u{202f}567"]);
        assert_eq!(counted(1, "principal", "principals"), "1 principal");
    }
}
