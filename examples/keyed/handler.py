"""Gives orders the customer as key, so that one customer's orders stay in order."""

import json

from bruco import Message


def handle_event(context, data):
    order = json.loads(data)
    headers = [*context.event.headers.items(), ("order", str(order["id"]))]
    if order["status"] == "deleted":
        # A tombstone: compaction forgets what this key had.
        return Message(None, key=order["customer"], headers=headers)
    return Message(data, key=order["customer"], headers=headers)
