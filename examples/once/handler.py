"""Books each payment once, however often its record comes: the table remembers the ids of events."""

import json
import os
import sqlite3


def init_context(context):
    context.book = sqlite3.connect(os.environ["BOOK"], timeout=30, isolation_level=None)
    context.book.execute(
        "CREATE TABLE IF NOT EXISTS bookings"
        " (event TEXT PRIMARY KEY, account TEXT NOT NULL, amount INTEGER NOT NULL)"
    )


def handle_event(context, data):
    payment = json.loads(data)
    context.book.execute(
        "INSERT INTO bookings VALUES (?, ?, ?) ON CONFLICT (event) DO NOTHING",
        (context.event.id, payment["account"], payment["amount"]),
    )
    return {"booked": payment["amount"], "account": payment["account"]}
