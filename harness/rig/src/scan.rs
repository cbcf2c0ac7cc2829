//! What this computer has at the moment: serial ports by names that stay the same, USB, programs.
//!
//! Opens nothing: a port that is there may still be used by someone else, or not be for us to open.

use crate::error::RigError;
use serialport::{SerialPortInfo, SerialPortType};
use std::path::{Path, PathBuf};

/// Folders of links to ports, the best names first: by the adapter's own number, then by the socket that it is plugged into.
const STABLE: [&str; 2] = ["/dev/serial/by-id", "/dev/serial/by-path"];
/// The kernel's list of terminals.
const TERMINALS: &str = "/sys/class/tty";
/// There whenever the kernel has USB, with a device plugged in or not.
const USB: &str = "/sys/bus/usb";

/// A serial port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Port {
    /// What to write into a rig file.
    pub path: String,
    /// The device behind it, where that has another name.
    pub device: Option<String>,
    /// What the adapter calls itself: `FTDI FT232R USB UART (0403:6001, serial number A50285BI)`.
    pub about: String,
}

/// The serial ports, in the order of their paths; without the console of the system itself, and without UARTs that the
/// kernel only provides for.
///
/// # Errors
///
/// [`RigError::Unavailable`] when the system does not say.
pub fn ports() -> Result<Vec<Port>, RigError> {
    if cfg!(target_os = "linux") && !Path::new(TERMINALS).is_dir() {
        // Without this folder serialport gives up with a panic.
        return Ok(Vec::new());
    }
    let found = serialport::available_ports().map_err(|error| RigError::Unavailable {
        what: "the list of serial ports".into(),
        why: error.description,
    })?;
    let mut ports: Vec<Port> =
        found.into_iter().filter(|info| usable(Path::new(TERMINALS), &info.port_name)).map(port).collect();
    ports.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(ports)
}

/// Whether this computer has a USB subsystem; `None` where the system gives no simple answer.
pub fn usb() -> Option<bool> {
    cfg!(target_os = "linux").then(|| Path::new(USB).is_dir())
}

/// The file that a command starts: itself where it names a folder, else the first of that name on the PATH.
pub fn program(name: &Path) -> Option<PathBuf> {
    if name.components().count() > 1 {
        return name.is_file().then(|| name.to_path_buf());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| is_program(file))
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

/// Windows adds the ending itself.
#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file() || file.with_extension("exe").is_file()
}

fn port(info: SerialPortInfo) -> Port {
    let stable = STABLE.iter().find_map(|folder| link_to(Path::new(folder), Path::new(&info.port_name)));
    let about = match info.port_type {
        SerialPortType::UsbPort(usb) => {
            let words = [usb.manufacturer, usb.product].into_iter().flatten().collect::<Vec<_>>().join(" ");
            let number =
                usb.serial_number.map_or(String::new(), |number| format!(", serial number {number}"));
            let words = if words.is_empty() { "USB adapter".to_string() } else { words };
            format!("{words} ({:04x}:{:04x}{number})", usb.vid, usb.pid)
        }
        SerialPortType::PciPort => "PCI card".into(),
        SerialPortType::BluetoothPort => "Bluetooth".into(),
        SerialPortType::Unknown => "built in".into(),
    };
    match stable {
        Some(path) => Port { path, device: Some(info.port_name), about },
        None => Port { path: info.port_name, device: None, about },
    }
}

/// The link in a folder that leads to a device.
fn link_to(folder: &Path, device: &Path) -> Option<String> {
    let device = device.canonicalize().ok()?;
    let links = folder.read_dir().ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<PathBuf> =
        links.filter(|link| link.canonicalize().ok() == Some(device.clone())).collect();
    found.sort();
    Some(found.first()?.to_string_lossy().into_owned())
}

/// Neither the system's own console nor a UART of type 0, which means that the kernel found none at that place.
fn usable(terminals: &Path, device: &str) -> bool {
    let name = device.rsplit('/').next().unwrap_or(device);
    let read = |path: &str| std::fs::read_to_string(terminals.join(path)).unwrap_or_default();
    let console = read("console/active").split_whitespace().any(|active| active == name);
    !console && read(&format!("{name}/type")).trim() != "0"
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_port_is_named_by_the_link_that_leads_to_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (device, other) = (folder.path().join("ttyUSB0"), folder.path().join("ttyUSB1"));
        let by_id = folder.path().join("by-id");
        std::fs::create_dir(&by_id).expect("a folder");
        for path in [&device, &other] {
            std::fs::write(path, "").expect("a file");
        }
        symlink("../ttyUSB1", by_id.join("usb-a-port0")).expect("a link");
        symlink("../ttyUSB0", by_id.join("usb-b-port0")).expect("a link");
        symlink("../ttyUSB7", by_id.join("usb-c-port0")).expect("a link");
        assert!(link_to(&by_id, &device).expect("a link").ends_with("by-id/usb-b-port0"));
        assert_eq!(link_to(&folder.path().join("by-path"), &device), None);
        assert_eq!(link_to(&by_id, &folder.path().join("ttyUSB7")), None);
    }

    #[test]
    fn the_console_and_what_is_not_there_are_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        for (file, text) in [
            ("console/active", "tty0 ttyS0\n"),
            ("ttyS0/type", "4\n"),
            ("ttyS1/type", "0\n"),
            ("ttyS2/type", "4\n"),
        ] {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        let usable: Vec<&str> = ["/dev/ttyS0", "/dev/ttyS1", "/dev/ttyS2", "/dev/ttyUSB0"]
            .into_iter()
            .filter(|device| usable(folder.path(), device))
            .collect();
        assert_eq!(usable, ["/dev/ttyS2", "/dev/ttyUSB0"]);
    }

    #[test]
    fn a_program_is_found_where_the_system_would_find_it() {
        assert!(program(Path::new("sh")).is_some_and(|path| path.is_absolute()));
        assert_eq!(program(Path::new("no-such-program-of-hanbench")), None);
        assert_eq!(program(Path::new("/etc/no-such-program")), None);
    }
}
