//! Files of samples: headers by the byte, refusals, and sums against another way to the same figures.
//!
//! That other programs read them is shown by `fixtures/waveforms/verify.py`.

use crate::{file, load, near};
use hanbench_core::wave::files::figures::Figures;
use hanbench_core::wave::files::sidecar::Worked;
use hanbench_core::wave::files::sums::{Period, Sums};
use hanbench_core::wave::files::{Data, Encoder, Format, Layout};
use hanbench_core::wave::frontend::Converter;
use hanbench_core::wave::spec::Spec;
use hanbench_core::wave::truth::{Samples, of_samples};
use serde_json::Value;

const FORMATS: [Format; 6] = [
    Format::Wav,
    Format::Csv,
    Format::Raw,
    Format::Comtrade(Data::Ascii),
    Format::Comtrade(Data::Binary),
    Format::Comtrade(Data::Binary32),
];

fn spec(text: &str) -> Spec {
    Spec::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn layout(spec: &Spec) -> Layout {
    Layout::new(spec, &Converter::new(spec, &Worked::new(spec).at_clamp))
}

/// All samples of a waveform.
fn samples(spec: &Spec) -> (Layout, Vec<i16>) {
    let mut converter = Converter::new(spec, &Worked::new(spec).at_clamp);
    let layout = Layout::new(spec, &converter);
    let mut samples = vec![0; layout.frames as usize * layout.columns.len()];
    converter.fill(0, &mut samples);
    (layout, samples)
}

/// A whole file, fed in pieces of so many frames.
fn bytes(layout: &Layout, format: Format, samples: &[i16], frames: usize) -> Vec<u8> {
    let mut encoder = Encoder::new(layout.clone(), format).expect("it fits");
    let mut bytes = encoder.head();
    for piece in samples.chunks(frames * layout.columns.len()) {
        encoder.write(piece, &mut bytes).expect("memory");
    }
    bytes
}

fn three_loads() -> String {
    load("L1-N", "kind = \"profile\"\nprofile = \"led_smps\"\ni_a = 9.0")
        + &load("L2-N", "kind = \"current\"\ni_a = 16.0\npf = 0.6\nlead = true")
        + &load("L3-N", "kind = \"profile\"\nprofile = \"pv_export\"\ni_a = 12.0")
}

#[test]
fn a_file_is_the_same_in_any_pieces() {
    let (layout, samples) = samples(&spec(&file(0.1, &three_loads())));
    for format in FORMATS {
        let whole = bytes(&layout, format, &samples, usize::MAX / 16);
        for frames in [1, 7, 160, 799] {
            assert!(bytes(&layout, format, &samples, frames) == whole, "{format:?} in pieces of {frames}");
        }
    }
}

#[test]
fn a_wav_has_the_plain_header_up_to_two_channels_and_the_extensible_one_above() {
    let two = spec(&file(0.5, "channels = [\"u1\", \"i1\"]"));
    let (two, codes) = samples(&two);
    let wav = bytes(&two, Format::Wav, &codes, 64);
    assert_eq!(wav.len(), 44 + 4000 * 4);
    assert_eq!(wav[..4], *b"RIFF");
    assert_eq!(wav[4..8], (wav.len() as u32 - 8).to_le_bytes());
    assert_eq!(wav[8..20], *b"WAVEfmt \x10\0\0\0");
    assert_eq!(wav[20..36], [1, 0, 2, 0, 0x40, 0x1f, 0, 0, 0, 0x7d, 0, 0, 4, 0, 16, 0]);
    assert_eq!(wav[36..40], *b"data");
    assert_eq!(wav[40..44], 16_000_u32.to_le_bytes());
    assert_eq!(wav[44..46], codes[0].to_le_bytes());

    let (six, codes) = samples(&spec(&file(0.5, "")));
    let wav = bytes(&six, Format::Wav, &codes, 64);
    assert_eq!(wav.len(), 68 + 4000 * 12);
    assert_eq!(wav[4..8], (wav.len() as u32 - 8).to_le_bytes());
    assert_eq!(wav[16..24], [40, 0, 0, 0, 0xfe, 0xff, 6, 0]);
    // 22 more bytes, 16 valid bits, no loudspeakers, PCM.
    assert_eq!(wav[36..48], [22, 0, 16, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(wav[60..68], [b'd', b'a', b't', b'a', 0x80, 0xbb, 0, 0]);
}

#[test]
fn what_a_format_cannot_hold_is_refused_with_what_could() {
    let refusal =
        |text: &str, format| Encoder::new(layout(&spec(text)), format).expect_err("refused").to_string();
    // 12 bytes 8000 times a second: 4 GiB less the header last 44 739.24 s.
    let fits = |duration_s: f64| Encoder::new(layout(&spec(&file(duration_s, ""))), Format::Wav).is_ok();
    assert!(fits(44_739.0) && !fits(44_740.0));
    assert_eq!(
        refusal(&file(50_000.0, ""), Format::Wav),
        "a WAV holds 4 GiB, and this would be 4.5 GiB; shorten `duration_s` to 44739 or less, or write .i16"
    );
    let odd = "[waveform]\nrate = [48000, 7]\nduration_s = 1.0\n";
    assert_eq!(
        refusal(odd, Format::Wav),
        "a WAV says a whole number of samples per second, and this is 48000/7; write .csv, .i16 or .cfg"
    );
    let long = "[waveform]\nrate_hz = 1000000\nduration_s = 4300.0\n";
    assert_eq!(
        refusal(long, Format::Comtrade(Data::Binary)),
        "4300000000 samples of each channel, and COMTRADE numbers them up to 4294967295; \
         shorten `duration_s`, or write .i16"
    );
    assert!(Encoder::new(layout(&spec(long)), Format::Comtrade(Data::Ascii)).is_ok());
}

#[test]
fn a_comtrade_says_scale_ratio_rate_and_skew() {
    let text = file(
        0.5,
        "name = \"a, b\\nc\"\nchannels = [\"u2\", \"i2\"]\n\
         [frontend]\nbits = 16\nu_peak_v = 327.68\ni_peak_a = 3276.8\nbias = 0.50030517578125\nslot_us = [0.0, 12.5]\n\
         [[clamp]]\nchannel = \"i2\"\nrated_a = 5\nouter_ratio = \"100:5\"\n",
    );
    let (layout, samples) = samples(&spec(&text));
    let cfg = |data| {
        let encoder = Encoder::new(layout.clone(), Format::Comtrade(data)).expect("it fits");
        encoder.description().expect("a text")
    };
    let expected = "a__b_c,hanbench,1999\r\n2,2A,0D\r\n\
        1,u2,B,,V,0.01,-0.2,0,-32767,32767,1,1,P\r\n\
        2,i2,B,,A,0.1,-2,12.5,-32767,32767,100,5,P\r\n\
        50\r\n1\r\n8000,4000\r\n01/01/2000,00:00:00.000000\r\n01/01/2000,00:00:00.000000\r\nBINARY\r\n1\r\n";
    assert_eq!(cfg(Data::Binary), expected);
    let other = cfg(Data::Binary32);
    assert!(
        other.starts_with("a__b_c,hanbench,2013\r\n") && other.contains(",-32768,32767,100,5,P"),
        "{other}"
    );
    assert!(other.ends_with("\r\nBINARY32\r\n1\r\n0,0\r\n0,0\r\n"), "{other}");
    let text = bytes(&layout, Format::Comtrade(Data::Ascii), &samples, 9);
    let text = String::from_utf8(text).expect("text");
    let second = format!("2,125,{},{}", samples[2], samples[3]);
    assert_eq!(text.split("\r\n").nth(1), Some(second.as_str()));
}

#[test]
fn the_code_that_means_missing_is_moved_by_one_and_counted() {
    let layout = layout(&spec(&file(0.5, "channels = [\"u1\", \"i1\"]\n[frontend]\nbits = 16")));
    let rows = |data| {
        let mut encoder = Encoder::new(layout.clone(), Format::Comtrade(data)).expect("it fits");
        let mut bytes = Vec::new();
        encoder.write(&[i16::MIN, -32_767, 1, i16::MIN], &mut bytes).expect("memory");
        (bytes, encoder.altered())
    };
    let expected = [1, 0, 0, 0, 0, 0, 0, 0, 1, 0x80, 1, 0x80, 2, 0, 0, 0, 125, 0, 0, 0, 1, 0, 1, 0x80];
    assert_eq!(rows(Data::Binary), (expected.to_vec(), 2));
    assert_eq!(rows(Data::Ascii), (b"1,0,-32768,-32767\r\n2,125,1,-32768\r\n".to_vec(), 0));
    let (bytes, altered) = rows(Data::Binary32);
    assert_eq!((&bytes[8..12], altered), (&(-32_768_i32).to_le_bytes()[..], 0));
}

#[test]
fn time_stamps_take_the_finest_step_that_fits_their_field() {
    for (seconds, expected) in [(2147, 1), (2148, 10), (30_000, 100), (2_678_400, 10_000)] {
        let text = format!("[waveform]\nrate_hz = 400\nduration_s = {seconds}.0\nchannels = [\"u1\"]\n");
        let layout = layout(&spec(&text));
        let encoder = Encoder::new(layout, Format::Comtrade(Data::Binary)).expect("it fits");
        let cfg = encoder.description().expect("a text");
        let step: u64 = cfg.lines().last().and_then(|line| line.parse().ok()).expect("a number");
        assert_eq!(step, expected, "microseconds, for {seconds} s");
    }
}

#[test]
fn the_numbers_of_a_csv_are_the_codes_again() {
    let (layout, samples) = samples(&spec(&file(0.1, &(three_loads() + "[frontend]\nbias = 0.503"))));
    let text = String::from_utf8(bytes(&layout, Format::Csv, &samples, 64)).expect("text");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("t_s,u1_v,u2_v,u3_v,i1_a,i2_a,i3_a"));
    let mut count = 0;
    for ((line, frame), number) in lines.zip(samples.chunks(6)).zip(0_u32..) {
        let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().expect("a number")).collect();
        near(cells[0], f64::from(number) / 8000.0, 1e-12);
        for ((value, code), column) in cells[1..].iter().zip(frame).zip(&layout.columns) {
            near(value / column.scale.per_lsb + column.scale.zero, f64::from(*code), 1e-9);
        }
        count += 1;
    }
    assert_eq!(count, 800);
}

#[test]
fn a_period_is_found_where_cycles_are_whole_samples() {
    let period = |rate: &str, f_hz: &str| {
        let text = format!("[waveform]\n{rate}\nduration_s = 0.1\n[net]\nf_hz = {f_hz}\n");
        let spec = spec(&text);
        let found = Period::of(Worked::new(&spec).at_clamp[0].step);
        found.map(|period| (period.samples, period.cycles))
    };
    assert_eq!(period("rate_hz = 8000", "50.0"), Some((160, 1)));
    assert_eq!(period("rate_hz = 7200", "60.0"), Some((120, 1)));
    assert_eq!(period("rate_hz = 44100", "50.0"), Some((882, 1)));
    assert_eq!(period("rate = [48000, 7]", "50.0"), Some((960, 7)));
    assert_eq!(period("rate_hz = 8000", "49.93"), Some((800_000, 4993)));
    assert_eq!(period("rate_hz = 1000000", "49.9999"), None, "ten thousand million samples");
}

#[test]
fn a_file_without_one_steady_state_has_no_fundamental_and_says_why() {
    let why = |text: &str| Worked::new(&spec(text)).period().map_err(|why| why.to_string());
    let cycles = "the file does not hold whole cycles of a whole number of samples";
    assert_eq!(why(&file(0.5, &three_loads())), Ok(Period { samples: 160, cycles: 1 }));
    assert_eq!(why(&file(0.505, &three_loads())), Err(cycles.into()));
    let step = load("L1-N", "kind = \"current\"\ni_a = 1\nfrom_s = 0.2");
    assert_eq!(why(&file(0.5, &step)), Err("the waveform changes within the file".into()));
    let clock = why(&file(0.5, "[frontend]\nclock_ppm = 40.0"));
    assert_eq!(clock, Err("the converter's clock is off, and cycles are no whole number of samples".into()));
    let (page, _) = page(&file(0.505, &three_loads()));
    assert_eq!(page["truth"]["no_fundamental"], cycles);
    let line = &page["truth"]["samples"]["lines"][0];
    assert!(line["u"]["rms"].is_f64() && line["power"]["p_w"].is_f64(), "{line}");
    assert!(line["u"].get("thd").is_none() && line["power"].get("q1_var").is_none(), "{line}");
    assert!(page.get("quantisation").is_none());
}

/// The page beside a file, and the samples.
fn page(text: &str) -> (Value, Vec<i16>) {
    let spec = spec(text);
    let worked = Worked::new(&spec);
    let mut converter = Converter::new(&spec, &worked.at_clamp);
    let layout = Layout::new(&spec, &converter);
    let mut samples = vec![0; layout.frames as usize * layout.columns.len()];
    converter.fill(0, &mut samples);
    let mut sums = worked.sums(&layout);
    sums.add(&samples);
    let text = worked.page(&layout, &[], &sums, &converter, 0).expect("samples");
    (serde_json::from_str(&text).expect("JSON"), samples)
}

#[test]
fn sums_say_what_the_samples_say_in_any_pieces() {
    let text = file(
        0.4,
        &(three_loads() + "[net]\nu_harm = [[5, 3.0, 20.0]]\n[frontend]\nbias = 0.51\nnoise_lsb_rms = 2"),
    );
    let spec = spec(&text);
    let worked = Worked::new(&spec);
    let (layout, codes) = samples(&spec);
    let values: Vec<Vec<f64>> = (0..6)
        .map(|at| {
            let scale = layout.columns[at].scale;
            let codes = codes.iter().skip(at).step_by(6);
            codes.map(|code| (f64::from(*code) - scale.zero) * scale.per_lsb).collect()
        })
        .collect();
    let channels: Vec<Samples<'_>> = (layout.columns.iter().zip(&values))
        .map(|(column, values)| Samples { channel: column.channel, values })
        .collect();
    let other = of_samples(&channels, spec.waveform.rate, 50.0).expect("samples");
    let expected = Figures::of(&other, spec.net.kind);
    let figures = |frames: usize| {
        let mut sums: Sums = worked.sums(&layout);
        codes.chunks(frames * 6).for_each(|piece| sums.add(piece));
        sums.figures(50.0).expect("samples")
    };
    let got = figures(3200);
    for frames in [1, 77, 161] {
        assert_eq!(figures(frames), got, "pieces of {frames}");
    }
    for (got, expected) in got.lines.iter().zip(&expected.lines) {
        for (got, expected) in [(got.u, expected.u), (got.i, expected.i)] {
            let (got, expected) = (got.expect("known"), expected.expect("known"));
            near(got.rms, expected.rms, 1e-9);
            near(got.fundamental.expect("known"), expected.fundamental.expect("known"), 1e-9);
            near(got.thd.expect("known"), expected.thd.expect("known"), 1e-9);
        }
        let (got, expected) = (got.power.expect("known"), expected.power.expect("known"));
        near(got.p_w, expected.p_w, 1e-7);
        near(got.q1_var.expect("known"), expected.q1_var.expect("known"), 1e-7);
        near(got.s_va, expected.s_va, 1e-7);
        near(got.import_wh - got.export_wh, expected.import_wh - expected.export_wh, 1e-10);
        assert!(got.import_wh >= 0.0 && got.export_wh >= 0.0);
    }
    near(got.i_n_a.expect("known"), expected.i_n_a.expect("known"), 1e-9);
    near(got.total.expect("known").p_w, expected.total.expect("known").p_w, 1e-7);
}

#[test]
fn the_page_tells_the_three_points_apart() {
    let clamp = "[[clamp]]\nchannel = \"i2\"\ndirection = -1\n[frontend]\nbits = 16\n";
    let (page, samples) = page(&file(0.2, &(load("L2-N", "kind = \"current\"\ni_a = 10") + clamp)));
    let power = |point: &str| page["truth"][point]["lines"][1]["power"]["p_w"].as_f64().expect("known");
    near(power("primary"), 2300.0, 1e-9);
    near(power("clamp"), -2300.0, 1e-9);
    near(power("samples"), -2300.0, page["quantisation"][1]["power"].as_f64().expect("a bound"));
    assert_eq!(page["channels"][4]["name"], "i2");
    assert_eq!(page["channels"][4]["unit"], "A");
    assert_eq!((page["frames"].as_u64(), samples.len()), (Some(1600), 9600));
    let spec = &page["spec"];
    assert_eq!(spec["net"]["kind"], "tn", "defaults are filled in");
    // What a converter does beside rounding leaves no bound; nor does clipping.
    for more in ["noise_lsb_rms = 1.0", "gain_err_pct = 0.1", "alias_filter_hz = 3000.0", "u_peak_v = 100.0"]
    {
        let (page, _) = self::page(&file(0.2, &format!("[frontend]\n{more}")));
        assert!(page.get("quantisation").is_none(), "{more}");
    }
}
