"""Records as JSON, an object a line, for ``bruco-worker --json``.

Fields: topic, partition, offset, timestamp (ms since 1970), key, value, headers ([[name, value],
...]). Bytes are text where they are UTF-8, else {"base64": "..."}; null is null.
"""

import base64
import json
from typing import Any, Dict, List, Optional, Tuple

Header = Tuple[bytes, Optional[bytes]]

FIELDS = ("topic", "partition", "offset", "timestamp", "key", "value", "headers")


def to_bytes(what: str, value: Any) -> Optional[bytes]:
    """Text, {"base64": text} or None as bytes or None."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and list(value) == ["base64"] and isinstance(value["base64"], str):
        return base64.b64decode(value["base64"], validate=True)
    raise ValueError(f'{what} is neither text, null nor {{"base64": text}}')


def from_bytes(value: Optional[bytes]) -> Any:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def to_number(what: str, value: Any, bits: int, least: int = -1) -> int:
    """A number, or None as -1: there is none."""
    if value is None:
        return -1
    if type(value) is not int or not least <= value < 2 ** (bits - 1):
        raise ValueError(f"{what} is not a number of {bits} bits")
    return value


def to_headers(pairs: Any) -> List[Tuple[Optional[bytes], Optional[bytes]]]:
    if not isinstance(pairs, list):
        raise ValueError("headers is not a list of [name, value]")
    headers = []
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or pair[0] is None:
            raise ValueError("headers is not a list of [name, value]")
        name, value = pair
        headers.append((to_bytes("a header's name", name), to_bytes("a header's value", value)))
    return headers


def no_duplicates(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("duplicate key")
    return fields


def parse(text: bytes) -> Tuple[Any, ...]:
    """One line as the tuple of FIELDS; ValueError says what is wrong with it."""
    try:
        record = json.loads(text.decode(), object_pairs_hook=no_duplicates)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} (column {error.colno})") from None
    if not isinstance(record, dict):
        raise ValueError("not an object")
    for name in record:
        if name not in FIELDS:
            raise ValueError(f"unknown key {name!r}")
    return (
        to_bytes("topic", record.get("topic")) or b"",
        to_number("partition", record.get("partition"), 32),
        to_number("offset", record.get("offset"), 64),
        to_number("timestamp", record.get("timestamp"), 64, -(2**63)),
        to_bytes("key", record.get("key")),
        to_bytes("value", record.get("value")),
        to_headers(record.get("headers") or []),
    )


def print_record(
    topic: bytes,
    partition: int,
    offset: int,
    timestamp: int,
    key: Optional[bytes],
    value: Optional[bytes],
    headers: List[Header],
) -> bytes:
    """The same back as one line, in bytes."""
    record = {
        "topic": from_bytes(topic or None),
        "partition": None if partition < 0 else partition,
        "offset": None if offset < 0 else offset,
        "timestamp": None if timestamp == -1 else timestamp,
        "key": from_bytes(key),
        "value": from_bytes(value),
        "headers": [[from_bytes(name), from_bytes(content)] for name, content in headers],
    }
    return json.dumps(record, ensure_ascii=False).encode()
