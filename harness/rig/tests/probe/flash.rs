//! Flashing, and everything that can go wrong with it.

use crate::board::{BLOCK, Board, FLASH, hear, program};
use crate::images::{elf, file, hex, sign};
use hanbench_core::verdict::Cause;
use hanbench_rig::chip::elf::EM_RISCV;
use hanbench_rig::probe::{Format, Image};
use hanbench_target::routine::Routine;
use std::path::Path;

const LEN: usize = 6000;

fn calls(board: &Board, routine: Routine) -> usize {
    board.target.chip().counts.calls.iter().filter(|(called, _)| *called == routine).count()
}

#[test]
fn an_image_is_written_verified_and_started_once() {
    let board = Board::stm32("flash");
    let image = board.image(1, LEN);
    let mut probe = board.open();
    let resets = board.target.chip().counts.resets;
    let flashed = probe.flash(&image).expect("flash");
    assert_eq!((flashed.written, flashed.bytes, flashed.sha256.len()), (true, LEN as u64, 64));
    assert_eq!(board.flash(LEN), program(1, LEN));
    assert_eq!((calls(&board, Routine::EraseSector), calls(&board, Routine::ProgramPage)), (6, 6));
    assert!(board.target.chip().counts.resets > resets);
    probe.rtt_attach(BLOCK.into()).expect("the new firmware runs");
    hear(&mut probe, "hello\n");
    // The same again: read back, compared, and left alone.
    let again = probe.flash(&image).expect("flash");
    assert_eq!((again.written, again.sha256), (false, flashed.sha256));
    assert_eq!(calls(&board, Routine::ProgramPage), 6);
    hear_on(&mut probe);
    // One byte differs.
    assert!(board.target.chip().flash.preload(FLASH + LEN as u32 - 1, &[0]));
    assert!(probe.flash(&image).expect("flash").written);
    assert_eq!(board.flash(LEN), program(1, LEN));
}

/// RTT survives an image that was left alone.
fn hear_on(probe: &mut hanbench_rig::probe::Probe) {
    probe.rtt_write(0, b"still there\n").expect("write");
    hear(probe, "STILL THERE\n");
}

#[test]
fn an_image_without_a_byte_proves_nothing() {
    let board = Board::stm32("nothing");
    let mut probe = board.open();
    let image = Image::load(&file(board.folder.path(), "end.hex", b":00000001FF\n")).expect("an image");
    let error = probe.flash(&image).expect_err("nothing to write");
    assert!(error.cause == Cause::Config && error.why.contains("there is nothing in it"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_key_that_is_no_file_is_refused_and_not_waited_for() {
    let board = Board::stm32("no-key");
    let image = board.image(7, LEN);
    let key = board.folder.path().join("key");
    let _socket = std::os::unix::net::UnixListener::bind(&key).expect("a socket");
    let error = image.check_signature(&key).expect_err("no file");
    assert!(error.cause == Cause::Config && error.why.contains("a pipe or a device"), "{error}");
}

#[test]
fn a_symbol_where_no_ram_is_is_a_mistake_of_the_image() {
    let board = Board::stm32("no-ram");
    let mut probe = board.open();
    assert_eq!(probe.check_ram("_SEGGER_RTT", BLOCK.into()), Ok(()));
    for address in [0x3000_0000, u64::from(FLASH), 0x2000_5000] {
        let error = probe.check_ram("_SEGGER_RTT", address).expect_err("no RAM");
        assert!(error.cause == Cause::Config && error.why.contains("has no RAM"), "{error}");
    }
}

#[test]
fn hex_and_bin_end_at_the_same_place_as_elf() {
    let board = Board::stm32("formats");
    let mut probe = board.open();
    let files =
        [("a.hex", hex(FLASH, &program(2, LEN)), Format::Hex), ("a.bin", program(3, LEN), Format::Bin)];
    for (seed, (name, bytes, format)) in (2..).zip(files) {
        let image = Image::load(&file(board.folder.path(), name, &bytes)).expect("an image");
        assert_eq!(image.format(), format);
        assert!(probe.flash(&image).expect(name).written);
        assert_eq!(board.flash(LEN), program(seed, LEN), "{name}");
        assert!(image.symbol("x").expect_err(name).to_string().contains("no ELF"), "{name}");
    }
}

#[test]
fn a_cell_that_does_not_take_is_found_by_reading_back() {
    let board = Board::stm32("worn");
    let image = board.image(1, LEN);
    let mut probe = board.open();
    let place = program(1, LEN).iter().rposition(|byte| byte & 1 == 0).expect("a bit to clear");
    board.target.chip().flash.wear_out(FLASH + place as u32, 1);
    let error = probe.flash(&image).expect_err("one bit differs");
    assert_eq!(error.cause, Cause::Rig);
    assert!(error.to_string().to_lowercase().contains("verif"), "{error}");
    assert_eq!(calls(&board, Routine::ProgramPage), 6);
}

#[test]
fn a_sector_that_does_not_erase_is_named() {
    let board = Board::stm32("erase");
    let image = board.image(1, LEN);
    let mut probe = board.open();
    board.target.chip().routines.fails = Some((Routine::EraseSector, 7));
    let error = probe.flash(&image).expect_err("no erase");
    assert_eq!(error.cause, Cause::Rig);
    assert!(error.to_string().contains("0x08000000") && error.to_string().contains("code 7"), "{error}");
    assert_eq!(calls(&board, Routine::ProgramPage), 0);
    board.target.chip().routines.fails = None;
    assert!(probe.flash(&image).expect("now it erases").written);
}

#[test]
fn an_algorithm_that_hangs_ends_in_time() {
    let board = Board::stm32("hang");
    let image = board.image(1, LEN);
    let mut probe = board.open();
    board.target.chip().routines.hangs = Some(Routine::ProgramPage);
    let error = probe.flash(&image).expect_err("it hangs");
    assert_eq!(error.cause, Cause::Timeout, "{error}");
    board.target.chip().routines.hangs = None;
    assert!(probe.flash(&image).expect("the next time it does not").written);
    assert_eq!(board.flash(LEN), program(1, LEN));
}

#[test]
fn an_algorithm_that_takes_its_time_is_waited_for() {
    let board = Board::stm32("patience");
    board.target.chip().routines.looks = 3;
    let mut probe = board.open();
    assert!(probe.flash(&board.image(1, LEN)).expect("flash").written);
    assert_eq!(board.flash(LEN), program(1, LEN));
}

#[test]
fn an_image_for_something_else_changes_nothing() {
    let board = Board::stm32("misfit");
    let mut probe = board.open();
    let before = board.flash(LEN);
    let cases: [(&str, Vec<u8>, &str); 4] = [
        ("riscv.elf", elf(EM_RISCV, FLASH, &program(1, LEN), &[]), "another architecture"),
        ("far.hex", hex(0x0900_0000, &program(1, 64)), "neither flash nor RAM"),
        ("large.bin", vec![0x55; 0x1_0001], "neither flash nor RAM"),
        ("torn.elf", elf(40, FLASH, &program(1, LEN), &[])[..300].to_vec(), "ELF"),
    ];
    for (name, bytes, words) in cases {
        let image = Image::load(&file(board.folder.path(), name, &bytes)).expect("a file");
        let error = probe.flash(&image).expect_err(name);
        assert!(error.cause == Cause::Config && error.to_string().contains(words), "{name}: {error}");
    }
    assert_eq!(board.flash(LEN), before);
    assert!(board.target.chip().counts.calls.is_empty());
    let missing = Image::load(&board.folder.path().join("none.elf")).expect_err("no file");
    assert_eq!(missing.cause, Cause::Config);
}

#[test]
fn only_what_the_right_key_signed_is_written() {
    let mut board = Board::stm32("signed");
    let image = board.image(1, LEN);
    let before = board.flash(LEN);
    let key = sign(image.path(), 5);
    let other = sign(image.path(), 6);
    sign(image.path(), 5);
    let mut flash = |image: &Image, key: &Path| {
        board.settings.signed_by = Some(key.to_path_buf());
        let mut probe = board.open();
        let transfers = board.target.chip().counts.transfers;
        let result = probe.flash(image);
        (result, board.target.chip().counts.transfers - transfers)
    };
    let mut refused = |image: &Image, key: &Path, words: &str| {
        let (result, transfers) = flash(image, key);
        let error = result.expect_err(words);
        assert!(error.cause == Cause::Config && error.to_string().contains(words), "{words}: {error}");
        assert_eq!(transfers, 0, "{words}: nothing may be sent");
    };
    refused(&image, &other, "its signature is not one of");
    let mut flipped = image.bytes().to_vec();
    flipped[200] ^= 1;
    let folder = image.path().parent().expect("a folder");
    let tampered = Image::load(&file(folder, "1.elf", &flipped)).expect("an image");
    refused(&tampered, &key, "its signature is not one of");
    let unsigned = Image::load(&file(folder, "9.elf", image.bytes())).expect("an image");
    refused(&unsigned, &key, "9.elf.sig: there is no such file");
    file(folder, "9.elf.sig", &[0; 63]);
    refused(&unsigned, &key, "63 bytes; expected a signature of 64 bytes");
    let no_key = file(folder, "no.pem", b"-----BEGIN CERTIFICATE-----");
    refused(&image, &no_key, "no public key");
    assert!(flash(&image, &key).0.expect("signed").written);
    assert_ne!(before, program(1, LEN));
    assert_eq!(board.flash(LEN), program(1, LEN));
}
