"""What Bruco gives to handlers.

A handler is a module with a function ``handle_event(context, data)`` and, if it needs one, a
function ``init_context(context)``; bruco-worker(1) describes both.
"""
