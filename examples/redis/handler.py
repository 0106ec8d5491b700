"""Counts the visits of each page in Redis, each visit once, however often its record comes."""

import json
import os

import redis

# One step for the server: whether this event was counted before, and if not, the count.
COUNT = """
if redis.call("SET", KEYS[2], 1, "NX", "EX", ARGV[1]) then
    return redis.call("INCR", KEYS[1])
end
return false
"""
REMEMBERED = 7 * 24 * 3600  # seconds: longer than a record may come again


def init_context(context):
    context.store = redis.Redis.from_url(os.environ["STORE"])
    context.count = context.store.register_script(COUNT)


def handle_event(context, data):
    page = json.loads(data)["page"]
    visits = context.count(keys=[f"visits:{page}", f"event:{context.event.id}"], args=[REMEMBERED])
    if visits is None:
        visits = int(context.store.get(f"visits:{page}"))  # counted before
    return {"page": page, "visits": visits}


def close_context(context):
    context.store.close()
