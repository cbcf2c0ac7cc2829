//! Foreign text made harmless for a reader: one line, nothing invisible, not too long.
//!
//! Escaping for HTML or XML is the writer's work (maud, quick-junit); this is about what a browser or terminal
//! would obey or hide: control characters, changes of writing direction, characters without width.

use std::fmt::Write;

/// Longest piece of foreign text in a table or sentence, in characters.
pub(super) const LINE_MAX: usize = 400;

/// Shows control, direction and zero-width characters as escapes (`\u{202e}`), and cuts after `max` characters
/// with a note of how long the text was.
pub(super) fn visible(text: &str, max: usize) -> String {
    let mut shown = String::new();
    let mut chars = text.chars();
    for char in chars.by_ref().take(max) {
        push_visible(&mut shown, char);
    }
    let rest = chars.count();
    if rest > 0 {
        // Writing into a String cannot fail.
        let _ = write!(shown, " … (cut: {} characters in all)", max + rest);
    }
    shown
}

fn push_visible(shown: &mut String, char: char) {
    match char {
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        '\t' => shown.push_str("\\t"),
        _ if is_hidden(char) => {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(char));
        }
        _ => shown.push(char),
    }
}

/// Characters that a reader cannot see or that reorder the others (Unicode 16: Bidi_Control, zero-width
/// format characters, line separators, non-characters and tags).
fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{e0000}'..='\u{e0fff}')
        || u32::from(char) & 0xfffe == 0xfffe
}

/// Text for a Markdown table cell or sentence, in which nothing is markup.
pub(super) fn markdown(text: &str) -> String {
    let mut escaped = String::new();
    let shown = visible(text, LINE_MAX);
    let chars: Vec<char> = shown.chars().collect();
    for (at, &char) in chars.iter().enumerate() {
        let inside_word = |at: Option<usize>| {
            at.and_then(|at| chars.get(at)).is_some_and(|char| char.is_alphanumeric() || *char == '_')
        };
        match char {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            // An underscore between letters is no markup in GitHub's Markdown, and keys are full of them.
            '_' if inside_word(at.checked_sub(1)) && inside_word(Some(at + 1)) => escaped.push('_'),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '~' | '#' | '!' | '$' | '@' => {
                escaped.push('\\');
                escaped.push(char);
            }
            _ => escaped.push(char),
        }
    }
    escaped
}

/// A code span for a Markdown table cell.
///
/// GitHub splits cells at `|` before it looks for code, and a back-tick would end the span.
pub(super) fn markdown_code(text: &str) -> String {
    format!("`{}`", visible(text, LINE_MAX).replace('`', "'").replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_cannot_see_is_shown() {
        assert_eq!(visible("a\u{202e}b\u{0}\u{1b}[31m\r\n", 99), "a\\u{202e}b\\u{0}\\u{1b}[31m\\r\\n");
        assert_eq!(visible("æøå °C ×10 – …", 99), "æøå °C ×10 – …");
        assert_eq!(visible("\u{feff}\u{200b}\u{fffe}\u{1fffe}", 99), "\\u{feff}\\u{200b}\\u{fffe}\\u{1fffe}");
    }

    #[test]
    fn a_cut_text_says_how_long_it_was() {
        assert_eq!(visible("abcdef", 4), "abcd … (cut: 6 characters in all)");
        assert_eq!(visible("abcd", 4), "abcd");
    }

    #[test]
    fn markdown_in_foreign_text_stays_text() {
        assert_eq!(
            markdown("a|b <b> *x* _y_ active_import_w"),
            "a\\|b &lt;b&gt; \\*x\\* \\_y\\_ active_import_w"
        );
        assert_eq!(markdown_code("a`b|c\n"), "`a'b\\|c\\n`");
    }
}
