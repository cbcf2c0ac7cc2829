//! What differs from run to run: where a run is kept, when and on what it ran.

use crate::flags::RunFlags;
use hanbench_core::verdict::trial::{DutTerms, Pacing};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Where the run is kept: the folder asked for, or a new one below `reports/`.
pub(super) fn folder(flags: &RunFlags, root: &Path, rig: &str, started: jiff::Timestamp) -> PathBuf {
    let stamp = started.strftime("%Y%m%d-%H%M%S");
    // The name comes from a file of the user; a folder gets only what every file system takes.
    let plain = |letter: char| if letter.is_alphanumeric() || "-_".contains(letter) { letter } else { '-' };
    let rig: String = rig.chars().map(plain).take(40).collect();
    let base = root.join("reports").join(format!("{stamp}-{rig}"));
    let numbered = (2..).map(|count| base.with_file_name(format!("{stamp}-{rig}-{count}")));
    // Two runs may start within a second.
    let free = std::iter::once(base.clone()).chain(numbered).find(|path| !path.exists());
    flags.out.clone().unwrap_or_else(|| free.unwrap_or(base))
}

/// What differs from run to run.
pub(super) fn about(
    started: jiff::Timestamp,
    clock: Instant,
    flags: &RunFlags,
    (rig, terms): (&Path, &DutTerms),
    pacings: impl Iterator<Item = Pacing>,
) -> Map<String, Value> {
    let mut about = Map::new();
    let seconds = (clock.elapsed().as_millis() as f64) / 1000.0;
    about.insert("started".into(), started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into());
    about.insert("duration_s".into(), json!(seconds));
    about.insert("host".into(), host().into());
    about.insert("commit".into(), commit().into());
    about.insert("hanbench".into(), env!("CARGO_PKG_VERSION").into());
    about.insert("system".into(), format!("{} {}", std::env::consts::OS, std::env::consts::ARCH).into());
    about.insert(
        "speed".into(),
        flags.speed.map_or("default".into(), |speed| format!("{speed:?}").to_lowercase()).into(),
    );
    about.insert("rig_file".into(), rig.display().to_string().into());
    let rig = flags.rig.as_ref().map_or_else(String::new, |rig| format!(" --rig {}", rig.display()));
    let suites: String = flags.suite.iter().map(|suite| format!(" --suite {suite}")).collect();
    // Last, where a report that repeats one check finds it. In quotes as a shell takes them.
    let filter = flags.filter.as_ref().map(|filter| format!(" --filter '{}'", filter.replace('\'', r"'\''")));
    let filter = filter.unwrap_or_default();
    let command = format!("cargo xtask run{rig} --seed {}{suites}{filter}", flags.seed);
    about.insert("command".into(), command.into());
    about.insert("supports".into(), terms.supports.join(" ").into());
    about.insert("omits".into(), terms.omits.join(" ").into());
    about.insert("claim_within_s".into(), json!(terms.claim_within_us as f64 / 1e6));
    about.insert("scale_told".into(), terms.scale_told.into());
    let worst = pacings.max_by_key(|pacing| pacing.p99_us);
    if let Some(pacing) = worst {
        about.insert("timing_error_us".into(), json!({"p50": pacing.p50_us, "p99": pacing.p99_us}));
    }
    about
}

fn host() -> String {
    let named = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let named =
        named.or_else(|| std::env::var("HOSTNAME").ok()).or_else(|| std::env::var("COMPUTERNAME").ok());
    named
        .map(|name| name.trim().to_string())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".into())
}

/// The commit of the checkout; `unknown` outside of one.
fn commit() -> String {
    let output =
        std::process::Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output();
    let text = output.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    text.and_then(|text| String::from_utf8(text).ok())
        .map_or_else(|| "unknown".into(), |text| text.trim().to_string())
}

/// `reports/latest` points to the newest run, where the system has symbolic links.
pub(super) fn point_latest(root: &Path, out: &Path) {
    #[cfg(unix)]
    {
        let latest = root.join("reports/latest");
        let target = out.canonicalize().unwrap_or_else(|_| out.to_path_buf());
        let target = target
            .file_name()
            .filter(|_| target.parent() == root.join("reports").canonicalize().ok().as_deref())
            .map_or(target.clone(), PathBuf::from);
        // A link that cannot be made costs a convenience, not the run.
        let _ = std::fs::remove_file(&latest);
        let _ = std::os::unix::fs::symlink(target, latest);
    }
    #[cfg(not(unix))]
    let _ = (root, out);
}
