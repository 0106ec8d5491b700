"""Requests that come late: a proxy holds one back, the client sends it again, and the first one arrives when it
does harm: an EndTxn when the next transaction is open, the commit of where partitions begin when transactions
have committed more."""

import asyncio
import os
import signal

from exactly_once import ExactlyOnce
from proxy import Proxy
from world import PARTITIONS, Broker, wait_for

PRODUCE, OFFSET_COMMIT, END_TXN = 0, 8, 26


class LateEnd(Proxy):
    """Takes requests apart: a request is its length (i32), what it asks for (i16), and more."""

    def __init__(self):
        super().__init__()
        self.kind = END_TXN  # of the request that is held back
        self.step = "pass"  # hold, again, open: what is waited for; then "delivered"
        self.held = b""
        self.produced = 0

    def hold(self, kind=END_TXN):
        self.kind, self.step = kind, "hold"

    async def pump(self, connection, reader, writer):
        if writer is connection.ends[0]:
            await super().pump(connection, reader, writer)
            return
        while True:
            try:
                length = await reader.readexactly(4)
                request = length + await reader.readexactly(int.from_bytes(length, "big"))
            except asyncio.IncompleteReadError:
                break
            if await self.keeps(connection, request):
                return
            writer.write(request)
            await writer.drain()
            await self.seen(request)
        writer.close()

    async def keeps(self, connection, request):
        """Whether it is the one to hold back; its sender sees its connection die."""
        if self.step != "hold" or int.from_bytes(request[4:6], "big") != self.kind:
            return False
        self.held, self.step = request, "again"
        connection.reset()
        return True

    async def seen(self, request):
        kind = int.from_bytes(request[4:6], "big")
        if self.step == "again" and kind == self.kind:
            self.step, self.produced = "open" if kind == END_TXN else "sent", 0
        elif self.step == "open" and kind == PRODUCE:
            self.produced += 1
            if self.produced == 2:
                self.step = "late"
                asyncio.create_task(self.deliver())

    def arrive(self):
        asyncio.run_coroutine_threadsafe(self.deliver(), self.loop).result(20)

    async def deliver(self):
        reader, writer = await asyncio.open_connection(*self.upstream)
        writer.write(self.held)
        await writer.drain()
        await asyncio.wait_for(reader.readexactly(4), 10)
        writer.close()
        self.step = "delivered"


class LateEnds(ExactlyOnce):
    """An EndTxn that is held back, sent again by the client, and delivered in the next transaction, in the
    midst of which the sink is then killed: nothing of a transaction is visible without the rest. And the source's
    commit of where the partitions begin, delivered behind what transactions have committed."""

    def plan(self):
        return [{"kind": "late-end", "pick": 0, "wait": round(self.random.uniform(0.05, 0.5), 3)}
                for _ in range(self.faults)]

    def make_broker(self):
        self.proxy = LateEnd()
        broker = Broker(self.folder, True, self.proxy.port)
        self.proxy.start(broker.proxied)
        return broker

    def bruco_address(self):
        return self.proxy.address

    def clean_up(self):
        super().clean_up()
        if self.broker is not None:
            self.proxy.stop()

    def late_start(self, one):
        self.proxy.hold(OFFSET_COMMIT)
        self.load.add(50 * PARTITIONS, wait=True)
        self.start(one)
        wait_for(30, "the commit to be sent again", lambda: self.proxy.step == "sent")
        self.caught_up()
        self.mark("late-start")
        self.proxy.arrive()
        ready = one.count_ready()
        for pid in one.stages("sink"):
            os.kill(pid, signal.SIGKILL)
        one.wait_ready(ready, 90)

    def play(self):
        one = self.instance("one")
        self.late_start(one)
        for fault in self.schedule:
            self.load.add(self.records // self.faults, self.flow)
            self.pause(fault)
            mark = self.mark("late-end")
            ready = one.count_ready()
            self.proxy.hold()
            for _ in range(30):
                if self.proxy.step == "delivered":
                    break
                self.load.add(100, 0.5, wait=True)
            wait_for(30, "the late request", lambda: self.proxy.step == "delivered")
            for pid in one.stages("sink"):
                os.kill(pid, signal.SIGKILL)
            one.wait_ready(ready, 90)
            self.go_on(mark)
