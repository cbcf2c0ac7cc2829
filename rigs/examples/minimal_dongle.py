"""The smallest honest dongle: shows the interface, decodes Aidon list 1 and nothing else.

Usage: minimal_dongle.py DEVICE

It finds frames by their length field and checks header and frame check sequence. It understands a data-notification with
one register, active import; of a longer list it claims that same register where it finds it.
"""

import json
import os
import select
import sys
import termios
import tty

REGISTER = bytes.fromhex("09060100010700ff06")  # octet-string 1-0:1.7.0.255, then a 32-bit unsigned number
FRAME_MAX = 2047
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


def is_right(body):
    """Both checksums of a frame without its flags: of the header (format, two addresses, control) and of it all."""
    at = 2
    for _ in range(2):
        while at < len(body) and not body[at] & 1:  # an address ends with a byte whose lowest bit is set
            at += 1
        at += 1
    at += 1
    sums = [(body[:at], body[at : at + 2]), (body[:-2], body[-2:])]
    return all(len(sent) == 2 and crc16_x25(data) == sent[0] | sent[1] << 8 for data, sent in sums)


def take_frame(buffer):
    """Removes junk and the first whole frame from the buffer. None: more bytes are needed."""
    while True:
        start = buffer.find(0x7E)
        if start < 0:
            buffer.clear()
            return None
        del buffer[:start]
        if len(buffer) < 3:
            return None
        length = (buffer[1] & 0x07) << 8 | buffer[2]
        if buffer[1] & 0xF0 != 0xA0 or length < 9:
            del buffer[0]  # a closing flag, or no frame at all: the next flag may open one
            continue
        if len(buffer) < length + 2:
            return None
        body = bytes(buffer[1 : length + 1])
        if buffer[length + 1] == 0x7E and is_right(body):
            del buffer[: length + 1]  # the closing flag stays: it may open the next frame as well
            return body
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
