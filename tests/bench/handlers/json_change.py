"""Parses JSON, changes a field, makes JSON of it again."""
import json


def handle_event(context, data):
    event = json.loads(data)
    event["seen"] = True
    return json.dumps(event).encode()
