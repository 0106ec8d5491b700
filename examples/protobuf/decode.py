"""Totals in Protobuf as JSON lines."""

import handler
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
from google.protobuf import json_format


def init_context(context):
    context.read = ProtobufDeserializer(handler.Total, handler.WRITTEN)


def handle_event(context, data):
    return json_format.MessageToDict(context.read(bytes(data), handler.value_of("totals")))
