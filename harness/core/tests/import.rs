//! Import: one snapshot per pasted layout, and laws.

use std::path::{Path, PathBuf};

use hanbench_core::capture::{Capture, Stage};
use hanbench_core::hex;
use hanbench_core::import::{Chunk, Format, ImportError, Imported, Purpose, import, redact};
use quickcheck::{QuickCheck, TestResult};
use rstest::rstest;

#[rstest]
fn imports(#[files("../../fixtures/import/*.txt")] path: PathBuf) {
    let input = std::fs::read(&path).unwrap();
    let text = match import(&input, Purpose::Capture) {
        Ok(imported) => describe(&imported),
        Err(error) => format!("error: {error}\n"),
    };
    insta::with_settings!({
        snapshot_path => path.parent().unwrap(),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(path.file_stem().unwrap().to_str().unwrap(), text);
    });
}

fn describe(imported: &Imported) -> String {
    let mut text = format!("{:?}, {}\n", imported.format, imported.stage.word());
    text.push_str(&format!("ids replaced: {}\n", imported.ids_replaced));
    for chunk in &imported.chunks {
        let time = chunk.t_us.map_or("no time".to_string(), |t_us| format!("{t_us} us"));
        text.push_str(&format!("from line {}: {} bytes, {time}\n", line(chunk), chunk.bytes.len()));
    }
    for note in &imported.notes {
        text.push_str(&format!("note, line {}: {}\n", note.line, note.text));
    }
    text + "\n" + &imported.to_capture("pasted.txt").to_text()
}

/// The line that a chunk began on; 0 in binary input.
fn line(chunk: &Chunk) -> usize {
    chunk.lines.first().map_or(0, |&(_, line)| line)
}

/// Aidon list 1 with 1234 W: an intact frame without an id.
fn list1() -> Vec<u8> {
    hex::bytes("7ea02a410883130413e6e7000f40000000000101020309060100010700ff06000004d202020f00161b19f27e")
        .expect("hex")
}

fn literal(bytes: &[u8]) -> String {
    let escaped = bytes.iter().map(|&byte| match byte {
        b'\\' => "\\\\".to_string(),
        b'\'' => "\\'".to_string(),
        b'\n' => "\\n".to_string(),
        b'\r' => "\\r".to_string(),
        b'\t' => "\\t".to_string(),
        0x20..=0x7e => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    });
    format!("b'{}'", escaped.collect::<String>())
}

/// `bytes` in every layout that import knows.
fn layouts(bytes: &[u8]) -> Vec<(&'static str, String)> {
    let words: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let rows = |width: usize, row: &dyn Fn(usize, &[String]) -> String| {
        words.chunks(width).enumerate().map(|(index, words)| row(index, words) + "\n").collect::<String>()
    };
    let printable = |index: usize, width: usize| {
        let row = bytes.iter().skip(index * width).take(width);
        row.map(|&b| if (0x20..0x7f).contains(&b) { char::from(b) } else { '.' }).collect::<String>()
    };
    let groups =
        |words: &[String], of: usize| words.chunks(of).map(<[String]>::concat).collect::<Vec<_>>().join(" ");
    vec![
        ("continuous", words.concat()),
        ("upper case", words.concat().to_uppercase()),
        ("wrapped", rows(32, &|_, words| words.concat())),
        ("blanks", words.join(" ")),
        ("colons", words.join(":")),
        ("dashes", words.join("-")),
        ("stamped rows", rows(16, &|index, words| format!("[12:34:56.{index:03}] {}", words.join(" ")))),
        (
            "dated rows",
            rows(20, &|index, words| format!("2026-01-18T14:17:{:02}Z {}", index % 60, words.concat())),
        ),
        ("tagged rows", rows(16, &|_, words| format!("[14:17:02][D][uart:114]: <<< {}", words.join(":")))),
        ("levels", rows(16, &|_, words| format!("(V) {}", words.join(" ")))),
        (
            "array",
            format!(
                "x = {{\n{}}};\n",
                rows(12, &|_, words| { words.iter().map(|word| format!("0x{word}, ")).collect() })
            ),
        ),
        ("reader log", format!("(V) HDLC frame:\n{}", rows(16, &|_, words| groups(words, 4)))),
        ("literal", format!("raw: {}", literal(bytes))),
        ("literal of hex", format!("raw: b'{}'", words.concat())),
        ("escapes", words.iter().map(|word| format!("\\x{word}")).collect()),
        ("json", format!("{{\"data\":\"{}\",\"t\":1713702165}}", words.concat())),
        (
            "hexdump",
            rows(16, &|i, words| format!("{:08x}  {:<47}  |{}|", i * 16, words.join(" "), printable(i, 16))),
        ),
        (
            "xxd",
            rows(16, &|i, words| format!("{:08x}: {:<39}  {}", i * 16, groups(words, 2), printable(i, 16))),
        ),
    ]
}

fn joined(imported: &Imported) -> Vec<u8> {
    imported.chunks.iter().flat_map(|chunk| chunk.bytes.clone()).collect()
}

#[test]
fn bytes_that_begin_a_frame_come_back_from_every_layout() {
    fn law(tail: Vec<u8>, long: bool) -> TestResult {
        // A header with a right checksum whose length is never satisfied: everything behind belongs to it.
        let mut bytes = hex::bytes("7ea7ff41088313").unwrap();
        bytes.extend([0xef, 0xe7]);
        let tail = if long { tail.repeat(8) } else { tail };
        bytes.extend(tail.iter().take(1500));
        for (name, text) in layouts(&bytes) {
            match import(text.as_bytes(), Purpose::Decode) {
                Ok(imported) if joined(&imported) == bytes => {}
                other => return TestResult::error(format!("{name}: {other:?}\n{text}")),
            }
        }
        TestResult::passed()
    }
    QuickCheck::new().tests(300).quickcheck(law as fn(Vec<u8>, bool) -> TestResult);
}

#[test]
fn an_intact_frame_comes_back_as_one_chunk_from_every_layout() {
    for (name, text) in layouts(&list1()) {
        let imported = import(text.as_bytes(), Purpose::Capture).unwrap();
        assert_eq!(imported.chunks.len(), 1, "{name}");
        assert_eq!(imported.chunks[0].bytes, list1(), "{name}");
        assert_eq!((imported.notes.len(), imported.stage), (0, Stage::Wire), "{name}");
    }
}

#[test]
fn arbitrary_bytes_never_panic() {
    fn law(bytes: Vec<u8>) -> bool {
        let _ = import(&bytes, Purpose::Capture);
        let _ = import(&[list1(), bytes.clone()].concat(), Purpose::Capture);
        redact(&bytes).bytes.len() == bytes.len()
    }
    QuickCheck::new().tests(1000).quickcheck(law as fn(Vec<u8>) -> bool);
}

#[test]
fn arbitrary_log_lines_never_panic() {
    /// Pieces of which logs are made, so that chance finds the corners.
    const PIECES: [&str; 24] = [
        "7ea02a",
        "41088313",
        "0413 ",
        "e6e700",
        "0f40",
        "12:34:56",
        ".789 ",
        "b'",
        "\\x7e",
        "'",
        "\"",
        "\n",
        "\r\n",
        "/KAM5\n",
        "!",
        "00000010  ",
        "|",
        "0x7e,",
        "(V) HDLC frame:",
        "2026-01-18T",
        "1768745822 ",
        "\u{e9}",
        "\t",
        "68",
    ];
    fn law(picks: Vec<u8>) -> bool {
        let text: String = picks.iter().map(|&pick| PIECES[usize::from(pick) % PIECES.len()]).collect();
        let _ = import(text.as_bytes(), Purpose::Capture);
        true
    }
    QuickCheck::new().tests(2000).quickcheck(law as fn(Vec<u8>) -> bool);
}

#[test]
fn binary_keeps_every_byte_and_cuts_at_frames() {
    let bytes = [&[0x00, 0xff, 0x7e], list1().as_slice(), &list1(), &[0x01]].concat();
    let imported = import(&bytes, Purpose::Capture).unwrap();
    assert_eq!((imported.format, imported.chunks.len()), (Format::Binary, 2));
    assert_eq!(joined(&imported), bytes);
}

#[test]
fn empty_input_is_an_error_of_its_own() {
    assert_eq!(import(b" \r\n", Purpose::Capture), Err(ImportError::Empty));
}

#[test]
fn utf_16_from_a_windows_shell_is_read() {
    let text = format!("14:17 {}\r\n", hex::text(&list1()));
    let bytes: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(joined(&import(&bytes, Purpose::Capture).unwrap()), list1());
}

#[test]
fn an_imported_capture_imports_again_unchanged() {
    let input = std::fs::read(Path::new("../../fixtures/import/home-assistant.txt")).unwrap();
    let capture = import(&input, Purpose::Capture).unwrap().to_capture("pasted.txt");
    let text = capture.to_text();
    assert_eq!(Capture::parse(&text).unwrap(), capture);
    let again = import(text.as_bytes(), Purpose::Capture).unwrap();
    assert_eq!((again.format, again.ids_replaced), (Format::Capture, 0));
    assert_eq!(again.to_capture("pasted.txt").rows, capture.rows);
}

#[test]
fn a_capture_of_ours_keeps_every_header_key() {
    let path = Path::new("../../captures/kamstrup/6841131-tn3-ciphered.csv");
    let text = std::fs::read_to_string(path).unwrap();
    let capture = Capture::parse(&text).unwrap();
    assert!(capture.header.len() > 9, "it has keys of its own");
    for purpose in [Purpose::Capture, Purpose::Decode] {
        let again = import(text.as_bytes(), purpose).unwrap();
        assert_eq!(again.to_capture("another.csv"), capture);
    }
}

#[test]
fn a_capture_of_ours_without_a_header_gets_what_its_telegrams_tell() {
    let path = Path::new("../../captures/aidon/6525-it3.csv");
    let text = std::fs::read_to_string(path).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let bare = format!("# source = a friend\n# evidence = inferred\n# mine = 7\n{}\n", rows.join("\n"));
    let header = import(bare.as_bytes(), Purpose::Capture).unwrap().to_capture("bare.csv").header;
    let header: Vec<(&str, &str)> =
        header.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let expected = [
        ("evidence", "inferred"),
        ("family", "aidon"),
        ("mine", "7"),
        ("model", "6525"),
        ("source", "a friend"),
        ("stage", "wire"),
        ("system", "3-phase IT"),
    ];
    assert_eq!(header, expected);
}

#[test]
fn hex_and_nothing_else_loses_no_byte_and_shows_apdus_as_such() {
    let apdu = &list1()[9..41];
    let rows = ["00ff7e", &hex::text(apdu), &hex::text(&list1()), &hex::text(&apdu[3..])].join("\n");
    let imported = import(rows.as_bytes(), Purpose::Decode).unwrap();
    let found: Vec<_> =
        imported.chunks.iter().map(|chunk| (chunk.apdu, line(chunk), chunk.bytes.len())).collect();
    assert_eq!(found, [(false, 1, 3), (true, 2, apdu.len()), (false, 3, 44), (true, 4, apdu.len() - 3)]);
    assert_eq!(joined(&imported), hex::bytes(&rows.replace('\n', "")).unwrap());
    // A capture has one stage.
    let capture = import(rows.as_bytes(), Purpose::Capture).unwrap();
    assert_eq!(joined(&capture), list1());
    // Wrapped anywhere, even within a byte.
    for width in [1, 7, 32, 33] {
        let digits = hex::text(&list1());
        let lines: Vec<&str> =
            (0..digits.len()).step_by(width).map(|at| &digits[at..digits.len().min(at + width)]).collect();
        let imported = import(lines.join("\n").as_bytes(), Purpose::Decode).unwrap();
        assert_eq!((imported.chunks.len(), joined(&imported)), (1, list1()), "{width}");
    }
    assert_eq!(joined(&import(b"00 11 22\n33", Purpose::Decode).unwrap()), [0x00, 0x11, 0x22, 0x33]);
    assert!(import(b"00 11 22\n33", Purpose::Capture).is_err());
}

#[test]
fn a_line_that_lost_a_digit_is_told_and_costs_no_other() {
    let frame = hex::text(&list1());
    let odd = &frame[1..];
    let note = "an odd number of hex digits (87); left out";
    for log in [format!("{frame}\n{odd}\n{frame}\n"), format!("rx {frame}\nrx {odd}\nrx 0x{frame}\n")] {
        let imported = import(log.as_bytes(), Purpose::Capture).unwrap();
        let told: Vec<_> = imported.notes.iter().map(|note| (note.line, note.text.as_str())).collect();
        assert_eq!((imported.chunks.len(), told), (2, vec![(2, note)]), "{log}");
    }
    for purpose in [Purpose::Capture, Purpose::Decode] {
        let alone = import(format!("\n{odd}\n").as_bytes(), purpose).unwrap_err();
        assert_eq!(alone, ImportError::OddDigits { line: 2, digits: 87 });
        assert_eq!(alone.at("x.txt"), "x.txt:2: an odd number of hex digits (87); every byte has two");
    }
    // A number is no hex that lost a digit.
    let log = format!("1713702165000000000 {frame}\n");
    assert_eq!(import(log.as_bytes(), Purpose::Capture).unwrap().notes, []);
}

#[test]
fn a_byte_may_be_cut_by_the_end_of_a_wrapped_line() {
    let hex = hex::text(&[list1(), list1()].concat());
    for width in [75, 77, 88, 175] {
        let lines: Vec<&str> =
            hex.as_bytes().chunks(width).map(|line| str::from_utf8(line).unwrap()).collect();
        let imported = import(lines.join("\n").as_bytes(), Purpose::Decode).unwrap();
        assert_eq!(joined(&imported), [list1(), list1()].concat(), "{width}");
        assert!(imported.chunks.iter().all(|chunk| chunk.junk.is_none()));
    }
}

#[test]
fn a_capture_of_ours_with_a_mistake_is_refused_where_it_is() {
    let text = std::fs::read_to_string("../../captures/aidon/6525-it3.csv").unwrap();
    let line = text.lines().count() - 1;
    let row = text.lines().nth(line - 1).unwrap();
    for (from, to, what) in [
        (row.to_string(), format!("{row}0"), "hex digits; expected an even number"),
        (row.to_string(), row.replace(",rx,", ",rz,"), "expected rx or tx"),
        ("# evidence = ".to_string(), "# evidence = quite ".to_string(), "expected one of recorded"),
    ] {
        for purpose in [Purpose::Capture, Purpose::Decode] {
            let error = import(text.replacen(&from, &to, 1).as_bytes(), purpose).unwrap_err();
            assert!(matches!(error, ImportError::Capture(_)), "{error}");
            let told = error.at("x.csv");
            assert!(told.starts_with("x.csv:") && told.contains(what), "{told}");
            assert_eq!(told.starts_with(&format!("x.csv:{line}: ")), from == row, "{told}");
        }
    }
    let mut bytes = text.into_bytes();
    let last = bytes.len() - 2;
    bytes[last] = 0xff;
    assert!(matches!(import(&bytes, Purpose::Capture), Err(ImportError::Capture(_))));
}

#[test]
fn what_is_too_short_for_a_frame_fails_no_checksum() {
    for text in ["7e", "7e 7e", "7ea02a"] {
        let notes = import(text.as_bytes(), Purpose::Decode).unwrap().notes;
        assert!(notes.iter().all(|note| !note.text.contains("checksum")), "{text}: {notes:?}");
    }
}

#[test]
fn lines_of_a_wrapped_telegram_are_known() {
    let hex = hex::text(&list1());
    let log = format!("chatter\n14:17:02 {}\n14:17:02 {}\n", &hex[..40], &hex[40..]);
    let imported = import(log.as_bytes(), Purpose::Decode).unwrap();
    assert_eq!(imported.chunks[0].lines, [(0, 2), (20, 3)]);
}

#[test]
fn a_name_with_line_breaks_makes_no_header_lines() {
    let imported = import(hex::text(&list1()).as_bytes(), Purpose::Capture).unwrap();
    let text = imported.to_capture("a\n# evidence = inferred").to_text();
    assert_eq!(Capture::parse(&text).unwrap().header["source"], "a # evidence = inferred");
}

#[test]
fn redaction_keeps_the_vendor_and_the_length_and_tells_ids_apart() {
    let apdu = |id: &str| [&[0x0a, 0x10], id.as_bytes()].concat();
    for vendor in ["735999", "6970631", "5706567"] {
        let ids = ["1234567890", "1234567891", "9234567890"];
        let fakes: Vec<Vec<u8>> =
            ids.iter().map(|id| redact(&apdu(&format!("{vendor}{id}")[..16])).bytes).collect();
        for fake in &fakes {
            assert_eq!(fake.len(), 18);
            assert!(fake[2..].starts_with(format!("{vendor}0000").as_bytes()));
            assert_eq!(redact(fake).bytes, *fake, "a fake id stays as it is");
        }
        assert!(fakes[0] != fakes[2]);
    }
}

#[test]
fn a_padded_id_keeps_its_padding() {
    let redacted = redact(b"\x0a\x1012345678\0\0\0\0\0\0\0\0");
    assert_eq!(redacted.replaced, 1);
    assert!(redacted.bytes.starts_with(b"\x0a\x100000"));
    assert!(redacted.bytes.ends_with(&[0; 8]));
}

#[test]
fn redaction_never_repairs_a_damaged_frame() {
    let input = std::fs::read_to_string(Path::new("../../fixtures/import/damaged.txt")).unwrap();
    let with = import(input.as_bytes(), Purpose::Capture).unwrap();
    let without = import(input.as_bytes(), Purpose::Decode).unwrap();
    for (with, without) in with.chunks.iter().zip(&without.chunks) {
        let tail = |bytes: &[u8]| bytes[bytes.len() - 3..].to_vec();
        assert_eq!(tail(&with.bytes), tail(&without.bytes));
    }
    let damage = |imported: &Imported| {
        imported.notes.iter().filter(|note| !note.text.contains("replaced")).cloned().collect::<Vec<_>>()
    };
    assert_eq!(damage(&with), damage(&without));
}

#[test]
fn redaction_leaves_intact_telegrams_intact() {
    for name in ["xxd", "spaced-rows", "hexdump", "p1-text", "mbus-segments", "shared-flag"] {
        let input =
            std::fs::read(Path::new("../../fixtures/import").join(name).with_extension("txt")).unwrap();
        let redacted = import(&input, Purpose::Capture).unwrap();
        let again = import(hex::text(&joined(&redacted)).as_bytes(), Purpose::Decode).unwrap();
        assert_eq!(again.notes, [], "{name}");
        assert_eq!(joined(&again), joined(&redacted), "{name}");
    }
}

#[test]
fn the_number_of_a_danish_kamstrup_meter_is_an_id() {
    let list = hex::bytes("09060101000001ff0601535f1a0906010101").unwrap();
    let redacted = redact(&list);
    assert_eq!(redacted.replaced, 1);
    assert_eq!(redacted.bytes[..9], list[..9]);
    assert_eq!(redacted.bytes[9..11], [0, 0], "eight digits that begin with four zeros");
    assert_eq!(redacted.bytes[13..], list[13..]);
}

#[test]
fn a_hole_in_the_offsets_of_a_dump_ends_the_telegram() {
    let (_, dump) = layouts(&list1()).into_iter().find(|(name, _)| *name == "hexdump").unwrap();
    let rows: Vec<&str> = dump.lines().collect();
    let imported = import([rows[0], rows[2]].join("\n").as_bytes(), Purpose::Capture).unwrap();
    assert_eq!(joined(&imported), list1()[..16]);
}

#[test]
fn a_flag_shared_by_two_rows_is_one_flag() {
    let rows = format!("{}\n{}\n", hex::text(&list1()), hex::text(&list1()[1..]));
    let imported = import(rows.as_bytes(), Purpose::Capture).unwrap();
    assert_eq!(imported.chunks.len(), 2);
    assert_eq!(joined(&imported), [list1().as_slice(), &list1()[1..]].concat());
    assert_eq!(imported.notes, []);
}

#[test]
fn rows_take_the_time_of_the_line_that_announces_them() {
    let log = format!("14:17:02 HAN data\n{}\n14:17:04.5 HAN data\n{0}\n", hex::text(&list1()));
    let imported = import(log.as_bytes(), Purpose::Capture).unwrap();
    let times: Vec<_> = imported.chunks.iter().map(|chunk| chunk.t_us).collect();
    assert_eq!(times, [Some(0), Some(2_500_000)]);
}
