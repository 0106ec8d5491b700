"""Reads orders and writes totals, both in Avro with a schema registry."""

import os

import bruco
from confluent_kafka.schema_registry import SchemaRegistryClient, SchemaRegistryError
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError

ORDER = """{"type": "record", "name": "Order", "fields": [
    {"name": "item", "type": "string"}, {"name": "count", "type": "int"}, {"name": "price", "type": "int"}]}"""
TOTAL = """{"type": "record", "name": "Total", "fields": [
    {"name": "item", "type": "string"}, {"name": "total", "type": "long"}]}"""


def registry():
    return SchemaRegistryClient({"url": os.environ["REGISTRY"]})


def value_of(topic):
    """Which schemas of the registry are meant: those of this topic's values."""
    return SerializationContext(topic, MessageField.VALUE)


def init_context(context):
    # Both keep the schemas that they have seen: the registry is asked once for each.
    context.read = AvroDeserializer(registry(), ORDER)
    context.write = AvroSerializer(registry(), TOTAL)


def handle_event(context, data):
    try:
        order = context.read(bytes(data), value_of(context.event.topic))
    except SerializationError as error:
        raise bruco.Reject(f"not an order: {error}") from None  # no further attempt makes it one
    except SchemaRegistryError as error:
        if error.http_status_code != 404:
            raise  # the registry's own trouble may pass
        raise bruco.Reject(f"its schema is unknown: {error}") from None
    total = {"item": order["item"], "total": order["count"] * order["price"]}
    return context.write(total, value_of("totals"))
