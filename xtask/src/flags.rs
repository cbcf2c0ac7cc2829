//! The command line. The doc comments are the help text.

use crate::commands::hunt::Objective;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand};
use hanbench_rig::session::Speed;
use std::path::PathBuf;

/// The test bench for everything that hangs on a Nordic electricity meter's HAN port.
///
/// Exit codes: 0 all judged checks passed, 1 at least one FAIL, 2 bad input or usage,
/// 3 the rig is not available or was lost, 4 nothing was proven, 70 a bug in hanbench.
#[derive(Parser, Debug)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
pub struct Flags {
    /// Only results and errors; no progress, no notes.
    #[arg(long, global = true)]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of the contract, section 1.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Plays captures and waveforms into a dongle and scenarios to a load balancer, and judges them.
    Run(RunFlags),
    /// Bytes (raw, hex text, a pasted log or a capture) to readings, problems and junk.
    Decode(DecodeFlags),
    /// The same, annotated byte by byte.
    Explain(ExplainFlags),
    /// Turns a log or dump from a bug report into a capture.
    Import(ImportFlags),
    /// Records a serial line with arrival times.
    Record(RecordFlags),
    /// Replays a capture on a serial line.
    Replay(ReplayFlags),
    /// A live virtual meter on a real port, fed by the simulated house.
    Emulate(EmulateFlags),
    /// Makes clamp and mains waveforms: as a file, a picture, or in an instrument.
    Wave(WaveFlags),
    /// Runs scenarios in the closed balancing loop, in virtual time; the main fuse is the judge.
    Sim(SimFlags),
    /// Searches for a scenario in which a balancer blows the fuse, and shrinks it to a file that replays.
    Hunt(HuntFlags),
    /// Runs balancers that are broken on purpose, and prints which check catches each.
    Mutants(MutantsFlags),
    /// Rebuilds or merges reports from the stored evidence, without hardware.
    Report(ReportFlags),
    /// Shows the ports and probes of this computer, and the benches that are described.
    Rig(RigFlags),
    /// Checks the rules of the source tree.
    #[command(after_help = "Example:\n  cargo xtask tidy")]
    Tidy,
    /// Exactly what CI runs: format, lints, tests, the main job.
    #[command(after_help = "Example:\n  cargo xtask ci")]
    Ci,
    /// The reference dongles; `run` starts them behind a pty.
    #[command(hide = true)]
    Dongle(DongleFlags),
    /// The reference dongles as firmware on a simulated chip; `run` starts it behind a socket.
    #[cfg(all(unix, feature = "probe"))]
    #[command(hide = true)]
    Chip(ChipFlags),
    /// Real firmware in QEMU, behind a debug probe at a unix socket; a rig file starts it.
    #[cfg(all(unix, feature = "probe"))]
    #[command(hide = true)]
    Qemu(QemuFlags),
}

/// `run`
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  cargo xtask run --rig rigs/process.toml --suite decode --filter aidon")]
pub struct RunFlags {
    /// Rig file [default: rigs/virtual.toml, which needs no hardware].
    #[arg(long, value_name = "FILE")]
    pub rig: Option<PathBuf>,
    /// Suite to run; may be repeated [default: all that the rig can carry out].
    #[arg(long, value_name = "NAME", value_parser = ["decode", "timing", "ct", "l2", "scaling", "balance", "probe"])]
    pub suite: Vec<String>,
    /// Only checks whose "suite id subject" matches.
    #[arg(long, value_name = "REGEX")]
    pub filter: Option<String>,
    /// real, max (lock-step) or a factor [default: max on a pty, real on hardware].
    #[arg(long, value_name = "SPEED")]
    pub speed: Option<Speed>,
    /// Seed of everything that is drawn: which bits are flipped, which bytes and messages are lost. A scenario has a
    /// seed of its own, to which N - 1 is added.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Folder for results, reports and evidence [default: reports/TIME-RIG].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Only list what would run, one check and subject a line.
    #[arg(long)]
    pub list: bool,
}

/// `sim`
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cargo xtask sim fixtures/scenarios\n  cargo xtask sim fixtures/scenarios/han-step-25A.toml --balancer evcc --plots /tmp/plots\n  cargo xtask sim fixtures/scenarios --balancer 'process:python3 -u rigs/examples/minimal_balancer.py'"
)]
pub struct SimFlags {
    /// Scenario files, or folders of them.
    #[arg(required = true, value_name = "SCENARIO")]
    pub scenarios: Vec<PathBuf>,
    /// Who balances: reference, a named rule such as evcc, reference/MUTATION (broken on purpose), or
    /// process:COMMAND (a program, contract section 4).
    #[arg(long, value_name = "SPEC", default_value = "reference")]
    pub balancer: String,
    /// Seed of everything that is drawn [default: the scenario's own].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// One JSON object per scenario.
    #[arg(long)]
    pub json: bool,
    /// Writes a plot of each run into this folder, as SVG.
    #[arg(long, value_name = "DIR")]
    pub plots: Option<PathBuf>,
    /// How long a program may take for an answer, seconds of real time.
    #[arg(long = "answer-within", value_name = "SECONDS", default_value_t = 5.0)]
    pub answer_within_s: f64,
}

/// `hunt`
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  cargo xtask hunt --balancer evcc --budget 60s -o trips.toml")]
pub struct HuntFlags {
    /// Who balances; see `sim`.
    #[arg(long, value_name = "SPEC", default_value = "reference")]
    pub balancer: String,
    /// What to search for: a fuse that blows, or room that cars could have used.
    #[arg(long, value_enum, default_value = "fuse")]
    pub objective: Objective,
    /// How long to search: 60s, 5min.
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub budget: String,
    /// Seed of the search.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Scenario file to write when something is found.
    #[arg(short, value_name = "FILE", default_value = "hunt.toml")]
    pub output: PathBuf,
}

/// `mutants`
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  cargo xtask mutants")]
pub struct MutantsFlags {
    /// Suite to run; may be repeated [default: balance].
    #[arg(long, value_name = "NAME")]
    pub suite: Vec<String>,
}

/// `decode`
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  cargo xtask decode log.txt\n  cat dump.bin | cargo xtask decode --json")]
pub struct DecodeFlags {
    /// File, or - for standard input.
    #[arg(default_value = "-")]
    pub file: PathBuf,
    /// One JSON object per line.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub meter: MeterFlags,
}

/// What the user knows of the meter.
#[derive(Args, Debug)]
pub struct MeterFlags {
    /// Profile of the meter, which also chooses the scales that no telegram announces [default: found].
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// File with the meter's keys: lines `encryption = <32 hex digits>`, `authentication = <32 hex digits>`.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// `explain`
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cargo xtask explain 7ea027010201105a87e6e7000f40000000090c07e10112030e1136ff800000020106000001bec1cc7e\n  cargo xtask explain captures/aidon/6525-it3.csv"
)]
pub struct ExplainFlags {
    /// Hex digits, a file, or - for standard input.
    #[arg(default_value = "-", value_name = "HEX|FILE")]
    pub input: String,
    #[command(flatten)]
    pub meter: MeterFlags,
}

/// `import`
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  cargo xtask import issue-1119.txt -o captures/aidon/hour-repeat.csv")]
pub struct ImportFlags {
    /// Log or dump; - for standard input.
    pub file: PathBuf,
    /// Capture to write [default: standard output].
    #[arg(short, value_name = "CAPTURE")]
    pub output: Option<PathBuf>,
}

/// `record`
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  cargo xtask record --port /dev/ttyUSB0 -o night.csv")]
pub struct RecordFlags {
    /// Serial port that listens to the meter.
    #[arg(long, value_name = "PORT", value_parser = NonEmptyStringValueParser::new())]
    pub port: String,
    /// Capture to write [default: standard output].
    #[arg(short, value_name = "CAPTURE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub serial: SerialFlags,
    /// Ends after so many seconds [default: on Ctrl-C].
    #[arg(long = "for", value_name = "SECONDS")]
    pub for_s: Option<f64>,
}

/// How a serial line is set.
#[derive(Args, Debug)]
pub struct SerialFlags {
    /// Line speed in baud [default: what a capture to replay says, else 2400].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    pub baud: Option<u32>,
    /// Parity bit [default: what a capture to replay says, else none].
    #[arg(long, value_parser = ["none", "even", "odd"])]
    pub parity: Option<String>,
}

impl SerialFlags {
    /// The speed, by default that of a Norwegian HAN port.
    pub fn baud(&self) -> u32 {
        self.baud.unwrap_or(2400)
    }

    /// The word of the parity.
    pub fn parity(&self) -> &str {
        self.parity.as_deref().unwrap_or("none")
    }
}

/// `replay`
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  cargo xtask replay captures/kaifa/ma304h3e-it3.csv --port /dev/ttyUSB0 --speed 10"
)]
pub struct ReplayFlags {
    /// Capture to play.
    pub capture: PathBuf,
    /// Serial port with a transmitter on it, or `pty` for a new pty whose path is printed.
    #[arg(long, value_name = "PORT", value_parser = NonEmptyStringValueParser::new())]
    pub port: String,
    /// real, or a factor.
    #[arg(long, value_name = "SPEED", default_value = "real")]
    pub speed: Speed,
    #[command(flatten)]
    pub serial: SerialFlags,
}

/// `emulate`
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cargo xtask emulate --profile aidon-6525 --port /dev/ttyUSB0\n  cargo xtask emulate --profile kaifa-ma304h3e --port pty"
)]
pub struct EmulateFlags {
    /// Profile of the meter; an unknown name lists them all.
    #[arg(long, value_name = "NAME")]
    pub profile: String,
    /// Serial port with a transmitter on it, or `pty` for a new pty whose path is printed.
    #[arg(long, value_name = "PORT", value_parser = NonEmptyStringValueParser::new())]
    pub port: String,
    /// Seed of the simulated house.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    #[command(flatten)]
    pub serial: SerialFlags,
    /// Ends after so many seconds [default: on Ctrl-C].
    #[arg(long = "for", value_name = "SECONDS")]
    pub for_s: Option<f64>,
}

/// `wave`
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cargo xtask wave render house.toml -o house.wav\n  cargo xtask wave show house.toml -o house.svg"
)]
pub struct WaveFlags {
    /// What becomes of the waveform.
    #[command(subcommand)]
    pub command: WaveCommand,
}

/// The commands of `wave`. The format of a waveform file: docs/waveforms.md.
#[derive(Subcommand, Debug)]
pub enum WaveCommand {
    /// Writes the samples as WAV, CSV, raw codes or COMTRADE, and beside them FILE.json with units, scale and truth.
    Render(WaveRenderFlags),
    /// Draws some cycles and their spectrum as an SVG, or prints what is true of the waveform.
    Show(WaveShowFlags),
    /// Gives whole cycles of one channel to an arbitrary-waveform generator.
    Upload(WaveUploadFlags),
}

/// `wave render`
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cargo xtask wave render house.toml -o house.wav\n  cargo xtask wave render house.toml -o house.cfg --format ascii"
)]
pub struct WaveRenderFlags {
    /// Waveform file.
    pub spec: PathBuf,
    /// File to write: .wav, .csv, .i16 (codes, low byte first) or .cfg (COMTRADE, with its .dat).
    #[arg(short, value_name = "FILE")]
    pub output: PathBuf,
    /// How the .dat of a COMTRADE file is written [default: binary].
    #[arg(long, value_name = "FORMAT", value_parser = ["ascii", "binary", "binary32"])]
    pub format: Option<String>,
}

/// `wave show`
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cargo xtask wave show house.toml -o house.svg\n  cargo xtask wave show house.toml --json"
)]
pub struct WaveShowFlags {
    /// Waveform file.
    pub spec: PathBuf,
    /// File to write [default: standard output].
    #[arg(short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Where the picture starts, in seconds.
    #[arg(long = "at", value_name = "SECONDS", default_value_t = 0.0, conflicts_with = "json")]
    pub at_s: f64,
    /// What is true of the whole waveform, in place of the picture.
    #[arg(long)]
    pub json: bool,
}

/// `wave upload`
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  cargo xtask wave upload house.toml --channel i1 --port /dev/ttyUSB0 --dialect rigol"
)]
pub struct WaveUploadFlags {
    /// Waveform file.
    pub spec: PathBuf,
    /// Channel to give: u1 to u3, i1 to i3.
    #[arg(long, value_name = "CHANNEL")]
    pub channel: String,
    /// Serial port of the instrument.
    #[arg(long, value_name = "PORT")]
    pub port: String,
    /// How the instrument wants its points.
    #[arg(long, value_name = "NAME", value_parser = ["rigol", "agilent"])]
    pub dialect: String,
    /// Line speed in baud.
    #[arg(long, default_value_t = 115_200, value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    pub baud: u32,
}

/// `report`
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cargo xtask report reports/latest\n  cargo xtask report rig-a/ rig-b/ --out merged/"
)]
pub struct ReportFlags {
    /// Folders that a run wrote. One is rebuilt in place, several are merged.
    #[arg(required = true, value_name = "DIR")]
    pub dirs: Vec<PathBuf>,
    /// Folder for the merged report [default: reports/TIME-merged].
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `rig`
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  cargo xtask rig scan\n  cargo xtask rig list")]
pub struct RigFlags {
    /// What to show.
    #[command(subcommand)]
    pub command: RigCommand,
}

/// The commands of `rig`.
#[derive(Subcommand, Debug)]
pub enum RigCommand {
    /// Shows serial ports and debug probes, each with the line for a rig file; exit code 3 when there is neither.
    #[command(after_help = "Example:\n  cargo xtask rig scan")]
    Scan,
    /// Shows the rig files of a folder: input, DUT, probe, clamps, balancer, and whether each is here now.
    List(RigListFlags),
}

/// `rig list`
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  cargo xtask rig list my-rigs")]
pub struct RigListFlags {
    /// Folder with rig files [default: rigs/ of the checkout].
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

/// `dongle`
#[derive(Args, Debug)]
pub struct DongleFlags {
    /// Path of the serial device with the HAN bytes.
    #[arg(required_unless_present = "clamps")]
    pub han: Option<String>,
    /// Path of the serial device with samples, in place of HAN bytes (docs/clamp-dongles.md).
    #[arg(long, value_name = "PATH", conflicts_with_all = ["han", "key_file"])]
    pub clamps: Option<String>,
    /// How it is broken on purpose.
    #[arg(long)]
    pub broken: Option<String>,
    /// Ratio of the current transformers in front of the meter, in amperes.
    #[arg(long, value_name = "PRIMARY:SECONDARY", default_value = "1:1")]
    pub ratio: String,
    /// File with the meters' keys, as for `decode`.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// `chip`
#[cfg(all(unix, feature = "probe"))]
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  cargo xtask chip --socket /tmp/chip --han /dev/pts/7 --image /tmp/dongle.elf"
)]
pub struct ChipFlags {
    /// Unix socket to make: the debug cable, selector 20b7:9db1:unix:PATH.
    #[arg(long, value_name = "PATH")]
    pub socket: PathBuf,
    /// Path of the serial device with the HAN bytes.
    #[arg(long, value_name = "PATH")]
    pub han: Option<String>,
    /// ELF to write: what has to be flashed for the firmware to run.
    #[arg(long, value_name = "FILE")]
    pub image: PathBuf,
    /// How the firmware is broken on purpose.
    #[arg(long, value_name = "NAME")]
    pub broken: Option<String>,
    /// What goes wrong with cable and chip.
    #[arg(long, value_name = "NAME")]
    pub fault: Option<String>,
}

/// `qemu`
#[cfg(all(unix, feature = "probe"))]
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  cargo xtask qemu --socket /tmp/probe --han /dev/pts/4 --firmware target/firmware/thumbv7m-none-eabi/release/hanbench-firmware"
)]
pub struct QemuFlags {
    /// Unix socket to make: the debug cable, selector 20b7:9db1:unix:PATH.
    #[arg(long, value_name = "PATH")]
    pub socket: PathBuf,
    /// Path of the serial device with the HAN bytes.
    #[arg(long, value_name = "PATH")]
    pub han: String,
    /// ELF to run, linked for mps2-an385 (docs/firmware.md).
    #[arg(long, value_name = "ELF")]
    pub firmware: PathBuf,
    /// QEMU for Arm machines [default: qemu-system-arm on the PATH, else target/qemu/qemu-system-arm].
    #[arg(long, value_name = "PROGRAM")]
    pub qemu: Option<PathBuf>,
}
