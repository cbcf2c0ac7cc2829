//! Firmware that is broken on purpose: the broken HAN dongles, the broken clamp dongles, and what only firmware behind a
//! debug probe can do wrong.

use crate::dongle;
use hanbench_core::clamps;

/// How the firmware is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Broken {
    /// As the HAN dongle of this name.
    Han(dongle::Broken),
    /// As the clamp dongle of this name.
    Clamps(clamps::Fault),
    /// Every seventh claim never reaches the ring.
    LosesALine,
    /// One block of samples of each waveform is taken and not measured, and firmware that does not look at the numbers
    /// of blocks says nothing of it.
    DropsABuffer,
}

const LOSES_A_LINE: &str = "loses-a-line";
const DROPS_A_BUFFER: &str = "drops-a-buffer";

impl Broken {
    /// The variant of a name.
    pub fn named(name: &str) -> Option<Broken> {
        match name {
            LOSES_A_LINE => Some(Broken::LosesALine),
            DROPS_A_BUFFER => Some(Broken::DropsABuffer),
            _ => dongle::Broken::from_name(name)
                .map(Broken::Han)
                .or_else(|| clamps::Fault::named(name).map(Broken::Clamps)),
        }
    }

    /// All names.
    pub fn names() -> Vec<&'static str> {
        let han = dongle::Broken::ALL.into_iter().map(dongle::Broken::name);
        let clamps = clamps::Fault::ALL.into_iter().map(|(name, _)| name);
        han.chain(clamps).chain([LOSES_A_LINE, DROPS_A_BUFFER]).collect()
    }

    pub(super) fn han(self) -> Option<dongle::Broken> {
        if let Broken::Han(broken) = self { Some(broken) } else { None }
    }

    pub(super) fn clamps(self) -> Option<clamps::Fault> {
        if let Broken::Clamps(fault) = self { Some(fault) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_variants_share_a_name() {
        let names = Broken::names();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        let found: Vec<Broken> = names.iter().map(|name| Broken::named(name).expect("a variant")).collect();
        assert!(found.contains(&Broken::LosesALine) && found.contains(&Broken::DropsABuffer));
        assert_eq!(found.iter().filter_map(|broken| broken.han()).count(), dongle::Broken::ALL.len());
        assert_eq!(found.iter().filter_map(|broken| broken.clamps()).count(), clamps::Fault::ALL.len());
        assert_eq!(Broken::named("loud"), None);
    }
}
