//! A key file: the keys of one meter, as its owner got them from the grid company.
//!
//! Refuses to say a key again: no message quotes a line of the file, and nothing of it goes into evidence.

use crate::file::{FileError, SMALL, read_text};
use hanbench_core::wire::cipher::Keys;
use std::path::Path;

/// Reads lines `encryption = <32 hex digits>` and `authentication = <32 hex digits>`; `#` starts a comment line.
///
/// # Errors
/// A file that cannot be read, a line that is neither, a key given twice, no encryption key.
pub fn load(path: &Path) -> Result<Keys, FileError> {
    let text = read_text(path, "a key file", SMALL)?;
    parse(&text).map_err(|(line, what)| FileError::new(path, line, what))
}

fn parse(text: &str) -> Result<Keys, (Option<usize>, &'static str)> {
    const EXPECTED: &str = "expected `encryption = <32 hex digits>` or `authentication = <32 hex digits>`";
    let mut keys = Keys::default();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |what| (Some(number), what);
        let (name, digits) = line.split_once('=').ok_or_else(|| wrong(EXPECTED))?;
        let digits: String = digits.split_whitespace().collect();
        let key = hanbench_core::hex::bytes(&digits).and_then(|key| <[u8; 16]>::try_from(key).ok());
        let slot = match name.trim() {
            "encryption" => &mut keys.encryption,
            "authentication" => &mut keys.authentication,
            _ => return Err(wrong(EXPECTED)),
        };
        if slot.is_some() {
            return Err(wrong("this key was already given; expected each once"));
        }
        *slot = Some(key.ok_or_else(|| wrong(EXPECTED))?);
    }
    match keys.encryption {
        Some(_) => Ok(keys),
        None => Err((None, "it has no line `encryption = …`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "5EC2E7000102030405060708090A0B0C";

    #[test]
    fn keys_are_read_with_blanks_and_comments() {
        let text = format!("# mine\n\n encryption = {}\nauthentication={DIGITS}\r\n", "00 11 ".repeat(8));
        let keys = parse(&text).expect("two keys");
        assert_eq!(keys.encryption.map(|key| key[..2].to_vec()), Some(vec![0, 0x11]));
        assert_eq!(keys.authentication.map(|key| key[0]), Some(0x5E));
    }

    #[test]
    fn a_mistake_names_its_line_and_never_a_digit_of_a_key() {
        for (text, line) in [
            (format!("encryption = {DIGITS}0\n"), Some(1)),
            (format!("\n{DIGITS}\n"), Some(2)),
            (format!("encrpytion = {DIGITS}\n"), Some(1)),
            (format!("encryption = {DIGITS}\nencryption = {DIGITS}\n"), Some(2)),
            (format!("authentication = {DIGITS}\n"), None),
            (String::new(), None),
        ] {
            let (found, what) = parse(&text).expect_err(&text);
            assert_eq!(found, line, "{text}");
            assert!(!what.to_uppercase().contains("5EC2E7"), "{what}");
        }
    }
}
