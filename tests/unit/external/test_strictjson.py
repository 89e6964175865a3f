import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.external.strictjson import JSONError, loads

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(plain)
def test_sound_json_is_read_as_it_is(value):
    assert loads(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_garbage_never_raises_anything_else(data):
    with contextlib.suppress(JSONError):
        loads(data)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "an empty answer"),
        ("<html>", "an HTML page"),
        ("<?xml?>", "XML"),
        ("{'a': 1}", "Python object"),
        ("hello", "not JSON: 'hello'"),
        ('{"a": [1, 2', "breaks off"),
        ('{"a": 1 "b": 2}', "broken JSON"),
        ('{"a": 1, "a": 2}', "'a' occurs twice"),
        ('{"a": NaN}', "NaN"),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 5000, "cannot be read"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_what_is_wrong_is_told(text, told):
    with pytest.raises(JSONError, match=told):
        loads(text)


def test_objects_can_be_made_otherwise():
    assert loads('{"a": 1, "b": {"c": 1, "c": 2}}', len) == 2
    assert loads('{"a": {"c": 1, "c": 2}}', tuple) == (("a", (("c", 1), ("c", 2))),)
