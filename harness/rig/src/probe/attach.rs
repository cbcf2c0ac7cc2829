//! From the words of a rig file to a session with the chip that it means.

use super::ProbeError;
use super::owner::About;
use crate::config::ProbeSettings;
use probe_rs::architecture::arm::ArmError;
use probe_rs::architecture::arm::dp::DpAddress;
use probe_rs::config::{CoreType, Registry, Target};
use probe_rs::probe::list::Lister;
use probe_rs::probe::{DebugProbeInfo, DebugProbeSelector, Probe};
use probe_rs::{MemoryInterface, Permissions, Session};

const STEP: &str = "attach";
/// JEP106 code of Arm itself: a chip that says no more than that may be anyone's.
const ARM: (u8, u8) = (4, 0x3B);
const CPUID: u64 = 0xE000_ED00;

/// Opens, attaches, and looks whether this is the chip.
pub(super) fn attach(settings: &ProbeSettings) -> Result<(Session, About), ProbeError> {
    super::register_plugins();
    let registry = Registry::from_builtin_families();
    let target = target(&registry, &settings.chip)?;
    let mut probe = open(&settings.selector)?;
    if let Some(khz) = settings.speed_khz {
        probe.set_speed(khz).map_err(|error| ProbeError::of(STEP, &error))?;
    }
    let (name, speed_khz) = (probe.get_name(), probe.speed_khz());
    let permissions = Permissions::default();
    let session = if settings.connect_under_reset {
        probe.attach_under_reset_with_registry(target.clone(), permissions, &registry)
    } else {
        probe.attach_with_registry(target.clone(), permissions, &registry)
    };
    let mut session = session.map_err(|error| ProbeError::of(STEP, &error))?;
    identify(&mut session, &registry, &target)?;
    let chip = target.name;
    Ok((session, About { probe: name, chip, speed_khz }))
}

fn target(registry: &Registry, chip: &str) -> Result<Target, ProbeError> {
    registry.get_target_by_name(chip).map_err(|error| {
        let near: Vec<String> = registry.search_chips(chip).into_iter().take(8).collect();
        let near = if !near.is_empty() {
            format!("; there are {}", near.join(", "))
        } else if cfg!(not(feature = "espressif")) && chip.to_lowercase().starts_with("esp") {
            "; chips of Espressif need a build with the feature `espressif`, see docs/debug-probes.md".into()
        } else {
            String::new()
        };
        ProbeError::config(STEP, format!("`chip` {chip:?} of the rig file: {error}{near}"))
    })
}

fn open(selector: &str) -> Result<Probe, ProbeError> {
    let parsed: DebugProbeSelector = selector.parse().map_err(|error| {
        ProbeError::config(STEP, format!("`selector` {selector:?} of the rig file: {error}"))
    })?;
    let lister = Lister::new();
    let behind_socket = parsed.serial_number.as_deref().is_some_and(|serial| serial.starts_with("unix:"));
    lister.open(parsed).map_err(|error| {
        if behind_socket {
            // probe-rs only says that USB has no such probe either.
            let why = "nothing at the socket speaks the protocol of a Glasgow probe; did the program that simulates the chip \
                       say `ready` before it served it?";
            return ProbeError::rig(STEP, why);
        }
        // A computer without USB, a probe that is not plugged in and one that may not be opened look much alike.
        let there: Vec<String> = lister.list_all().iter().map(selector_of).collect();
        let there = if there.is_empty() {
            "there is no other; is it plugged in, and may you use USB devices?".to_string()
        } else {
            format!("there are {}", there.join(", "))
        };
        let why = ProbeError::of(STEP, &error).why;
        ProbeError::rig(STEP, format!("probe {selector} cannot be opened ({why}); {there}"))
    })
}

/// What to write into a rig file for this probe.
pub(super) fn selector_of(probe: &DebugProbeInfo) -> String {
    let (vendor, product) = (probe.vendor_id, probe.product_id);
    match &probe.serial_number {
        Some(serial) => format!("{vendor:04x}:{product:04x}:{serial}"),
        None => format!("{vendor:04x}:{product:04x}"),
    }
}

/// Compares what the chip says of itself with what the rig file says. probe-rs believes the rig file, and would put the
/// flash algorithm of one chip into another.
///
/// Only a contradiction is an error. A chip without a word about itself passes, and so does RISC-V, where another
/// architecture does not get this far.
fn identify(session: &mut Session, registry: &Registry, target: &Target) -> Result<(), ProbeError> {
    let wanted = target.default_core().core_type;
    if !wanted.is_cortex_m() {
        return Ok(());
    }
    let failed = |error: &probe_rs::Error| ProbeError::of(STEP, error);
    let mut core = session.core(0).map_err(|error| failed(&error))?;
    let cpuid = core.read_word_32(CPUID).map_err(|error| failed(&error))?;
    drop(core);
    if let Some((found, name)) = core_of(cpuid).filter(|(found, _)| !fits(*found, wanted)) {
        let chip = &target.name;
        return Err(ProbeError::config(
            STEP,
            format!("wrong chip: {chip} has a core of type {wanted:?}, this one is a {name} ({found:?})"),
        ));
    }
    let family = registry.families().iter().find(|family| {
        family.variants().iter().any(|chip| chip.package_variants().any(|name| *name == target.name))
    });
    let Some(maker) = family.and_then(|family| family.manufacturer) else {
        return Ok(());
    };
    let found = designer(session).map_err(|error| ProbeError::of(STEP, &error))?;
    let Some((continuation, identity)) =
        found.filter(|found| *found != (maker.cc, maker.id) && *found != ARM)
    else {
        return Ok(());
    };
    let what = format!(
        "wrong chip: {} is made by {} (JEP106 {:#x}, {:#x}), this one says JEP106 {continuation:#x}, {identity:#x}",
        target.name,
        maker.get().unwrap_or("a maker without a name"),
        maker.cc,
        maker.id,
    );
    Err(ProbeError::config(STEP, what))
}

/// Who designed the chip, as its ROM table says: JEP106 continuation and identity code (Arm IHI 0031, PIDR1, PIDR2 and
/// PIDR4). None where there is no table, or it does not follow that scheme.
fn designer(session: &mut Session) -> Result<Option<(u8, u8)>, ArmError> {
    const ROM_TABLE_CLASS: u32 = 1;
    let interface = session.get_arm_interface()?;
    for port in interface.access_ports(DpAddress::Default)? {
        let Ok(mut memory) = interface.memory_interface(&port) else { continue };
        let base = memory.base_address()?;
        let mut word = |offset: u64| memory.read_word_32(base + offset);
        // A table that cannot be read says nothing.
        let (Ok(class), Ok(pidr1), Ok(pidr2), Ok(pidr4)) =
            (word(0xFF4), word(0xFE4), word(0xFE8), word(0xFD0))
        else {
            continue;
        };
        let follows_jep106 = pidr2 >> 3 & 1 == 1;
        if class >> 4 & 0xF == ROM_TABLE_CLASS && follows_jep106 {
            return Ok(Some(((pidr4 & 0xF) as u8, ((pidr2 & 7) << 4 | pidr1 >> 4 & 0xF) as u8)));
        }
    }
    Ok(None)
}

/// The core that a CPUID of Arm names, and its architecture.
fn core_of(cpuid: u32) -> Option<(CoreType, &'static str)> {
    if cpuid >> 24 != 0x41 {
        return None;
    }
    Some(match cpuid >> 4 & 0xFFF {
        0xC20 => (CoreType::Armv6m, "Cortex-M0"),
        0xC21 => (CoreType::Armv6m, "Cortex-M1"),
        0xC60 => (CoreType::Armv6m, "Cortex-M0+"),
        0xC23 => (CoreType::Armv7m, "Cortex-M3"),
        0xC24 => (CoreType::Armv7em, "Cortex-M4"),
        0xC27 => (CoreType::Armv7em, "Cortex-M7"),
        0xD20 => (CoreType::Armv8m, "Cortex-M23"),
        0xD21 => (CoreType::Armv8m, "Cortex-M33"),
        0xD22 => (CoreType::Armv8m, "Cortex-M55"),
        0xD23 => (CoreType::Armv8m, "Cortex-M85"),
        _ => return None,
    })
}

/// The table of chips calls some Cortex-M4 and M7 without floating point ARMv7-M.
fn fits(found: CoreType, wanted: CoreType) -> bool {
    found == wanted || (found == CoreType::Armv7em && wanted == CoreType::Armv7m)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chip_that_nobody_knows_is_a_mistake_in_the_rig_file() {
        let registry = Registry::from_builtin_families();
        let error = target(&registry, "nRF52999").expect_err("no such chip");
        assert!(error.to_string().contains("\"nRF52999\" of the rig file"), "{error}");
        assert_eq!(error.exit_code(), 2);
        assert!(target(&registry, "nRF52840_xxAA").is_ok());
    }

    #[test]
    fn a_chip_of_espressif_is_known_or_the_message_says_how() {
        super::super::register_plugins();
        let found = target(&Registry::from_builtin_families(), "esp32c3");
        assert_eq!(found.is_ok(), cfg!(feature = "espressif"));
        if let Err(error) = found {
            assert!(error.why.contains("feature `espressif`"), "{error}");
        }
    }

    #[test]
    fn only_cores_of_arm_are_recognised() {
        assert_eq!(core_of(0x410F_C241).map(|(_, name)| name), Some("Cortex-M4"));
        assert_eq!(core_of(0x630F_1320), None);
        assert!(fits(CoreType::Armv7em, CoreType::Armv7m) && !fits(CoreType::Armv6m, CoreType::Armv7m));
    }
}
