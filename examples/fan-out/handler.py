"""Splits an order into its shipments: an output for each line that is in stock."""

import json

from bruco import Message


def handle_event(context, data):
    order = json.loads(data)
    if order["status"] != "paid":
        return  # filtered: nothing goes out
    for line in order["lines"]:
        if line["stock"] >= line["count"]:
            yield Message(
                {"order": order["id"], "item": line["item"], "count": line["count"]},
                key=line["item"],
            )
