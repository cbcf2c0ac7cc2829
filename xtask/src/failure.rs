//! Exit codes and the message that goes with them (contract, section 1).

use hanbench_rig::error::RigError;

/// All judged checks passed.
pub const PASSED: u8 = 0;
/// At least one FAIL.
pub const FAILED: u8 = 1;
/// Bad input or usage.
pub const INPUT: u8 = 2;
/// The rig is not there, or was lost.
pub const LOST: u8 = 3;
/// A bug in the harness.
pub const HARNESS: u8 = 70;

/// Why a command stopped: one clear message and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// See the constants of this module.
    pub code: u8,
    /// Lower-case sentence: what, where, what was expected.
    pub text: String,
}

/// What a command gives back: its exit code.
pub type Outcome = Result<u8, Failure>;

impl Failure {
    /// Bad input or usage.
    pub fn input(text: impl Into<String>) -> Failure {
        Failure { code: INPUT, text: text.into() }
    }

    /// A file that cannot be read or written.
    pub fn file(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Failure {
        Failure::input(format!("{}: cannot {doing}: {}", path.display(), hanbench_rig::file::words(error)))
    }
}

impl From<RigError> for Failure {
    fn from(error: RigError) -> Self {
        Failure { code: error.exit_code(), text: error.pretty() }
    }
}
