//! The firmware with a clock that the test drives: no thread, no socket, no probe.

use super::firmware::DongleFirmware;
use super::hardware::{FLASH, RTT, SAMPLES, SLOT_SIZE, SLOTS, chip, program};
use super::uart::Uart;
use super::{Broken, Variant, fault};
use crate::clamps::dongle::Blocks;
use crate::dongle::{self, Dongle, Scale};
use crate::samples::ram::{GIVEN_AT, SLOT_HEAD, SLOTS_AT, TAKEN_AT};
use crate::samples::{Block, data, end, head};
use hanbench_core::capture::Capture;
use hanbench_core::clamps::Fault;
use hanbench_core::reading::Instant;
use hanbench_core::wire::cipher::Keys;
use hanbench_target::{Chip, Runner, Target};
use probe_rs::config::Registry;
use serde_json::{Value, json};

const READY: &str = r#"{"event":"ready"}"#;
const CAPTURE: &str = include_str!("../../../../captures/aidon/6525-it3.csv");

struct Desk {
    target: Target,
    uart: Uart,
    runner: Runner<DongleFirmware>,
    now_us: u64,
    given: u32,
}

impl Desk {
    fn new(variant: Variant) -> Desk {
        let chip = chip(&Registry::from_builtin_families(), &program()).expect("a chip");
        let (target, uart) = (Target::new(chip), Uart::default());
        let runner = Runner::new(target.clone(), DongleFirmware::new(variant, uart.clone()));
        Desk { target, uart, runner, now_us: 0, given: 0 }
    }

    fn broken(name: &str) -> Desk {
        Desk::new(Variant { broken: Some(Broken::named(name).expect(name)), ..Variant::default() })
    }

    fn faulty(fault: fault::Fault) -> Desk {
        Desk::new(Variant { fault: Some(fault), ..Variant::default() })
    }

    fn tick(&mut self) {
        self.now_us += 200;
        self.runner.tick(self.now_us);
    }

    /// Ticks once and empties the ring.
    fn lines(&mut self) -> Vec<String> {
        self.tick();
        let text = drain(&mut self.target.chip());
        text.lines().map(str::to_string).collect()
    }

    fn hears(&mut self, bytes: &[u8]) -> Vec<String> {
        self.uart.receive(bytes);
        self.lines()
    }

    /// Puts a block into its slot, and ticks until it was taken.
    fn gives(&mut self, block: &[u8]) -> Vec<String> {
        let mut chip = self.target.chip();
        let slot = SAMPLES.address + SLOTS_AT + self.given % SLOTS * (SLOT_HEAD + SLOT_SIZE);
        chip.write_word(slot, block.len() as u32).expect("RAM");
        chip.write(slot + SLOT_HEAD, block).expect("RAM");
        self.given += 1;
        chip.write_word(SAMPLES.address + GIVEN_AT, self.given).expect("RAM");
        drop(chip);
        let lines = self.lines();
        assert_eq!(self.target.chip().word(SAMPLES.address + TAKEN_AT), Ok(self.given));
        lines
    }
}

/// The debugger's side of up channel 0.
fn drain(chip: &mut Chip) -> String {
    let descriptor = RTT.address + 24;
    let word = |chip: &Chip, place: u32| chip.word(descriptor + place * 4).expect("RAM");
    let (buffer, size, write, read) = (word(chip, 1), word(chip, 2), word(chip, 3), word(chip, 4));
    let ahead = (write + size - read) % size;
    let bytes = (0..ahead).map(|place| chip.bytes(buffer + (read + place) % size, 1).expect("RAM")[0]);
    let bytes: Vec<u8> = bytes.collect();
    chip.write_word(descriptor + 16, write).expect("RAM");
    String::from_utf8(bytes).expect("text")
}

fn telegrams() -> Vec<Vec<u8>> {
    let capture = Capture::parse(CAPTURE).expect("a capture");
    capture.received().take(9).map(|(_, bytes)| bytes.to_vec()).collect()
}

#[test]
fn it_is_ready_after_each_start_and_deaf_before() {
    let mut desk = Desk::new(Variant::default());
    desk.uart.receive(&telegrams()[0]);
    assert_eq!(desk.lines(), [READY], "what came before the start is lost");
    assert_eq!(desk.hears(&telegrams()[0]).len(), 1);
    let (half, rest) = (telegrams()[0].split_at(100).0.to_vec(), telegrams()[0].split_at(100).1.to_vec());
    assert!(desk.hears(&half).is_empty());
    desk.target.chip().reset();
    assert_eq!(desk.lines(), [READY]);
    assert!(
        !desk.hears(&rest).iter().any(|line| line.contains("active_import_w")),
        "a reset forgets half a frame"
    );
}

#[test]
fn another_image_does_not_run() {
    let mut desk = Desk::new(Variant::default());
    let last = FLASH + program().len() as u32 - 1;
    assert!(desk.target.chip().flash.preload(last, &[0]));
    desk.tick();
    assert_eq!(desk.target.chip().word(RTT.address), Ok(0), "no control block");
}

#[test]
fn what_has_no_room_waits_and_nothing_is_lost() {
    let mut desk = Desk::new(Variant::default());
    assert_eq!(desk.lines(), [READY]);
    let all: Vec<Vec<u8>> = telegrams().into_iter().cycle().take(40).collect();
    for telegram in &all {
        desk.uart.receive(telegram);
        desk.tick();
    }
    let (mut text, mut rounds) = (String::new(), 0);
    while text.matches('\n').count() < all.len() {
        text += &drain(&mut desk.target.chip());
        desk.tick();
        rounds += 1;
        assert!(rounds < 100, "{text}");
    }
    let expected: Vec<String> = {
        let mut other = Desk::new(Variant::default());
        other.tick();
        drain(&mut other.target.chip());
        all.iter().flat_map(|telegram| other.hears(telegram)).collect()
    };
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    assert!(rounds > 2, "the ring was never full");
}

#[test]
fn every_seventh_claim_is_lost_where_it_should_be() {
    let mut desk = Desk::broken("loses-a-line");
    assert_eq!(desk.lines(), [READY]);
    let counts: Vec<usize> =
        telegrams().iter().cycle().take(15).map(|telegram| desk.hears(telegram).len()).collect();
    assert_eq!(counts, [1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 1]);
}

#[test]
fn delays_and_ends_of_the_broken_dongles_are_kept() {
    let mut desk = Desk::broken("late");
    assert_eq!(desk.lines(), [READY]);
    assert!(desk.hears(&telegrams()[0]).is_empty());
    desk.now_us += 2_499_000;
    assert!(desk.lines().is_empty());
    desk.now_us += 1_000;
    assert_eq!(desk.lines().len(), 1);
    let mut desk = Desk::broken("exit-after-5");
    assert_eq!(desk.lines(), [READY]);
    let counts: Vec<usize> = telegrams().iter().map(|telegram| desk.hears(telegram).len()).collect();
    assert_eq!(counts, [1, 1, 1, 1, 1, 0, 0, 0, 0]);
    desk.target.chip().reset();
    assert_eq!(desk.lines(), [READY], "a reset brings it back");
}

#[test]
fn every_broken_han_dongle_is_broken_alike_as_firmware() {
    for broken in dongle::Broken::ALL.into_iter().map(Some).chain([None]) {
        let mut desk = Desk::new(Variant { broken: broken.map(Broken::Han), ..Variant::default() });
        assert_eq!(desk.lines(), [READY]);
        let mut other = Dongle::new(broken, Scale::ONE, dongle::reference(Keys::default()));
        for mut telegram in [telegrams(), telegrams()].concat() {
            // Some of them look at damage.
            telegram[40] ^= u8::from(telegram.len() == 44);
            let mut said = other.take(&telegram, Instant(desk.now_us));
            let mut heard = desk.hears(&telegram);
            // Long enough for one that is late, and for a frame that does not end.
            desk.now_us += 2_500_000;
            said.extend(other.take(&[], Instant(desk.now_us)));
            heard.extend(desk.lines());
            let texts: Vec<&str> = said.iter().map(|line| line.text.as_str()).collect();
            assert_eq!(heard, texts, "{broken:?}");
            if said.iter().any(|line| line.exit.is_some()) {
                break;
            }
        }
    }
}

/// Blocks of 20 ms of 230 V and 10 A flowing out, a thousand samples a second.
fn mains() -> Vec<Block> {
    let input = |quantity: &str, per_lsb: f64| {
        json!({"quantity": quantity, "phase": 0, "per_lsb": per_lsb, "zero": 0.0,
               "codes": [-32768, 32767], "slot_s": 0.0001})
    };
    let told = json!({"rate_hz": 1000.0, "inputs": [input("voltage", 0.02), input("current", 0.005)],
                      "calibration": {"ratio_pct": [], "lead_deg": [[5.0, 1.5]]}, "neutral": true, "factor": 2.0,
                      "start_a": 0.02, "range_a": 100.0, "netting": "summed", "pulses_per_kwh": 0});
    let sample =
        |at: u64, peak: f64| ((at as f64 * std::f64::consts::TAU / 20.0).sin() * peak).round() as i16;
    let block = |number: u32| {
        let first = u64::from(number) * 20;
        let samples =
            (first..first + 20).flat_map(|at| [sample(at, 16_263.0), sample(at, -2828.0)]).collect();
        Block::Data { number, first, samples }
    };
    let head = Block::Head(told.to_string().into_bytes());
    [head].into_iter().chain((0..110).map(block)).chain([Block::End { frames: 2200 }]).collect()
}

#[test]
fn every_broken_clamp_dongle_is_broken_alike_as_firmware() {
    for fault in Fault::ALL.into_iter().map(|(_, fault)| Some(fault)).chain([None]) {
        let mut desk = Desk::new(Variant { broken: fault.map(Broken::Clamps), ..Variant::default() });
        assert_eq!(desk.lines(), [READY]);
        let mut other = Blocks::new(fault);
        for block in mains() {
            let bytes = match &block {
                Block::Head(json) => head(json),
                Block::Data { number, first, samples } => data(*number, *first, samples),
                Block::End { frames } => end(*frames),
            };
            let said: Vec<String> = other.take(block).iter().map(Value::to_string).collect();
            assert_eq!(desk.gives(&bytes), said, "{fault:?}");
        }
    }
}

/// A voltage that is 0 all the time: a block of 300 ms, every time.
fn told() -> Vec<u8> {
    let input = json!({"quantity": "voltage", "phase": 0, "per_lsb": 0.02, "zero": 0.0,
                       "codes": [-32768, 32767], "slot_s": 0.0});
    let told = json!({"rate_hz": 1000.0, "inputs": [input], "calibration": {"ratio_pct": [], "lead_deg": []},
                      "neutral": true, "factor": 1.0, "start_a": 0.02, "range_a": 100.0, "netting": "summed",
                      "pulses_per_kwh": 0});
    head(told.to_string().as_bytes())
}

#[test]
fn a_dropped_buffer_shows_in_the_number_of_samples_and_nowhere_else() {
    for (name, measured) in [(None, 1200), (Some("drops-a-buffer"), 1180)] {
        let mut desk = name.map_or_else(|| Desk::new(Variant::default()), Desk::broken);
        assert_eq!(desk.lines(), [READY]);
        for _ in 0..2 {
            let mut said = desk.gives(&told());
            for number in 0..60 {
                said.extend(desk.gives(&data(number, u64::from(number) * 20, &[0; 20])));
            }
            said.extend(desk.gives(&end(1200)));
            let last: Value = serde_json::from_str(&said[said.len() - 1]).expect("JSON");
            assert_eq!(last, json!({"event": "end", "samples": measured}), "{said:?}");
            assert!(!said.iter().any(|line| line.contains("gap")), "{said:?}");
        }
    }
}

#[test]
fn a_slot_that_holds_no_block_shows_as_a_gap() {
    let mut desk = Desk::new(Variant::default());
    assert_eq!(desk.lines(), [READY]);
    assert!(desk.gives(&told()).is_empty());
    let mut spoilt = data(0, 0, &[0; 20]);
    spoilt[20] ^= 1;
    assert!(desk.gives(&spoilt).is_empty());
    assert_eq!(desk.gives(&data(1, 20, &[0; 20])), [r#"{"event":"gap","expected":0,"got":20}"#]);
    // A number from before a reset.
    let at = SAMPLES.address + GIVEN_AT;
    desk.target.chip().write_word(at, 77).expect("RAM");
    assert!(desk.lines().is_empty());
    assert_eq!(desk.target.chip().word(SAMPLES.address + TAKEN_AT), Ok(3));
}

#[test]
fn a_fault_strikes_behind_the_third_claim_and_once() {
    let claims = |desk: &mut Desk| -> Vec<String> {
        let said = telegrams().into_iter().map(|telegram| desk.hears(&telegram).concat());
        said.map(|line| if line.contains("active_import_w") { "claim".into() } else { line }).collect()
    };
    let mut desk = Desk::faulty(fault::Fault::ResetAfterClaims);
    assert_eq!(desk.lines(), [READY]);
    let resets = desk.target.chip().counts.resets;
    let mut expected = vec!["claim"; 9];
    // The fourth claim is lost, and so is what came before the chip had started again.
    (expected[3], expected[4]) = ("", READY);
    assert_eq!(claims(&mut desk), expected);
    assert_eq!(desk.target.chip().counts.resets, resets + 1);
    let mut desk = Desk::faulty(fault::Fault::CableOutAfterClaims);
    assert_eq!(desk.lines(), [READY]);
    assert_eq!(claims(&mut desk), ["claim"; 9], "the firmware does not notice");
    assert!(desk.target.chip().faults.unplugged);
}
