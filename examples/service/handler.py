"""A small service: counts the words of what is posted to it."""

import json


def handle_event(context, data):
    if context.event.headers[":method"] != b"POST":
        return context.response(data={"error": "post a text"}, status=405)
    text = data.decode(errors="replace").strip()
    if not text:
        return context.response(data={"error": "the text is empty"}, status=400)
    return context.response(data=json.dumps({"text": text, "words": len(text.split())}))
