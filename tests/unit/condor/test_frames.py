import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autopyfactory.condor.frames import LARGEST, Assembler, Garbage, pack

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
messages = st.lists(st.dictionaries(st.text(), values), max_size=3)


@settings(max_examples=50)
@given(messages, st.randoms(use_true_random=False))
def test_messages_survive_any_cutting_into_pieces(sent, random):
    stream = b"".join(pack(message) for message in sent)
    pipe, got = Assembler(), []
    while stream:
        cut = random.randint(1, min(len(stream), 50))
        pipe.feed(stream[:cut])
        stream = stream[cut:]
        while (message := pipe.take()) is not None:
            got.append(message)
    assert got == sent
    assert pipe.empty


def test_an_incomplete_message_is_none_yet():
    whole = pack({"a": 1})
    pipe = Assembler()
    pipe.feed(whole[:-1])
    assert pipe.take() is None
    assert not pipe.empty
    pipe.feed(whole[-1:])
    assert pipe.take() == {"a": 1}


def test_an_absurd_length_is_garbage():
    pipe = Assembler()
    pipe.feed(struct.pack("!Q", LARGEST + 1))
    with pytest.raises(Garbage):
        pipe.take()


def test_what_is_not_json_is_garbage():
    pipe = Assembler()
    pipe.feed(struct.pack("!Q", 4) + b"nope")
    with pytest.raises(Garbage):
        pipe.take()


def test_a_message_is_its_length_and_json():
    assert json.loads(pack({"a": [1, "é"]})[8:]) == {"a": [1, "é"]}
