"""For pytest; the folder `cases` is for `bruco test`.

The package `bruco` for it is in PREFIX/lib/bruco/python: pip install that, or put it on PYTHONPATH.
"""

import handler
from bruco import testing


def test_counts_words() -> None:
    (result,) = testing.run(handler, ["one two"])
    assert result.value == b'{"text": "one two", "words": 2}'


def test_leaves_out_what_has_no_words() -> None:
    (result,) = testing.run(handler, [" "])
    assert result.outputs == []


def test_keeps_the_key() -> None:
    (result,) = testing.run(handler, [testing.Event(b"one", key=b"k")])
    assert result.output.key == b"k"
