//! The keys of a reading. One table: name in JSON, kind, where in the world it sits.

use super::Obis;

/// Unit family of a key; the unit itself is the last part of the key's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Watts.
    ActivePower,
    /// Vars.
    ReactivePower,
    /// Amperes.
    Current,
    /// Volts.
    Voltage,
    /// Watt-hours.
    ActiveEnergy,
    /// Var-hours.
    ReactiveEnergy,
    /// A ratio, 0 to 1.
    PowerFactor,
    /// Hertz.
    Frequency,
    /// Per cent.
    Distortion,
}

impl Kind {
    /// The unit as printed for people.
    pub fn unit(self) -> &'static str {
        match self {
            Kind::ActivePower => "W",
            Kind::ReactivePower => "var",
            Kind::Current => "A",
            Kind::Voltage => "V",
            Kind::ActiveEnergy => "Wh",
            Kind::ReactiveEnergy => "varh",
            Kind::PowerFactor => "",
            Kind::Frequency => "Hz",
            Kind::Distortion => "%",
        }
    }
}

macro_rules! keys {
    ($($variant:ident $name:literal $kind:ident $cd:expr,)*) => {
        /// The numbers a reading can carry (contract, section 2). The JSON name is [`Key::name`].
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[allow(missing_docs, reason = "the names say it; the table is the documentation")]
        pub enum Key { $($variant,)* }

        impl Key {
            /// Every key, in the order of the table.
            pub const ALL: &'static [Key] = &[$(Key::$variant,)*];
            /// How many keys there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The name in JSON, with the unit at the end.
            pub const fn name(self) -> &'static str {
                match self { $(Key::$variant => $name,)* }
            }

            /// What kind of quantity it is.
            pub const fn kind(self) -> Kind {
                match self { $(Key::$variant => Kind::$kind,)* }
            }

            /// Groups C and D of the OBIS code that carries it (IEC 62056-61; 0.0 = none).
            pub const fn obis_cd(self) -> (u8, u8) {
                match self { $(Key::$variant => $cd,)* }
            }
        }
    };
}

keys! {
    ActiveImport "active_import_w" ActivePower (1, 7),
    ActiveExport "active_export_w" ActivePower (2, 7),
    ReactiveImport "reactive_import_var" ReactivePower (3, 7),
    ReactiveExport "reactive_export_var" ReactivePower (4, 7),
    CurrentL1 "current_l1_a" Current (31, 7),
    CurrentL2 "current_l2_a" Current (51, 7),
    CurrentL3 "current_l3_a" Current (71, 7),
    VoltageL1 "voltage_l1_v" Voltage (32, 7),
    VoltageL2 "voltage_l2_v" Voltage (52, 7),
    VoltageL3 "voltage_l3_v" Voltage (72, 7),
    ActiveImportL1 "active_import_l1_w" ActivePower (21, 7),
    ActiveExportL1 "active_export_l1_w" ActivePower (22, 7),
    ReactiveImportL1 "reactive_import_l1_var" ReactivePower (23, 7),
    ReactiveExportL1 "reactive_export_l1_var" ReactivePower (24, 7),
    ActiveImportL2 "active_import_l2_w" ActivePower (41, 7),
    ActiveExportL2 "active_export_l2_w" ActivePower (42, 7),
    ReactiveImportL2 "reactive_import_l2_var" ReactivePower (43, 7),
    ReactiveExportL2 "reactive_export_l2_var" ReactivePower (44, 7),
    ActiveImportL3 "active_import_l3_w" ActivePower (61, 7),
    ActiveExportL3 "active_export_l3_w" ActivePower (62, 7),
    ReactiveImportL3 "reactive_import_l3_var" ReactivePower (63, 7),
    ReactiveExportL3 "reactive_export_l3_var" ReactivePower (64, 7),
    PowerFactor "power_factor" PowerFactor (13, 7),
    PowerFactorL1 "power_factor_l1" PowerFactor (33, 7),
    PowerFactorL2 "power_factor_l2" PowerFactor (53, 7),
    PowerFactorL3 "power_factor_l3" PowerFactor (73, 7),
    Frequency "frequency_hz" Frequency (14, 7),
    DistortionCurrentL1 "thd_current_l1_percent" Distortion (0, 0),
    DistortionCurrentL2 "thd_current_l2_percent" Distortion (0, 0),
    DistortionCurrentL3 "thd_current_l3_percent" Distortion (0, 0),
    EnergyActiveImport "energy_active_import_wh" ActiveEnergy (1, 8),
    EnergyActiveExport "energy_active_export_wh" ActiveEnergy (2, 8),
    EnergyReactiveImport "energy_reactive_import_varh" ReactiveEnergy (3, 8),
    EnergyReactiveExport "energy_reactive_export_varh" ReactiveEnergy (4, 8),
    EnergyActiveImportL1 "energy_active_import_l1_wh" ActiveEnergy (21, 8),
    EnergyActiveExportL1 "energy_active_export_l1_wh" ActiveEnergy (22, 8),
    EnergyActiveImportL2 "energy_active_import_l2_wh" ActiveEnergy (41, 8),
    EnergyActiveExportL2 "energy_active_export_l2_wh" ActiveEnergy (42, 8),
    EnergyActiveImportL3 "energy_active_import_l3_wh" ActiveEnergy (61, 8),
    EnergyActiveExportL3 "energy_active_export_l3_wh" ActiveEnergy (62, 8),
}

/// The keys of L1, L2 and L3, where every line has its own.
impl Key {
    /// RMS currents.
    pub const CURRENTS: [Key; 3] = [Key::CurrentL1, Key::CurrentL2, Key::CurrentL3];
    /// RMS voltages.
    pub const VOLTAGES: [Key; 3] = [Key::VoltageL1, Key::VoltageL2, Key::VoltageL3];
    /// Active power, import and export.
    pub const ACTIVE: [[Key; 2]; 3] = [
        [Key::ActiveImportL1, Key::ActiveExportL1],
        [Key::ActiveImportL2, Key::ActiveExportL2],
        [Key::ActiveImportL3, Key::ActiveExportL3],
    ];
    /// Reactive power, import and export.
    pub const REACTIVE: [[Key; 2]; 3] = [
        [Key::ReactiveImportL1, Key::ReactiveExportL1],
        [Key::ReactiveImportL2, Key::ReactiveExportL2],
        [Key::ReactiveImportL3, Key::ReactiveExportL3],
    ];
    /// Power factors.
    pub const POWER_FACTORS: [Key; 3] = [Key::PowerFactorL1, Key::PowerFactorL2, Key::PowerFactorL3];
    /// Harmonic distortion of the currents.
    pub const DISTORTIONS: [Key; 3] =
        [Key::DistortionCurrentL1, Key::DistortionCurrentL2, Key::DistortionCurrentL3];
}

impl Key {
    /// The key of a JSON name.
    pub fn from_name(name: &str) -> Option<Key> {
        Key::ALL.iter().copied().find(|key| key.name() == name)
    }

    /// The key that a register carries.
    ///
    /// Looks at groups C, D and E only: vendors disagree about A and B (Kamstrup sends `1-1:`, the others
    /// `1-0:`), and E other than 0 is a tariff, which is another quantity.
    pub fn from_obis(obis: Obis) -> Option<Key> {
        let [_, _, c, d, e, _] = obis.0;
        if e != 0 || c == 0 {
            return None;
        }
        Key::ALL.iter().copied().find(|key| key.obis_cd() == (c, d))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_by_name_and_by_register() {
        for &key in Key::ALL {
            assert_eq!(Key::from_name(key.name()), Some(key));
            let (c, d) = key.obis_cd();
            if c != 0 {
                assert_eq!(Key::from_obis(Obis([1, 1, c, d, 0, 255])), Some(key));
            }
        }
        assert_eq!(Key::from_obis(Obis([1, 0, 1, 8, 1, 255])), None, "a tariff is not the total");
    }
}
