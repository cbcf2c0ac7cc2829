//! `wave`: a waveform file → samples in a file, a picture, or an arbitrary-waveform generator.

use crate::console;
use crate::failure::{Failure, LOST, Outcome, PASSED};
use crate::flags::{WaveCommand, WaveFlags, WaveRenderFlags, WaveShowFlags, WaveUploadFlags};
use hanbench_core::report::waveform_svg;
use hanbench_core::wave::Segment;
use hanbench_core::wave::files::sidecar::Worked;
use hanbench_core::wave::files::sums::Period;
use hanbench_core::wave::files::{Data, Format, Layout};
use hanbench_core::wave::frontend::Converter;
use hanbench_core::wave::spec::{Channel, Spec};
use hanbench_rig::clamps::fixtures::Waveform;
use hanbench_rig::evidence::write_whole;
use hanbench_rig::file::{self, read_text};
use hanbench_rig::interrupt;
use hanbench_rig::lock::Lock;
use hanbench_rig::scpi::{Dialect, Instrument, ScpiError};
use hanbench_rig::wave_files::{WaveFileError, render};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::Path;

/// Samples that are made at once to learn what they say.
const PIECE: u64 = 8192;

/// Does what was asked.
pub fn run(flags: &WaveFlags) -> Outcome {
    match &flags.command {
        WaveCommand::Render(flags) => to_file(flags),
        WaveCommand::Show(flags) => show(flags),
        WaveCommand::Upload(flags) => upload(flags),
    }
}

/// Reads a waveform file; every mistake with file and line.
fn read(path: &Path) -> Result<Spec, Failure> {
    let text =
        read_text(path, "a waveform file", file::SMALL).map_err(|error| Failure::input(error.to_string()))?;
    let waveform = Waveform::parse(&path.display().to_string(), &text);
    waveform.map(|waveform| waveform.spec).map_err(|error| Failure::input(error.to_string()))
}

fn to_file(flags: &WaveRenderFlags) -> Outcome {
    let format = format(flags)?;
    let spec = read(&flags.spec)?;
    interrupt::install();
    let bar = bar(spec.waveform.samples());
    let rendered = render(&spec, &flags.output, format, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    let rendered = rendered.map_err(|error| match error {
        WaveFileError::Interrupted => Failure { code: LOST, text: error.to_string() },
        WaveFileError::Io { path, source } => Failure::file("write", &path, &source),
        WaveFileError::Unfit(why) => Failure::input(format!("{}: {why}", flags.output.display())),
    })?;
    for (channel, count) in
        spec.waveform.channels.iter().zip(&rendered.clipped).filter(|(_, count)| **count > 0)
    {
        console::note(&format!("{}: {count} samples are beyond the converter's range", name(*channel)));
    }
    if rendered.altered > 0 {
        console::note(&format!(
            "{} samples at -32768 were written as -32767: in BINARY that code says that a value is missing; \
             --format binary32 has no such code",
            rendered.altered
        ));
    }
    let paths: Vec<String> = rendered.paths.iter().map(|path| path.display().to_string()).collect();
    console::note(&format!("wrote {}", paths.join(", ")));
    Ok(PASSED)
}

/// The format that the name of the file tells.
fn format(flags: &WaveRenderFlags) -> Result<Format, Failure> {
    let path = flags.output.display();
    let extension = flags.output.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let format = match (extension, flags.format.as_deref()) {
        ("cfg", Some("ascii")) => Format::Comtrade(Data::Ascii),
        ("cfg", Some("binary32")) => Format::Comtrade(Data::Binary32),
        ("cfg", _) => Format::Comtrade(Data::Binary),
        ("wav" | "csv" | "i16", Some(_)) => {
            return Err(Failure::input(format!("--format is for COMTRADE (.cfg), and {path} is none")));
        }
        ("wav", None) => Format::Wav,
        ("csv", None) => Format::Csv,
        ("i16", None) => Format::Raw,
        _ => {
            let what = "the name tells the format; expected .wav, .csv, .i16, or .cfg for COMTRADE";
            return Err(Failure::input(format!("{path}: {what}")));
        }
    };
    if flags.output == flags.spec {
        return Err(Failure::input(format!("{path}: it is the waveform file itself")));
    }
    Ok(format)
}

fn bar(samples: u64) -> ProgressBar {
    if !console::interactive() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{percent:>3} % {bar:30} {elapsed} left {eta}");
    ProgressBar::new(samples).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(flags: &WaveShowFlags) -> Outcome {
    let spec = read(&flags.spec)?;
    let text = if flags.json {
        interrupt::install();
        let worked = Worked::new(&spec);
        let mut converter = Converter::new(&spec, &worked.at_clamp);
        let layout = Layout::new(&spec, &converter);
        table(&worked, &layout, &mut converter)?
    } else {
        picture(&spec, flags.at_s)?
    };
    match &flags.output {
        None => console::out(&text),
        Some(path) => {
            write_whole(path, text.as_bytes()).map_err(|error| Failure::input(error.to_string()))?;
            console::note(&format!("wrote {}", path.display()));
        }
    }
    Ok(PASSED)
}

/// What is true of the whole waveform, as the page beside a file has it.
fn table(worked: &Worked<'_>, layout: &Layout, converter: &mut Converter) -> Result<String, Failure> {
    let mut sums = worked.sums(layout);
    let bar = bar(layout.frames);
    let mut samples = vec![0; PIECE as usize * layout.columns.len()];
    let mut from = 0;
    while from < layout.frames {
        if interrupt::interrupted() {
            return Err(Failure { code: LOST, text: "interrupted".into() });
        }
        let frames = PIECE.min(layout.frames - from);
        let samples = &mut samples[..frames as usize * layout.columns.len()];
        converter.fill(from, samples);
        sums.add(samples);
        from += frames;
        bar.set_position(from);
    }
    bar.finish_and_clear();
    worked.page(layout, &[], &sums, converter, 0).ok_or_else(|| Failure::input("the waveform has no samples"))
}

/// Some cycles at the clamps from a time on.
fn picture(spec: &Spec, at_s: f64) -> Result<String, Failure> {
    let waveform = &spec.waveform;
    if !(0.0..waveform.duration_s).contains(&at_s) {
        return Err(Failure::input(format!("--at {at_s}: expected 0 to below {} s", waveform.duration_s)));
    }
    Ok(waveform_svg(spec, waveform.rate.index(at_s)))
}

fn name(channel: Channel) -> &'static str {
    ["u1", "u2", "u3", "i1", "i2", "i3"][channel as usize]
}

fn upload(flags: &WaveUploadFlags) -> Outcome {
    let spec = read(&flags.spec)?;
    let Some(dialect) = Dialect::named(&flags.dialect) else {
        return Err(Failure::input(format!("--dialect {}: there is none", flags.dialect)));
    };
    let written = &spec.waveform.channels;
    let Some(place) = written.iter().position(|channel| name(*channel) == flags.channel) else {
        let names: Vec<&str> = written.iter().map(|channel| name(*channel)).collect();
        let what = format!("--channel {}: this waveform has {}", flags.channel, names.join(", "));
        return Err(Failure::input(what));
    };
    let worked = Worked::new(&spec);
    let points = points(&worked, dialect)?;
    let mut converter = Converter::new(&spec, &worked.at_clamp);
    let mut samples = vec![0; points as usize * written.len()];
    converter.fill(0, &mut samples);
    let codes: Vec<i16> = samples.iter().skip(place).step_by(written.len()).copied().collect();
    let bytes = dialect.encode(&codes, spec.frontend.bits);

    interrupt::install();
    let _lock = Lock::take(&flags.port, "wave upload")?;
    let failed = |error: ScpiError| match error {
        ScpiError::Rig(error) => error.into(),
        error => Failure { code: LOST, text: error.to_string() },
    };
    let (mut instrument, who) = Instrument::open(&flags.port, flags.baud).map_err(failed)?;
    console::note(&format!("{}: {who}", flags.port));
    instrument.upload(dialect, &bytes).map_err(failed)?;
    let seconds = spec.waveform.rate.seconds(points);
    let half = f64::from(1_i32 << (spec.frontend.bits - 1));
    let full = converter.scale(place).map_or(0.0, |scale| scale.per_lsb * half);
    let unit = if written[place].is_current() { "A" } else { "V" };
    console::line(&format!(
        "{points} points of {}; play them {} times a second; full scale is {full} {unit}",
        flags.channel,
        1.0 / seconds
    ));
    Ok(PASSED)
}

/// How many samples from the start are whole cycles that the instrument can repeat.
fn points(worked: &Worked<'_>, dialect: &Dialect) -> Result<u64, Failure> {
    let refuse = |why: String| Err(Failure::input(format!("an instrument repeats whole cycles: {why}")));
    let frames = worked.spec.waveform.samples();
    let Some(first) = worked.at_clamp.first() else { return refuse("the waveform has no samples".into()) };
    if worked.spec.frontend.clock_ppm != 0.0 {
        return refuse("`clock_ppm` leaves no whole number of samples to them".into());
    }
    let Some(period) = Period::of(first.step) else {
        return refuse(
            "no whole number of samples holds them; choose `rate_hz` as a multiple of `f_hz`".into(),
        );
    };
    let most = dialect.points.1;
    let Some(points) = dialect.whole(period.samples, frames) else {
        return refuse(format!(
            "they take {} samples, the waveform has {frames}, the instrument {} to {most}; change `rate_hz`",
            period.samples, dialect.points.0
        ));
    };
    let steady = |segment: &&Segment| segment.from < points;
    match worked.at_clamp.iter().take_while(steady).find(|segment| segment.step != first.step) {
        Some(segment) => refuse(format!(
            "the frequency changes at {} s, within the first {points} samples",
            worked.spec.waveform.rate.seconds(segment.from)
        )),
        None => Ok(points),
    }
}
