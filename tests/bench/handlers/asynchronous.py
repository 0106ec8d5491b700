"""Waits 10 ms for each event, without holding up the others."""
import asyncio


async def handle_event(context, data):
    await asyncio.sleep(0.01)
    return data
