"""JSON lines as orders in Protobuf."""

import handler
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from google.protobuf import json_format


def init_context(context):
    context.write = ProtobufSerializer(handler.Order, handler.registry(), handler.WRITTEN)


def handle_event(context, data):
    return context.write(json_format.Parse(data, handler.Order()), handler.value_of("orders"))
