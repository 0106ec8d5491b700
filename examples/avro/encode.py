"""JSON lines as orders in Avro."""

import json

import handler
from confluent_kafka.schema_registry.avro import AvroSerializer


def init_context(context):
    context.write = AvroSerializer(handler.registry(), handler.ORDER)


def handle_event(context, data):
    return context.write(json.loads(data), handler.value_of("orders"))
