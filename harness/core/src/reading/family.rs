//! Who makes meters: the one list of families that all others derive from.

/// Who made the telegram. The word is the one in JSON and in folder names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Family {
    /// Aidon 65xx.
    Aidon,
    /// Kaifa MA105/MA304.
    Kaifa,
    /// Kamstrup OMNIPOWER.
    Kamstrup,
    /// Kaifa hardware under Nuri's head-end (SORIA grid companies).
    Nuri,
    /// The meter of Stange Energi, not identified; the Embriq layout stands in for it.
    Stange,
    /// Iskraemeco AM550 and relatives.
    Iskra,
    /// Landis+Gyr outside Norway.
    LandisGyr,
    /// Sagemcom T210-D and relatives.
    Sagemcom,
    /// Elgama.
    Elgama,
    /// Nobody known.
    Other,
}

impl Family {
    /// The families that a dongle in Norway meets: those with captures of their own, which a rig file may list
    /// under `supports`. All of them where it lists none (contract, section 3).
    pub const NORWEGIAN: [Family; 5] =
        [Family::Aidon, Family::Kaifa, Family::Kamstrup, Family::Nuri, Family::Stange];

    /// The word in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Family::Aidon => "aidon",
            Family::Kaifa => "kaifa",
            Family::Kamstrup => "kamstrup",
            Family::Nuri => "nuri",
            Family::Stange => "stange",
            Family::Iskra => "iskra",
            Family::LandisGyr => "landis-gyr",
            Family::Sagemcom => "sagemcom",
            Family::Elgama => "elgama",
            Family::Other => "other",
        }
    }
}
