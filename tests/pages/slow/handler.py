import time

def look_up(customer):
    time.sleep(1)

def handle_event(context, data):
    look_up(data)
