//! What a waveform file plays, in words for a fitter: the grid, loads, events, clamps, samples.

use crate::report::plot::label;
use crate::wave::spec::{Clamp, Conductor, Draw, EventKind, Lasts, Load, Neutral, Secondary, Spec};
use serde::Serialize;

/// Loads and events written out.
const MOST: usize = 6;

/// The name that a file has for it.
fn named(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

/// A number with as many decimals as it needs, at most three.
fn short(value: f64) -> String {
    let text = label(value, 3);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// The first few, and how many more.
fn listed(mut all: Vec<String>) -> String {
    let more = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    let words = all.join("; ");
    if more > 0 { format!("{words}; and {more} more") } else { words }
}

/// `TN, 230 V, 50 Hz`.
pub(super) fn net(spec: &Spec) -> String {
    let net = &spec.net;
    let same = net.u_v.iter().all(|volts| net.u_v.first() == Some(volts));
    let volts = if same { &net.u_v[..net.u_v.len().min(1)] } else { &net.u_v[..] };
    let volts: Vec<String> = volts.iter().map(|volts| short(*volts)).collect();
    let hertz: Vec<String> = net.tempo.iter().map(|tempo| short(tempo.f_hz)).collect();
    let mut words = format!("{} V, {} Hz", volts.join("/"), hertz.join(", then "));
    words.insert_str(
        0,
        &format!(
            "{}, ",
            match net.kind.has_neutral() {
                true => named(net.kind).to_uppercase(),
                false => "IT without a neutral".into(),
            }
        ),
    );
    if net.kind.lines() == 3 && !in_order(&net.angle_deg) {
        words.push_str(", phases in the order L1, L3, L2");
    }
    if net.unbalance.k2 > 0.0 || net.unbalance.k0 > 0.0 {
        words.push_str(", unbalanced");
    }
    if !net.u_harm.is_empty() {
        words.push_str(", with harmonics");
    }
    if net.neutral == Neutral::Open {
        words.push_str(", neutral open");
    }
    words
}

/// Each phase follows the one before it.
fn in_order(angle_deg: &[f64]) -> bool {
    angle_deg.windows(2).all(|pair| (pair[0] - pair[1]).rem_euclid(360.0) < 180.0)
}

pub(super) fn loads(spec: &Spec) -> String {
    if spec.loads.is_empty() {
        return "none".into();
    }
    listed(spec.loads.iter().map(|one| load(one, spec.waveform.duration_s)).collect())
}

fn load(load: &Load, duration_s: f64) -> String {
    let mut words = match &load.draw {
        Draw::Current { i_a, pf, lead, harm, dc_a } => {
            let mut words = format!("{} A", short(*i_a));
            if *pf < 1.0 {
                let side = if *pf < 0.0 {
                    "fed in"
                } else if *lead {
                    "leading"
                } else {
                    "lagging"
                };
                words.push_str(&format!(" at PF {} {side}", short(*pf)));
            }
            if !harm.is_empty() {
                words.push_str(" with harmonics");
            }
            if dc_a.abs() > 0.0 {
                words.push_str(&format!(" and {} A of direct current", short(*dc_a)));
            }
            words
        }
        Draw::Impedance { r_ohm, x_ohm } if x_ohm.abs() > 0.0 => {
            format!("{} Ω and {} Ω reactive", short(*r_ohm), short(*x_ohm))
        }
        Draw::Impedance { r_ohm, .. } => format!("{} Ω", short(*r_ohm)),
        Draw::Profile { profile, i_a } => format!("{} A like {profile}", short(*i_a)),
        Draw::HalfWave { i_peak_a } => format!("half waves of {} A peak", short(*i_peak_a)),
    };
    words.push_str(&format!(" on {}", named(load.at)));
    if load.from_s > 0.0 || load.to_s < duration_s {
        words.push_str(&format!(" from {} to {} s", short(load.from_s), short(load.to_s)));
    }
    if load.ramp_s > 0.0 {
        words.push_str(&format!(", rising over {} s", short(load.ramp_s)));
    }
    if let Some(decay_s) = load.decay_s {
        words.push_str(&format!(", dying away with {} s", short(decay_s)));
    }
    if let Some([on, off]) = load.burst_s {
        words.push_str(&format!(", {} s on, {} s off", short(on), short(off)));
    }
    words
}

pub(super) fn events(spec: &Spec) -> String {
    let one = |event: &crate::wave::spec::Event| {
        let what = match event.kind {
            EventKind::Sag { residual } => format!("voltage sags to {} %", short(100.0 * residual)),
            EventKind::Swell { residual } => format!("voltage swells to {} %", short(100.0 * residual)),
            EventKind::Interruption => "lines interrupted".into(),
            EventKind::LostNeutral => "neutral lost".into(),
            EventKind::Flicker { depth_pct, f_hz } => {
                format!("flicker of {} % at {} Hz", short(depth_pct), short(f_hz))
            }
        };
        let lines: Vec<String> = event.phases.iter().map(|phase| format!("L{phase}")).collect();
        let on = if lines.is_empty() || lines.len() == spec.net.kind.lines() {
            String::new()
        } else {
            format!(" on {}", lines.join(", "))
        };
        let lasts = match event.lasts {
            Lasts::Seconds(seconds) => format!("{} s", short(seconds)),
            Lasts::Cycles(cycles) => format!("{} cycles", short(cycles)),
        };
        format!("{what}{on} for {lasts} at {} s", short(event.t_s))
    };
    listed(spec.events.iter().map(one).collect())
}

/// Where the clamps sit and what is wrong with them.
pub(super) fn clamps(spec: &Spec) -> String {
    let odd: Vec<String> = spec.clamps.iter().filter_map(clamp).collect();
    if odd.is_empty() { "each on its own line, without errors".into() } else { listed(odd) }
}

fn clamp(clamp: &Clamp) -> Option<String> {
    let own = [Conductor::L1, Conductor::L2, Conductor::L3][clamp.channel.line()];
    let mut words: Vec<String> = Vec::new();
    if clamp.on != own {
        words.push(if clamp.on == Conductor::None {
            "around nothing".into()
        } else {
            format!("on {}", named(clamp.on).to_uppercase())
        });
    }
    if clamp.direction < 0 {
        words.push("turned round".into());
    }
    if clamp.passes != 1 {
        words.push(format!("conductor through it {} times", clamp.passes));
    }
    if (clamp.outer() - 1.0).abs() > 1e-9 {
        words.push(format!(
            "behind a transformer {}:{}",
            short(clamp.outer_ratio[0]),
            short(clamp.outer_ratio[1])
        ));
    }
    match clamp.secondary {
        Secondary::Ok => {}
        Secondary::Open => words.push("its winding is open".into()),
        Secondary::Short => words.push("its winding is shorted".into()),
    }
    if clamp.sat.is_some() {
        words.push("with a core that saturates".into());
    } else if !clamp.ratio_pct.is_empty() || !clamp.phase_deg.is_empty() {
        words.push("with errors of ratio and phase".into());
    }
    if clamp.gap_mm > 0.0 {
        words.push(format!("with {} mm of air in its core", short(clamp.gap_mm)));
    }
    (!words.is_empty()).then(|| format!("{} {}", named(clamp.channel), words.join(", ")))
}

/// `8000 a second for 6 s: u1 u2 u3 i1 i2 i3, 12 bits`.
pub(super) fn samples(spec: &Spec) -> String {
    let waveform = &spec.waveform;
    let channels: Vec<String> = waveform.channels.iter().map(named).collect();
    format!(
        "{} a second for {} s: {}, {} bits",
        short(waveform.rate.hz()),
        short(waveform.duration_s),
        channels.join(" "),
        spec.frontend.bits
    )
}
