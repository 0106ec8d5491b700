"""What the worker's builtin module gives to this package, for type checkers (cmd/bruco-worker)."""

from types import FrameType
from typing import Optional

def log(
    level: int, message: bytes, error: bytes, traceback: bytes, fields: bytes, /
) -> None: ...
def stacks_shown() -> None: ...
def raise_timeout(signal: int, frame: Optional[FrameType], /) -> None: ...
