"""Counts the words of each text."""

from __future__ import annotations

from bruco import Context


def init_context(context: Context) -> None:
    """Runs once in each worker, before its first event: load models, open connections."""
    context.logger.info("%s is ready", context.worker_name)


def handle_event(context: Context, data: bytearray) -> dict[str, object] | None:
    """Takes the value of one event. What it returns goes out: here as JSON, with the same key."""
    text = data.decode()
    words = len(text.split())
    if words == 0:
        return None  # nothing goes out
    return {"text": text, "words": words}
