//! The rig file as serde reads it: every key, no meaning yet. Spans are kept for messages.

use super::Parity;
use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRig {
    pub(super) name: Option<String>,
    pub(super) input: Option<Spanned<RawInput>>,
    pub(super) dut: Spanned<RawDut>,
    pub(super) clamps: Option<Spanned<RawClamps>>,
    pub(super) balancer: Option<Spanned<RawBalancer>>,
    pub(super) site: Option<RawSite>,
    pub(super) probe: Option<Spanned<RawProbe>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProbe {
    pub(super) kind: Option<Spanned<String>>,
    pub(super) command: Option<Spanned<Vec<String>>>,
    pub(super) image: Option<Spanned<String>>,
    #[serde(default = "yes")]
    pub(super) flash: bool,
    pub(super) broken: Option<Spanned<String>>,
    pub(super) fault: Option<Spanned<String>>,
    pub(super) selector: Option<Spanned<String>>,
    pub(super) chip: Option<Spanned<String>>,
    pub(super) speed_khz: Option<Spanned<i64>>,
    #[serde(default)]
    pub(super) connect_under_reset: bool,
    pub(super) signed_by: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSite {
    pub(super) main_fuse_a: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInput {
    pub(super) kind: Option<Spanned<String>>,
    pub(super) port: Option<Spanned<String>>,
    pub(super) baud: Option<Spanned<i64>>,
    pub(super) parity: Option<Spanned<Parity>>,
    pub(super) address: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDut {
    pub(super) kind: Spanned<String>,
    pub(super) command: Option<Spanned<Vec<String>>>,
    pub(super) readings: Option<Spanned<String>>,
    pub(super) port: Option<Spanned<String>>,
    pub(super) baud: Option<Spanned<i64>>,
    pub(super) supports: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) omits: Vec<Spanned<String>>,
    pub(super) claim_within_s: Option<Spanned<f64>>,
    #[serde(default)]
    pub(super) scale_told: bool,
    pub(super) ratio: Option<Spanned<String>>,
    pub(super) name: Option<String>,
    pub(super) model: Option<String>,
    pub(super) firmware: Option<String>,
    pub(super) key_file: Option<Spanned<String>>,
    pub(super) broken: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClamps {
    pub(super) kind: Option<Spanned<String>>,
    pub(super) devices: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) command: Option<Spanned<Vec<String>>>,
    pub(super) port: Option<Spanned<String>>,
    pub(super) baud: Option<Spanned<i64>>,
    #[serde(default)]
    pub(super) omits: Vec<Spanned<String>>,
    pub(super) broken: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBalancer {
    pub(super) kind: Option<Spanned<String>>,
    pub(super) name: Option<Spanned<String>>,
    pub(super) command: Option<Spanned<Vec<String>>>,
    pub(super) answer_within_s: Option<Spanned<f64>>,
    pub(super) dongle: Option<Spanned<String>>,
}

fn yes() -> bool {
    true
}
