"""Produces records that no client library makes, into partition 0 of a topic, as one batch:

    python3 produce.py BROKER TOPIC 'record(b"value", timestamp=0, headers=[(b"a\\0b", None)])' ...

It speaks Kafka's protocol itself. Status 1, and the broker's error code, when that refuses them.
"""

import socket
import struct
import sys


def crc32c(data):
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def varint(number):
    number = (number << 1 ^ number >> 63) & (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def part(content):
    return varint(-1) if content is None else varint(len(content)) + content


def record(value, key=None, timestamp=1, headers=()):
    return value, key, timestamp, headers


def batch(records):
    first = records[0][2]
    body = b""
    for number, (value, key, timestamp, headers) in enumerate(records):
        one = (b"\0" + varint(timestamp - first) + varint(number) + part(key) + part(value)
               + varint(len(headers))
               + b"".join(part(name) + part(content) for name, content in headers))
        body += varint(len(one)) + one
    checked = struct.pack(">hiqqqhii", 0, len(records) - 1, first, max(r[2] for r in records),
                          -1, -1, -1, len(records)) + body
    return struct.pack(">qiibI", 0, len(checked) + 9, -1, 2, crc32c(checked)) + checked


def text(string):
    return struct.pack(">h", len(string)) + string.encode()


def produce(broker, topic, data):
    host, port = broker.rsplit(":", 1)
    request = (struct.pack(">hhi", 0, 3, 1) + text("produce.py")  # Produce, version 3
               + struct.pack(">hhii", -1, -1, 10000, 1) + text(topic)
               + struct.pack(">iii", 1, 0, len(data)) + data)
    with socket.create_connection((host, int(port)), 30) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        with connection.makefile("rb") as answer:
            (length,) = struct.unpack(">i", answer.read(4))
            answer = answer.read(length)
    # correlation, one topic, its name, one partition, its number, then the error
    (error,) = struct.unpack_from(">h", answer, 4 + 4 + len(text(topic)) + 4 + 4)
    return error


if __name__ == "__main__":
    failed = produce(sys.argv[1], sys.argv[2], batch([eval(text) for text in sys.argv[3:]]))
    if failed:
        sys.exit(f"produce.py: the broker says {failed}")
