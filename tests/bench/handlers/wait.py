"""Takes one millisecond for each event, as a call to another service does."""
import time


def handle_event(context, data):
    time.sleep(0.001)
    return data
