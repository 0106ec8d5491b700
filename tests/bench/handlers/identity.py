"""The least that a handler can do."""


def handle_event(context, data):
    return data
