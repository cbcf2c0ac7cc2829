"""A dongle made of the Python package amshan (https://pypi.org/project/amshan/, tested with 2.1.1).

Usage: amshan_dongle.py DEVICE

Only names are changed here, from amshan's keys to those of the contract. Values are printed as amshan computes
them, wrong ones too; what it cannot decode is printed as rejected.
"""

import json
import os
import sys
import termios
import tty
from datetime import datetime

try:
    from han.autodecoder import AutoDecoder
    from han.hdlc import HdlcFrameReader
except ImportError as error:
    sys.exit(f"{error}: install it with `pip install amshan==2.1.1`")

KEYS = {
    "active_power_import": "active_import_w",
    "active_power_export": "active_export_w",
    "reactive_power_import": "reactive_import_var",
    "reactive_power_export": "reactive_export_var",
    "active_power_import_total": "energy_active_import_wh",
    "active_power_export_total": "energy_active_export_wh",
    "reactive_power_import_total": "energy_reactive_import_varh",
    "reactive_power_export_total": "energy_reactive_export_varh",
    "power_factor": "power_factor",
    "list_ver_id": "list_id",
    "meter_id": "meter_id",
    "meter_type": "meter_type",
}
for n in "123":
    KEYS[f"current_l{n}"] = f"current_l{n}_a"
    KEYS[f"voltage_l{n}"] = f"voltage_l{n}_v"
    KEYS[f"active_power_import_l{n}"] = f"active_import_l{n}_w"
    KEYS[f"active_power_export_l{n}"] = f"active_export_l{n}_w"
    KEYS[f"reactive_power_import_l{n}"] = f"reactive_import_l{n}_var"
    KEYS[f"reactive_power_export_l{n}"] = f"reactive_export_l{n}_var"
    KEYS[f"power_factor_l{n}"] = f"power_factor_l{n}"


def say(message):
    print(json.dumps(message), flush=True)


def claim_of(decoded):
    claim = {KEYS[key]: value for key, value in decoded.items() if key in KEYS}
    time = decoded.get("meter_datetime")
    if isinstance(time, datetime):
        claim["timestamp"] = time.replace(tzinfo=None).isoformat(timespec="seconds")
        offset = time.utcoffset()
        claim["timestamp_utc_offset_min"] = None if offset is None else int(offset.total_seconds()) // 60
    return claim


def report(frame, decoder):
    if not frame.is_valid:
        say({"event": "rejected", "reason": "amshan: checksum or length"})
        return
    try:
        decoded = decoder.decode_message(frame)
    except Exception as error:  # amshan lets some of its own errors out; the telegram is lost, the dongle is not
        say({"event": "rejected", "reason": f"amshan raised {error!r}"})
        return
    if decoded is None:
        say({"event": "rejected", "reason": "amshan: no decoder fits"})
    else:
        say(claim_of(decoded))


def main(device):
    port = os.open(device, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(port, termios.TCSANOW)
    reader, decoder = HdlcFrameReader(), AutoDecoder()
    say({"event": "ready"})
    while True:
        try:
            received = os.read(port, 4096)
        except OSError:
            return  # the line was closed
        if not received:
            return
        for frame in reader.read(received):
            report(frame, decoder)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: amshan_dongle.py DEVICE")
    main(sys.argv[1])
