"""Headers: a mapping that keeps order and duplicates."""

from typing import Any, Iterable, Iterator, ItemsView, List, Mapping, Optional, Tuple, Union
from typing import ValuesView

Pair = Tuple[str, Optional[bytes]]
#: The types of a header's value: text becomes UTF-8, None is null.
Value = Union[bytes, bytearray, memoryview, str, None]
#: The types of headers.
Source = Union["Headers", Mapping[str, Value], Iterable[Tuple[str, Value]]]


class Headers(Mapping[str, Optional[bytes]]):
    """A record's headers: names (str) with values (bytes, or None for null), in their order.

    ``headers["a"]`` is the last one of that name, ``headers.getall("a")`` has all of them. A name
    that is there twice counts, and comes up, twice: in ``len``, in the iteration, in ``keys``,
    ``values`` and ``items``. Names are compared as they are, upper and lower case differ. Bytes of
    a name that are not UTF-8 are surrogate escapes.

    It can't be changed. ``Headers(source)`` takes a mapping or (name, value) pairs; values may be
    bytes-like, str (becomes UTF-8) or None. TypeError and ValueError name the header that is
    neither.
    """

    __slots__ = ("_pairs",)
    _pairs: Tuple[Pair, ...]

    def __init__(self, source: Source = ()) -> None:
        self._pairs = tuple(to_pairs(source, "headers"))

    def getall(self, name: str) -> List[Optional[bytes]]:
        """The values of all headers of this name, in their order; [] when there is none."""
        return [value for found, value in self._pairs if found == name]

    def __getitem__(self, name: str) -> Optional[bytes]:
        for found, value in reversed(self._pairs):
            if found == name:
                return value
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(found == name for found, _ in self._pairs)

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self._pairs])

    def __len__(self) -> int:
        return len(self._pairs)

    def items(self) -> ItemsView[str, Optional[bytes]]:
        """All (name, value) pairs in their order, duplicates too."""
        return _Items(self)

    def values(self) -> ValuesView[Optional[bytes]]:
        """All values in their order, duplicates' too."""
        return _Values(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Headers):
            return self._pairs == other._pairs
        if isinstance(other, Mapping):
            return len(self) == len(other) and dict(self._pairs) == dict(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({list(self._pairs)!r})"


class _Items(ItemsView[str, Optional[bytes]]):
    _mapping: Headers

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._mapping._pairs)

    def __contains__(self, pair: object) -> bool:
        return pair in self._mapping._pairs


class _Values(ValuesView[Optional[bytes]]):
    _mapping: Headers

    def __iter__(self) -> Iterator[Optional[bytes]]:
        return iter([value for _, value in self._mapping._pairs])

    def __contains__(self, value: object) -> bool:
        return any(value == found for found in self)


def of_pairs(pairs: Tuple[Pair, ...]) -> Headers:
    """Headers of pairs that are known to be valid; nothing is checked."""
    headers = Headers.__new__(Headers)
    headers._pairs = pairs
    return headers


def to_pairs(source: Any, place: str) -> List[Pair]:
    """The pairs of a mapping or of a list of pairs; `place` names it in errors."""
    if isinstance(source, Headers):
        return list(source._pairs)
    if isinstance(source, Mapping):
        source = source.items()
    elif isinstance(source, (str, bytes, bytearray, memoryview)):
        raise _no_headers(source, place)
    try:
        items = list(source)
    except TypeError:
        raise _no_headers(source, place) from None
    pairs = []
    for number, item in enumerate(items):
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise TypeError(f"{place}[{number}]: {kind(item)} is no (name, value) pair")
        name, value = item
        if not isinstance(name, str):
            raise TypeError(f"{place}[{number}]: {kind(name)} as a name is not str")
        if type(value) is not bytes:
            value = to_value(value, f'{place}["{name}"]')
        pairs.append((name, value))
    return pairs


def _no_headers(source: object, place: str) -> TypeError:
    return TypeError(f"{place}: {kind(source)} is neither a mapping nor (name, value) pairs")


def to_value(value: Any, place: str) -> Optional[bytes]:
    """A header's value or a key as bytes or None; `place` names it in errors."""
    if value is None or type(value) is bytes:
        return value
    if isinstance(value, str):
        return to_utf8(value, place)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, memoryview):
        return of_view(value, place)
    raise TypeError(f"{place}: {kind(value)} is neither bytes, str nor None")


def to_utf8(text: str, place: str) -> bytes:
    """Text as UTF-8; ValueError for text that can't be encoded."""
    try:
        return str.encode(text)
    except UnicodeEncodeError as error:
        raise ValueError(f"{place}: {error}") from None


def of_view(view: memoryview, place: str) -> bytes:
    """A memoryview's bytes in their logical order; ValueError for one that is released."""
    try:
        return view.tobytes()
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def kind(value: object) -> str:
    """A value's type, for errors: "a set", "an int", "a numpy.bool"."""
    if value is None or isinstance(value, bytes):
        return "None" if value is None else "bytes"
    name = type(value).__name__
    module = type(value).__module__
    if module not in ("builtins", "__main__"):  # numpy has a bool, too
        name = f"{module}.{name}"
    return f"{'an' if name[:1].lower() in 'aeio' else 'a'} {name}"
