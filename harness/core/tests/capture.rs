//! Captures: the text form, its errors, and the reader in constant memory.

use std::collections::BTreeMap;

use hanbench_core::capture::{Capture, CaptureError, Dir, ROW_BYTES_MAX, Reader, Row, keys};
use hanbench_core::wire::cipher::Keys;
use quickcheck::{Arbitrary, Gen, QuickCheck};

const SMALL: &str = "# family = aidon\n# evidence = rebuilt\nt_us,dir,hex\n0,rx,7ea02a\n2500000,tx,\n";

fn error(text: &str) -> (usize, String) {
    let CaptureError { line, what } = Capture::parse(text).expect_err("bad capture");
    (line, what)
}

#[test]
fn a_capture_is_its_header_and_its_rows() {
    let capture = Capture::parse(SMALL).unwrap();
    assert_eq!(capture.header["family"], "aidon");
    assert_eq!(capture.rows[0], Row { t_us: 0, dir: Dir::Rx, bytes: vec![0x7e, 0xa0, 0x2a] });
    assert_eq!(capture.rows[1], Row { t_us: 2_500_000, dir: Dir::Tx, bytes: vec![] });
    assert_eq!(capture.to_text(), SMALL);
}

#[test]
fn header_keys_are_written_in_the_order_of_the_contract() {
    let keys =
        ["zeta", "t0", "evidence", "source", "stage", "parity", "baud", "system", "model", "family", "alpha"];
    let value = |key: &str| match key {
        "evidence" => "recorded",
        "stage" => "wire",
        "parity" => "even",
        "baud" => "2400",
        _ => "x",
    };
    let header = keys.iter().map(|&key| (key.to_string(), value(key).to_string())).collect();
    let capture = Capture { header, rows: vec![Row { t_us: 1, dir: Dir::Rx, bytes: vec![1] }] };
    let text = capture.to_text();
    let order: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# ")?.split_once(' '))
        .map(|(key, _)| key)
        .collect();
    assert_eq!(
        order,
        ["family", "model", "system", "baud", "parity", "stage", "source", "evidence", "t0", "alpha", "zeta"]
    );
    assert_eq!(Capture::parse(&text).unwrap(), capture);
}

#[test]
fn byte_order_mark_crlf_blank_lines_and_upper_case_are_accepted() {
    let capture = Capture::parse(
        "\u{feff}# family = aidon\r\n\r\n# evidence=rebuilt\r\nt_us,dir,hex\r\n\r\n0,rx,7EA02A\r\n2500000,tx,",
    );
    assert_eq!(capture.unwrap().to_text(), SMALL);
}

#[test]
fn errors_name_the_line_and_what_was_expected() {
    let rows = |rows: &str| error(&format!("t_us,dir,hex\n0,rx,00\n\n{rows}"));
    let errors = [
        error(""),
        error("# family = aidon\n"),
        error("0,rx,7e\n"),
        error("time,dir,hex\n0,rx,7e\n"),
        error("t_us,dir,hex\n"),
        error("t_us,dir,hex\n\n\n"),
        error("# just words\nt_us,dir,hex\n0,rx,7e\n"),
        error("# = x\nt_us,dir,hex\n0,rx,7e\n"),
        error("# a = 1\n# a = 2\nt_us,dir,hex\n0,rx,7e\n"),
        error("# evidence = heard\nt_us,dir,hex\n0,rx,7e\n"),
        error("# stage = half\nt_us,dir,hex\n0,rx,7e\n"),
        error("# parity = E\nt_us,dir,hex\n0,rx,7e\n"),
        error("# baud = fast\nt_us,dir,hex\n0,rx,7e\n"),
        error("# keys = 00112233\nt_us,dir,hex\n0,rx,7e\n"),
        error("# keys =\nt_us,dir,hex\n0,rx,7e\n"),
        error("# family = a\0b\nt_us,dir,hex\n"),
        rows("x,rx,7e\n"),
        rows("+5,rx,7e\n"),
        rows("99999999999999999999,rx,7e\n"),
        rows("5,up,7e\n"),
        rows("5,rx\n"),
        rows("5,rx,7e,\n"),
        rows("5,rx,7ea\n"),
        rows("5,rx,7e a0\n"),
        rows("5,rx,7\0"),
        rows("# late = comment\n"),
        rows("5,rx,7e\n\r\n4,rx,7e\n"),
    ];
    let text: String = errors.iter().map(|(line, what)| format!("line {line}: {what}\n")).collect();
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(text) });
}

#[test]
fn keys_are_those_of_the_header() {
    let (encryption, authentication) = ("00112233445566778899aabbccddeeff", "ff".repeat(16));
    let parse = |text: &str| keys(&Capture::parse(&format!("{text}t_us,dir,hex\n0,rx,7e\n")).unwrap().header);
    assert_eq!(parse(""), Keys::default());
    let one = parse(&format!("# keys = {encryption}\n"));
    assert_eq!((one.encryption.map(|key| key[15]), one.authentication), (Some(0xff), None));
    let both = parse(&format!("# keys = {encryption} {authentication}\n"));
    assert_eq!((both.encryption, both.authentication), (one.encryption, Some([0xff; 16])));
}

#[test]
fn a_row_of_64_kib_is_the_longest() {
    let text = |bytes: usize| format!("t_us,dir,hex\n0,rx,{}\n", "ab".repeat(bytes));
    assert_eq!(Capture::parse(&text(ROW_BYTES_MAX)).unwrap().rows[0].bytes.len(), ROW_BYTES_MAX);
    assert!(error(&text(ROW_BYTES_MAX + 1)).1.contains("expected at most 65536"));
    assert_eq!(
        error(&text(4 * ROW_BYTES_MAX)),
        (2, "cannot be read: a row is longer than 65536 bytes".into())
    );
}

#[test]
fn the_reader_stops_at_the_first_bad_row() {
    let mut reader = Reader::new("t_us,dir,hex\n1,rx,7e\nbad\n2,rx,7e\n".as_bytes()).unwrap();
    assert!(reader.header().is_empty());
    assert_eq!(reader.next().unwrap().unwrap().t_us, 1);
    assert_eq!(reader.next().unwrap().unwrap_err().line, 3);
    assert!(reader.next().is_none());
}

/// A capture that keeps the rules: what `to_text` is the inverse of.
#[derive(Clone, Debug)]
struct Valid(Capture);

impl Arbitrary for Valid {
    fn arbitrary(g: &mut Gen) -> Self {
        let mut header = BTreeMap::new();
        for _ in 0..usize::arbitrary(g) % 5 {
            let key: String = Vec::<u8>::arbitrary(g).iter().map(|&b| char::from(b'a' + b % 26)).collect();
            let value: String = String::arbitrary(g).chars().filter(|c| !c.is_control()).take(50).collect();
            header.insert(format!("x{key}"), value.trim().to_string());
        }
        header.insert("stage".into(), ["wire", "unwrapped", "decrypted"][usize::arbitrary(g) % 3].into());
        let mut t_us = 0_u64;
        let rows = (0..=usize::arbitrary(g) % 20).map(|_| {
            t_us = t_us.saturating_add(u64::from(u32::arbitrary(g)));
            let dir = if bool::arbitrary(g) { Dir::Rx } else { Dir::Tx };
            Row { t_us, dir, bytes: Vec::arbitrary(g) }
        });
        Valid(Capture { rows: rows.collect(), header })
    }
}

#[test]
fn parse_undoes_to_text() {
    fn law(Valid(capture): Valid) -> bool {
        let text = capture.to_text();
        let back = Capture::parse(&text).unwrap();
        back == capture && back.to_text() == text
    }
    QuickCheck::new().tests(300).quickcheck(law as fn(Valid) -> bool);
}

#[test]
fn arbitrary_text_never_panics() {
    fn law(text: String) -> bool {
        let _ = Capture::parse(&format!("t_us,dir,hex\n{text}"));
        let _ = Capture::parse(&text);
        true
    }
    QuickCheck::new().tests(500).quickcheck(law as fn(String) -> bool);
}
