//! Logs of firmware that uses defmt, with a table made here: no compiler for chips is needed.

use crate::board::{Board, RAM};
use crate::images::{EM_ARM, elf_with, file};
use hanbench_rig::config::{ProbeKind, ProbeTable};
use hanbench_rig::dut::Running;
use hanbench_rig::probe::defmt::{Decoder, Line};
use hanbench_rig::probe::{ChipBench, Image};
use hanbench_target::{Chip, Firmware, FirmwareThread, Rtt};
use std::path::Path;
use std::time::{Duration, Instant};

/// Number, tag and string of each entry.
const STRINGS: [(u32, &str, &str); 12] = [
    (1, "defmt_timestamp", "{=u64:us}"),
    (2, "defmt_info", "telegram {=u16} crc {=u16:x} from {=str}"),
    (3, "defmt_error", "{=i8} {=i32:#010x} {=bool} {=f32} {=char}"),
    (4, "defmt_warn", "state {:?}, then {=?}"),
    (5, "defmt_derived", "Idle|Reading {{ bytes: {=u8:?}, family: {=istr:?} }}|Off"),
    (6, "defmt_str", "aidon"),
    (7, "defmt_debug", "{=[u8]} {=[u8]:a} {=[u8; 2]:02x} {=[?]:x}"),
    (8, "defmt_prim", "{=u8}"),
    (9, "defmt_trace", "{0=0..4} {0=4..8:b} {1=__internal_Display} {2=u8:03}"),
    (10, "defmt_println", "no arguments {{}}"),
    (11, "defmt_info", "{=__internal_FormatSequence}"),
    (12, "defmt_derived", "<{=u8}>"),
];

fn image(folder: &Path, version: &str, encoding: &str) -> Image {
    let mut symbols =
        vec![(format!("_defmt_version_ = {version}"), 0), (format!("_defmt_encoding_ = {encoding}"), 0)];
    for (number, tag, text) in STRINGS {
        let name = serde_json::json!({
            "package": "dongle", "disambiguator": number.to_string(), "tag": tag, "data": text, "crate_name": "dongle",
        });
        symbols.push((name.to_string(), number));
    }
    symbols.push(("_SEGGER_RTT".into(), TALKER));
    let symbols: Vec<(&str, u32)> = symbols.iter().map(|(name, number)| (name.as_str(), *number)).collect();
    Image::load(&file(folder, "log.elf", &elf_with(".defmt", EM_ARM, 0, &[0; 64], &symbols)))
        .expect("an image")
}

/// A frame: number, time, arguments, packed and ended.
fn frame(number: u16, time_us: u64, arguments: &[&[u8]]) -> Vec<u8> {
    let bytes = [&number.to_le_bytes()[..], &time_us.to_le_bytes(), &arguments.concat()].concat();
    pack(&bytes)
}

/// rzCOBS: groups of seven bytes with a code behind them that says which were zero; longer runs without zero are cut at 134.
fn pack(bytes: &[u8]) -> Vec<u8> {
    let (mut out, mut run, mut zeros) = (Vec::new(), 0u8, 0u8);
    for byte in bytes {
        if run < 7 {
            if *byte == 0 {
                zeros |= 1 << run;
            } else {
                out.push(*byte);
            }
            run += 1;
            if run == 7 && zeros != 0 {
                out.push(zeros);
                (run, zeros) = (0, 0);
            }
        } else if *byte == 0 {
            out.push((run - 7) | 0x80);
            (run, zeros) = (0, 0);
        } else {
            out.push(*byte);
            run += 1;
            if run == 134 {
                out.push(0xFF);
                (run, zeros) = (0, 0);
            }
        }
    }
    match run {
        0 => {}
        1..=6 => out.push((zeros | 0xFF << run) & 0x7F),
        _ => out.push((run - 7) | 0x80),
    }
    out.push(0);
    out
}

fn said(decoder: &mut Decoder, bytes: &[u8]) -> Vec<(&'static str, String, String)> {
    let lines = decoder.feed(bytes).into_iter();
    lines
        .map(|line| line.expect("a message"))
        .map(|Line { level, timestamp, text }| (level, timestamp, text))
        .collect()
}

#[test]
fn messages_are_put_together_from_the_strings_of_the_elf() {
    let folder = tempfile::tempdir().expect("a folder");
    let strings = image(folder.path(), "4", "rzcobs").log_strings().expect("a table").expect("defmt is used");
    let mut decoder = Decoder::new(strings);
    let text = |text: &str| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    let cases: Vec<(u16, Vec<Vec<u8>>, &str, &str)> = vec![
        (
            2,
            vec![42u16.to_le_bytes().into(), 0xBEEFu16.to_le_bytes().into(), text("kaifa")],
            "info",
            "telegram 42 crc beef from kaifa",
        ),
        (
            3,
            vec![
                vec![0x80],
                (-2i32).to_le_bytes().into(),
                vec![1],
                1.5f32.to_le_bytes().into(),
                (u32::from('å')).to_le_bytes().into(),
            ],
            "error",
            "-128 0xfffffffe true 1.5 å",
        ),
        (
            4,
            vec![vec![5, 0, 1, 200, 6, 0], vec![5, 0, 2]],
            "warn",
            "state Reading { bytes: 200, family: \"aidon\" }, then Off",
        ),
        (
            7,
            vec![vec![2, 0, 0, 0, 1, 2], text("a\n"), vec![7, 8], vec![2, 0, 0, 0, 8, 0, 10, 11]],
            "debug",
            "[1, 2] b\"a\\n\" [07, 08] [a, b]",
        ),
        (9, vec![vec![0xA5], b"5.3 A\xff".to_vec(), vec![7]], "trace", "5 1010 5.3 A 007"),
        (10, vec![], "println", "no arguments {}"),
        (11, vec![vec![12, 0, 1, 12, 0, 2, 0, 0]], "info", "<1><2>"),
    ];
    let mut stream = Vec::new();
    for (place, (number, arguments, _, _)) in (1u64..).zip(&cases) {
        let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        stream.extend(frame(*number, place * 1_500_000, &arguments));
    }
    // However the bytes come in.
    let lines: Vec<_> = stream.chunks(3).flat_map(|piece| said(&mut decoder, piece)).collect();
    assert_eq!(lines.len(), cases.len());
    for (line, (_, _, level, text)) in lines.iter().zip(&cases) {
        assert_eq!((line.0, line.2.as_str()), (*level, *text));
    }
    assert_eq!(lines[0].1, "1.500000");
    // Longer than every group of the packing.
    for len in [120, 133, 134, 135, 300] {
        let long = "x".repeat(len);
        let line = said(&mut decoder, &frame(2, 1, &[&[1, 0, 2, 0], &text(&long)]));
        assert_eq!(line[0].2, format!("telegram 1 crc 2 from {long}"));
    }
}

#[test]
fn rubbish_is_handed_back_and_the_next_message_is_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let strings = image(folder.path(), "3", "rzcobs").log_strings().expect("a table").expect("defmt is used");
    let mut decoder = Decoder::new(strings);
    let good = frame(10, 7, &[]);
    let cases = [
        ("half a message", good[3..].to_vec()),
        ("a number that no string has", frame(99, 7, &[])),
        ("a string that is only a part", frame(6, 7, &[])),
        ("arguments that are missing", frame(2, 7, &[])),
        ("arguments too many", frame(10, 7, &[&[1, 2, 3]])),
        ("a text longer than the frame", frame(2, 7, &[&[1, 0, 1, 0, 0xFF, 0xFF, 0xFF, 0xFF]])),
        ("a list without end", frame(7, 7, &[&[0; 4], &[0; 4], &[1, 1], &[0xFF, 0xFF, 0xFF, 0xFF, 10, 0]])),
        ("no alternative of that number", frame(4, 7, &[&[5, 0, 9]])),
        ("a format in itself, for ever", frame(11, 7, &[&[11, 0].repeat(40)])),
    ];
    for (what, bytes) in cases {
        assert!(decoder.feed(&bytes).iter().all(Result::is_err), "{what}");
        assert_eq!(
            said(&mut decoder, &good),
            [("println", "0.000007".to_string(), "no arguments {}".to_string())],
            "{what}"
        );
    }
    assert!(decoder.feed(&[0, 0, 0]).is_empty(), "ends of frames alone say nothing");
    assert_eq!(decoder.feed(&[1; 70_000]).len(), 1, "no end in sight");
}

#[test]
fn a_table_that_cannot_be_used_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let wrong = |version, encoding| {
        image(folder.path(), version, encoding).log_strings().expect_err("unusable").to_string()
    };
    assert!(wrong("5", "rzcobs").contains("wire format 5; expected 3 or 4"));
    assert!(wrong("4", "raw").contains("encoding is raw; expected rzcobs"));
    let plain = Image::load(&file(folder.path(), "plain.elf", &elf_with(".text", EM_ARM, 0, &[0; 8], &[])))
        .expect("an image");
    assert!(plain.log_strings().expect("no log").is_none());
    let bin = Image::load(&file(folder.path(), "plain.bin", &[1, 2, 3])).expect("an image");
    assert!(bin.log_strings().expect("no log").is_none());
}

/// Where firmware that reads out and logs has its control block.
const TALKER: u32 = RAM + 0x1000;

/// How many of them.
const ROUNDS: u32 = 20;

/// Firmware that claims readings in two pieces each, with a log frame between them.
struct Talker {
    rtt: Option<Rtt>,
    ticks: u32,
}

impl Firmware for Talker {
    fn start(&mut self, chip: &mut Chip) {
        self.rtt = Rtt::place(chip, TALKER, &[("readings", 1024), ("defmt", 1024)], &[]).ok();
        self.ticks = 0;
    }

    fn tick(&mut self, chip: &mut Chip, _now_us: u64) {
        let Some(rtt) = &self.rtt else { return };
        self.ticks += 1;
        let log =
            frame(2, 5, &[&7u16.to_le_bytes(), &0xABCDu16.to_le_bytes(), &5u32.to_le_bytes(), b"kaifa"]);
        let said: (usize, &[u8]) = match self.ticks % 3 {
            1 => (0, b"{\"active_import"),
            2 => (1, &log),
            _ => (0, b"_w\":733}\n"),
        };
        if self.ticks <= 3 * ROUNDS {
            rtt.write(chip, said.0, said.1).expect("room");
        }
    }
}

#[test]
fn readings_and_log_of_running_firmware_are_lines_of_one_conversation() {
    let board = Board::stm32("talker");
    let path = image(board.folder.path(), "4", "rzcobs").path().to_path_buf();
    let table = ProbeTable {
        kind: ProbeKind::Usb,
        settings: board.settings.clone(),
        image: Some(path),
        flash: false,
    };
    let talker = Talker { rtt: None, ticks: 0 };
    let _thread = FirmwareThread::start(board.target.clone(), talker, Duration::from_millis(2));
    let mut chip = ChipBench::open(&table, None).expect("a chip");
    let firmware = Running::Firmware(chip.start().expect("firmware"));
    let (mut lines, until) = (Vec::new(), Instant::now() + Duration::from_secs(10));
    while lines.len() < 2 * ROUNDS as usize && Instant::now() < until {
        lines.extend(firmware.inbox().take(until).into_iter().map(|line| line.text));
    }
    // Whole, whatever came between their pieces.
    let (claims, log): (Vec<_>, Vec<_>) = lines.iter().partition(|line| *line == "{\"active_import_w\":733}");
    assert_eq!((claims.len(), log.len()), (ROUNDS as usize, ROUNDS as usize), "{lines:?}");
    assert!(log.iter().all(|line| line.ends_with("info telegram 7 crc abcd from kaifa")), "{log:?}");
}
