def handle_event(context, data):
    if data == b"3":
        raise ValueError("no such customer")
    return data
