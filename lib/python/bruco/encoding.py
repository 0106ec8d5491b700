"""How a handler's result becomes JSON: one definition of the rules, see bruco-worker(1)."""

import dataclasses
import datetime
import decimal
import enum
import json
import uuid


def default(value):
    """What the standard library's encoder doesn't know.

    Dataclasses become objects, dates and times ISO 8601 text, UUIDs and Decimals text (exact),
    members of an Enum their value. Everything else raises TypeError.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, decimal.Decimal):
        if not value.is_finite():
            raise ValueError(f"{value!r} has no form in JSON")
        return str(value)
    if isinstance(value, enum.Enum):
        return value.value
    raise TypeError(f"a result of type {type(value).__name__} has no form in JSON")


#: ``to_json(value) -> str``: ASCII, default separators; NaN and infinities raise ValueError.
to_json = json.JSONEncoder(allow_nan=False, default=default).encode
