"""Values in Avro as JSON lines, whatever their schema is."""

import handler
from confluent_kafka.schema_registry.avro import AvroDeserializer


def init_context(context):
    context.read = AvroDeserializer(handler.registry())


def handle_event(context, data):
    return context.read(bytes(data), handler.value_of(context.event.topic))
