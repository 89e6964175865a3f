import contextlib
import json
import tracemalloc

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


HALF = [
    "\\ud800",
    "\\uDfff",
    "a\\ud83d",
    "\\ud83dx\\ude00",
    "\\ud83d\\\\ude00",
    "\\ude00\\ud83d",
    "\\ud83d\\ud83d\\ude00",
]


@pytest.mark.parametrize("half", HALF)
@pytest.mark.parametrize("form", ['"{}"', '{{"a": ["{}"]}}', '{{"{}": 1}}'])
def test_half_characters_are_refused_at_the_door(half, form):
    with pytest.raises(JSONError, match="half a character"):
        loads(form.format(half))


@given(st.text(st.characters(exclude_categories=())))
def test_what_is_read_can_always_be_stored(text):
    try:
        loads(json.dumps(text)).encode()
    except JSONError:
        with pytest.raises(UnicodeEncodeError):
            text.encode()


def test_whole_characters_written_as_two_halves_are_read():
    assert loads('"\\ud83d\\ude00 \\\\ud800"') == "\U0001f600 \\ud800"
    with pytest.raises(JSONError, match="not UTF-8"):
        loads('"\ud800"')
    with pytest.raises(JSONError, match="not UTF-8"):
        loads(b'"\xed\xa0\x80"')


def test_many_elements_are_refused_before_they_are_made():
    text = "[" + "{}," * 2_500_000 + "{}]"
    tracemalloc.start()
    with pytest.raises(JSONError, match="elements; the limit is"):
        loads(text)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000  # the text itself is 7 MB
    tracemalloc.stop()
    assert loads("[1, 2]", max_elements=3) == [1, 2]


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_numbers_that_are_infinite_are_refused(number):
    with pytest.raises(JSONError, match="too large"):
        loads(f"[{number}]")
