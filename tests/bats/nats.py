#!/usr/bin/python3
"""A client of NATS for tests, on its protocol alone.

nats.py PORT pub SUBJECT [-H 'NAME: VALUE'] ...     a message for each line of standard input
nats.py PORT sub SUBJECT [-q GROUP] [-n COUNT]      prints messages as JSON; says "subscribed" first
nats.py PORT ask SUBJECT [TEXT]                     prints the data of the one reply, or 503 when nobody listens
"""

import argparse
import json
import os
import socket
import sys


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.input = self.socket.makefile("rb")
        options = {"verbose": False, "headers": True, "no_responders": True, "lang": "test"}
        if "NATS_USER" in os.environ:
            options["user"], options["pass"] = os.environ["NATS_USER"].split(":")
        self.input.readline()
        self.send(b"CONNECT " + json.dumps(options).encode() + b"\r\n")
        self.flush()

    def send(self, data):
        self.socket.sendall(data)

    def flush(self):
        self.send(b"PING\r\n")
        while (line := self.line()) != b"PONG":
            if line.startswith(b"-ERR"):
                raise SystemExit(line.decode())

    def line(self):
        line = self.input.readline()
        if not line:
            raise SystemExit("the server has closed the connection")
        if line == b"PING\r\n":
            self.send(b"PONG\r\n")
        return line.rstrip(b"\r\n")

    def publish(self, subject, data, headers=(), reply=b""):
        if not headers:
            self.send(b"PUB %s %s %d\r\n%s\r\n" % (subject, reply, len(data), data))
            return
        head = b"NATS/1.0\r\n" + b"".join(h + b"\r\n" for h in headers) + b"\r\n"
        self.send(b"HPUB %s %s %d %d\r\n%s%s\r\n" % (subject, reply, len(head), len(head) + len(data), head, data))

    def messages(self):
        while True:
            kind, *words = self.line().split(b" ")
            if kind not in (b"MSG", b"HMSG"):
                continue
            head = int(words[-2]) if kind == b"HMSG" else 0
            body = self.input.read(int(words[-1]) + 2)[:-2]
            rest = words[2 : -2 if kind == b"HMSG" else -1]
            first, *lines = body[:head].split(b"\r\n")
            headers = [line.split(b": ", 1) for line in lines if b": " in line]
            yield {
                "subject": words[0].decode(),
                "reply": rest[0].decode() if rest else None,
                "status": first.decode()[9:],
                "headers": sorted([name.decode(), value.decode()] for name, value in headers),
                "data": body[head:].decode("utf-8", "backslashreplace"),
            }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("what")
    parser.add_argument("subject")
    parser.add_argument("text", nargs="?", default="")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-q", dest="queue", default="")
    parser.add_argument("-n", dest="count", type=int, default=-1)
    options = parser.parse_args()
    connection = Connection(options.port)
    subject = options.subject.encode()
    if options.what == "pub":
        headers = [header.encode() for header in options.headers]
        for line in sys.stdin.buffer:
            connection.publish(subject, line.rstrip(b"\n"), headers)
        connection.flush()
        return
    listened = b"_INBOX.test" if options.what == "ask" else subject
    connection.send(b"SUB %s %s 1\r\n" % (listened, options.queue.encode()))
    connection.flush()
    if options.what == "ask":
        connection.publish(subject, options.text.encode(), reply=listened)
        reply = next(connection.messages())
        print(reply["status"] or reply["data"])
        return
    print("subscribed", file=sys.stderr, flush=True)
    for number, message in enumerate(connection.messages(), 1):
        print(json.dumps(message), flush=True)
        if number == options.count:
            break


main()
