"""Upper-cases text, counts on the context, and takes one setting from the environment."""

import os


def init_context(context):
    context.greeting = os.environ.get("GREETING", "hello")
    context.count = 0
    context.logger.info("%s is ready", context.worker_name)


def handle_event(context, data):
    text = data.decode()
    if not text:
        return None  # nothing goes to the sink
    context.count += 1
    context.logger.debug("event %d: %r", context.count, text)
    return f"{context.greeting} {text.upper()}"
