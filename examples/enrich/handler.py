"""Asks a catalogue over HTTP for the price of what was ordered, many orders at a time."""

import json
import os

import httpx


async def init_context(context):
    context.catalogue = httpx.AsyncClient(base_url=os.environ["CATALOGUE"], timeout=5)


async def handle_event(context, data):
    order = json.loads(data)
    response = await context.catalogue.get(f"/items/{order['item']}")
    if response.status_code == 404:
        context.logger.warning("no price for %r", order["item"])
        return order
    response.raise_for_status()  # any other trouble fails the event, and it is tried again
    return {**order, "price": response.json()["price"] * order["count"]}


async def close_context(context):
    await context.catalogue.aclose()
