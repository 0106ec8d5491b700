"""Reads orders and writes totals, both in Protobuf with a schema registry."""

import os

import bruco
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError
from google.protobuf.message import DecodeError
from shop_pb2 import Order, Total

# What both need to be told: messages are written as all clients do today.
WRITTEN = {"use.deprecated.format": False}


def registry():
    return SchemaRegistryClient({"url": os.environ["REGISTRY"]})


def value_of(topic):
    """Which schemas of the registry are meant: those of this topic's values."""
    return SerializationContext(topic, MessageField.VALUE)


def init_context(context):
    # The reader needs no registry: the number before a message says which one of the file it is.
    context.read = ProtobufDeserializer(Order, WRITTEN)
    context.write = ProtobufSerializer(Total, registry(), WRITTEN)


def handle_event(context, data):
    try:
        order = context.read(bytes(data), value_of(context.event.topic))
    except (SerializationError, DecodeError) as error:
        raise bruco.Reject(f"not an order: {error}") from None  # no further attempt makes it one
    total = Total(item=order.item, total=order.count * order.price)
    return context.write(total, value_of("totals"))
