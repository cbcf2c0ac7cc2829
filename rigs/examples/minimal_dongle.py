"""The smallest honest dongle: shows the interface, decodes Aidon list 1 and nothing else.

Usage: minimal_dongle.py DEVICE

It finds frames by their length field and checks header and frame check sequence; `cargo xtask run --rig
rigs/process.toml` finds nothing wrong with it. It understands a data-notification with
one register, active import; of a longer list it claims that same register where it finds it.
"""

import json
import os
import select
import sys
import termios
import tty

REGISTER = bytes.fromhex("09060100010700ff06")  # octet-string 1-0:1.7.0.255, then a 32-bit unsigned number
SILENCE_S = 1.0  # an unfinished frame is over after this


def say(message):
    print(json.dumps(message), flush=True)


def crc16_x25(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0x8408 if crc & 1 else crc >> 1
    return crc ^ 0xFFFF


def is_checked(data):
    """Whether the last two bytes are the checksum of those before them."""
    return len(data) > 2 and crc16_x25(data[:-2]) == data[-2] | data[-1] << 8


def header_length(body):
    """Bytes of format, two addresses, control and header checksum; an address ends with a byte that is odd."""
    ends = [at for at in range(2, min(len(body), 10)) if body[at] & 1]
    return ends[1] + 4 if len(ends) > 1 else None


def take_frame(buffer):
    """Removes junk and the first whole frame from the buffer. None: more bytes are needed."""
    while True:
        start = buffer.find(0x7E)
        if start < 0:
            buffer.clear()
            return None
        del buffer[:start]
        if len(buffer) < 12:
            return None
        body = bytes(buffer[1:])
        length = (body[0] & 0x07) << 8 | body[1]
        header = header_length(body)
        # The length is believed only after the header checksum: noise that looks like a long frame would
        # otherwise swallow the telegrams behind it.
        if body[0] & 0xF0 != 0xA0 or header is None or not is_checked(body[:header]):
            del buffer[0]  # a closing flag, or no frame at all: the next flag may open one
            continue
        if len(body) < length + 1:
            return None
        if body[length] == 0x7E and is_checked(body[:length]):
            del buffer[: length + 1]  # the closing flag stays: it may open the next frame as well
            return body[:length]
        say({"event": "rejected", "reason": "length or checksum"})
        del buffer[0]


def main(device):
    port = os.open(device, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(port, termios.TCSANOW)
    say({"event": "ready"})
    buffer = bytearray()
    while True:
        readable, _, _ = select.select([port], [], [], SILENCE_S)
        if not readable:
            buffer.clear()
            continue
        try:
            received = os.read(port, 4096)
        except OSError:
            return  # the line was closed
        if not received:
            return
        buffer += received
        while (frame := take_frame(buffer)) is not None:
            at = frame.find(REGISTER)
            if at >= 0:
                value = frame[at + len(REGISTER) :][:4]
                say({"active_import_w": int.from_bytes(value, "big")})
            else:
                say({"event": "rejected", "reason": "no register 1-0:1.7.0"})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: minimal_dongle.py DEVICE")
    main(sys.argv[1])
