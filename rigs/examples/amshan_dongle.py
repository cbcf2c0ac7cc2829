"""A dongle made of the Python package amshan (https://pypi.org/project/amshan/, tested with 2.1.1).

Usage: amshan_dongle.py DEVICE

It prints amshan's dictionary as it is, wrong values too, and `readings = "amshan"` in the rig file says that the
bench knows its keys. What amshan cannot decode is printed as rejected.
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


def say(message):
    print(json.dumps(message, default=datetime.isoformat), flush=True)


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
        say(decoded)


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
