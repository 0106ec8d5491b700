import json


def handle_event(context, data):
    order = json.loads(data)
    return {"order": order["id"], "each": 60 / order["persons"]}
