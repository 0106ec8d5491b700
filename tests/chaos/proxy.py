"""A network that fails: a TCP proxy in front of a broker's listener.

It runs in a thread of its own. `mode` says what it does to the bytes from now on:

    pass        nothing
    delay       each piece comes 0.3 s later
    slices      pieces arrive byte by byte, as far as 2,000 of them
    slow        10 KB/s each way of a connection
    blackhole   nothing passes, and nothing is closed; new connections are taken. What was held back
                passes afterwards
    half-open   as blackhole, and what the connections of that time carried never arrives: only new
                ones work afterwards
    reset       all connections are reset, and so are new ones
    cut N       those that are open are reset; new ones are closed when the broker's Nth answer would
                pass, so amid a handshake. Not among MODES: it is for TLS and SASL

As a program, proxy.py [HOST:PORT], it prints its own address and then takes a mode a line, or, as
long as it has no HOST:PORT, a line `to HOST:PORT`.
"""

import asyncio
import socket
import struct
import sys
import threading

MODES = ("delay", "slices", "slow", "blackhole", "half-open", "reset")
DELAY, SLICES, BYTES_A_SECOND = 0.3, 2000, 10_000


class Proxy:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.upstream = None  # host:port; before start()
        self.mode = "pass"
        self.connections = set()
        self.loop = self.end = self.thread = None
        self.started = threading.Event()

    def start(self, upstream):
        self.upstream = upstream.rsplit(":", 1)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        self.started.wait(10)

    def run(self):
        asyncio.run(self.work())

    async def work(self):
        self.loop = asyncio.get_running_loop()
        self.end = asyncio.Event()
        async with await asyncio.start_server(self.serve, sock=self.listener):
            self.started.set()
            await self.end.wait()
        for connection in list(self.connections):
            connection.reset()
            connection.pumps.cancel()
        await asyncio.sleep(0)  # for them to end

    def set(self, mode):
        self.loop.call_soon_threadsafe(self.change, mode)

    def change(self, mode):
        self.mode = mode
        if mode == "half-open":
            for connection in self.connections:
                connection.lost = True
        if mode == "reset" or mode.startswith("cut"):
            for connection in list(self.connections):
                connection.reset()

    def stop(self):
        if self.thread is not None:
            self.loop.call_soon_threadsafe(self.end.set)
            self.thread.join(10)
        self.listener.close()

    async def serve(self, reader, writer):
        if self.mode == "reset":
            reset(writer)
            return
        try:
            up_reader, up_writer = await asyncio.open_connection(*self.upstream)
        except OSError:
            reset(writer)
            return
        connection = Connection(writer, up_writer)
        self.connections.add(connection)
        try:
            connection.pumps = asyncio.gather(self.pump(connection, reader, up_writer),
                                              self.pump(connection, up_reader, writer))
            await connection.pumps
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self.connections.discard(connection)
            for end in connection.ends:
                end.close()

    async def pump(self, connection, reader, writer):
        while data := await reader.read(65536):
            while connection.lost or self.mode in ("blackhole", "half-open"):
                await asyncio.sleep(0.01)
            if self.mode.startswith("cut") and writer is connection.ends[0]:
                connection.answers += 1
                if connection.answers >= int(self.mode.split()[1]):
                    break
            await self.send(writer, data)
        writer.close()

    async def send(self, writer, data):
        if self.mode == "delay":
            await asyncio.sleep(DELAY)
        elif self.mode == "slow":
            step = BYTES_A_SECOND // 20
            while len(data) > step and self.mode == "slow":
                writer.write(data[:step])
                data = data[step:]
                await asyncio.sleep(step / BYTES_A_SECOND)
        elif self.mode == "slices":
            for at in range(min(SLICES, len(data) - 1)):
                writer.write(data[at:at + 1])
                await asyncio.sleep(0)
            data = data[min(SLICES, len(data) - 1):]
        writer.write(data)
        await writer.drain()


class Connection:
    def __init__(self, *ends):
        self.ends = ends
        self.lost = False
        self.answers = 0
        self.pumps = None
        for end in ends:
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def reset(self):
        for end in self.ends:
            reset(end)


def reset(writer):
    """Closes it with RST."""
    try:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                                   struct.pack("ii", 1, 0))
    except OSError:
        pass  # it is closed already
    writer.transport.abort()


def main():
    proxy = Proxy()
    print(proxy.address, flush=True)
    if len(sys.argv) > 1:
        proxy.start(sys.argv[1])
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        if command == "to":
            proxy.start(rest)
        elif proxy.thread is not None:
            proxy.set(line.strip())
        else:
            proxy.mode = line.strip()
    proxy.stop()


if __name__ == "__main__":
    main()
