"""Parses JSON, changes a field, makes JSON of it again, with orjson."""
import orjson


def handle_event(context, data):
    event = orjson.loads(data)
    event["seen"] = True
    return orjson.dumps(event)
