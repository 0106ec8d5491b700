"""What a log call gave as `extra`, as further fields of a line's JSON form."""

import json
import logging
import re
from typing import Any, Dict, Iterator, List, Tuple

from bruco._exceptions import line

#: What a LogRecord has without any `extra`, and what logging and its formatters add to it.
OF_LOGGING = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}

#: The fields that a line has from Bruco.
OF_BRUCO = {
    *("time", "level", "program", "worker", "message", "topic", "partition", "offset"),
    *("error", "traceback", "repeated", "left_out"),
}

#: Bytes that the fields of one line may have together.
MOST = 8192


def encode_fields(record: logging.LogRecord) -> str:
    """The members of a JSON object, in their order: `"user": "me", "n": 3`; "" without any.

    Fields that do not fit into MOST are left out, and `left_out` says how many.
    """
    members: List[str] = []
    room = MOST
    left_out = 0
    for name, value in _named(vars(record)):
        member = f"{_dump(name)}: {_value(value)}"
        size = len(line(member))
        if size > room:
            left_out += 1
            continue
        room -= size
        members.append(member)
    if left_out > 0:
        members.append(f'"left_out": {left_out}')
    return ", ".join(members)


def _named(given: Dict[Any, Any]) -> Iterator[Tuple[str, Any]]:
    """The names and values that come from `extra`; a name of Bruco's own gets a prefix."""
    for key, value in given.items():
        if key in OF_LOGGING:
            continue
        name = str(key)
        while name in OF_BRUCO or (name != key and name in given):
            name = f"extra_{name}"
        yield name, value


def _value(value: Any) -> str:
    """JSON, of the value itself or of its str."""
    try:
        return _dump(value)
    except Exception:  # what JSON has no form for, and what another class's code raises
        pass
    try:
        return _dump(str(value))
    except Exception:
        return _dump(f"<{type(value).__name__} without a str>")


def _dump(value: Any) -> str:
    # No space behind commas: `, "` stands between the fields of a line, nowhere else in it.
    text = json.dumps(
        value, ensure_ascii=False, allow_nan=False, default=str, separators=(",", ":")
    )
    return _HIDDEN.sub(_escape, text)


# What a terminal might obey (lib/base/printable.h has the list), and halves of pairs of UTF-16, for
# which neither UTF-8 nor JSON has a form.
_HIDDEN = re.compile(
    "[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def _escape(found: "re.Match[str]") -> str:
    code = ord(found[0])
    return f"\\\\u{code:04x}" if 0xD800 <= code < 0xE000 else f"\\u{code:04x}"
