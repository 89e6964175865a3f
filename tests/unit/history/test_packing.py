"""Records become few bytes and come back as they were."""

import contextlib
import string
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.history import packing
from autopyfactory.model.decision import EndedPilot, RecentPilots
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.model.record import CycleRecord, FactoryEvent
from autopyfactory.model.serialize import from_plain, to_plain
from contracts.records import T0, cycle, series


def rounded(record: CycleRecord) -> CycleRecord:
    return packing.decode(packing.encode(record))


@given(
    st.text(),
    st.dictionaries(st.text(string.ascii_lowercase), st.floats(0, 1e6).map(lambda x: round(x, 3))),
    st.lists(st.text(), max_size=3).map(tuple),
    st.datetimes(timezones=st.just(UTC)),
)
def test_any_record_comes_back(
    reason: str, ages: dict[str, float], gate: tuple[str, ...], when: datetime
) -> None:
    at = when.replace(microsecond=when.microsecond // 1000 * 1000)
    record = cycle(at=at, reason=reason, ages=ages, gate=gate)
    assert rounded(record) == record


def test_unknown_fields_are_ignored_and_missing_ones_have_their_default() -> None:
    data = to_plain(cycle())
    data["of_a_later_release"] = {"x": 1}
    del data["inputs"]["wms"]
    record = from_plain(CycleRecord, data)
    assert record.inputs is not None
    assert record.inputs.wms is None
    assert record.inputs.batch == BatchQueueInfo(pending=12, running=100, waiting=12)


@pytest.mark.parametrize("data", [[], {}, {"queue": "A"}, None])
def test_what_is_no_record_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match="CycleRecord"):
        from_plain(CycleRecord, data)


def test_defaults_are_left_out() -> None:
    assert to_plain(FactoryEvent("started", T0)) == {"kind": "started", "at": "2026-11-22T02:00:00.000+00:00"}


def test_what_has_no_plain_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no plain form"):
        to_plain({"a": [object()]})


def test_a_dictionary_makes_records_a_fraction() -> None:
    texts = [packing.encode(r) for q in "ABCDEFGH" for r in series(f"SITE_{q}-ce", T0, 50)]
    body = packing.train(texts[::4])
    assert 0 < len(body) <= packing.DICTIONARY
    others, packer = texts[1::4], packing.Packer(body)
    assert packer.cost(others) < 0.3 * packing.Packer().cost(others)
    assert packer.cost(others) < 0.16 * sum(map(len, others))
    assert [packer.unpack(packer.pack(t)) for t in others] == others


@pytest.mark.parametrize("n", [1, 2, 5, 20])
def test_few_samples_serve_as_a_dictionary_too(n: int) -> None:
    texts = [packing.encode(r) for r in series("A", T0, n)]
    packer = packing.Packer(packing.train(texts))
    assert packer.cost(texts) < 0.5 * packing.Packer().cost(texts)
    assert [packer.unpack(packer.pack(t)) for t in texts] == texts


def test_the_wrong_dictionary_is_noticed_or_gives_no_record() -> None:
    text = packing.encode(cycle())
    packed = packing.Packer(text).pack(text)
    with pytest.raises(ValueError, match=r"unpacked|Expecting|decode|Invalid"):
        packing.decode(packing.Packer().unpack(packed))


def test_the_single_starts_and_endings_of_pilots_are_not_kept() -> None:
    record = cycle()
    assert record.inputs is not None
    many = tuple(float(n) for n in range(500))
    recent = RecentPilots(finished=500, ended=tuple(EndedPilot(9.0, n) for n in many), starts=many)
    kept = rounded(replace(record, inputs=replace(record.inputs, history=recent)))
    assert kept.inputs is not None
    assert kept.inputs.history == replace(recent, ended=(), starts=())


def test_times_keep_their_milliseconds() -> None:
    at = T0 + timedelta(milliseconds=123)
    assert rounded(cycle(at=at)).started == at


@given(st.binary(max_size=300))
def test_damaged_bytes_are_a_value_error_and_take_no_memory(packed: bytes) -> None:
    """The first bytes of a frame say how large it is: that is believed up to a record's size only."""
    with contextlib.suppress(ValueError):
        assert len(packing.Packer().unpack(packed)) <= packing.LARGEST


@pytest.mark.parametrize("size", [packing.LARGEST + 1, 2**40, 2**63])
def test_a_frame_that_claims_too_much_is_refused_before_it_is_read(size: int) -> None:
    packed = b"\xe0" + size.to_bytes(8, "little") + b"\x01\x00\x00"  # of one segment, its size in 8 bytes
    with pytest.raises(ValueError, match="larger than any is"):
        packing.Packer().unpack(packed)


@given(st.integers(0, 400), st.integers(0, 255))
def test_one_byte_that_changed_gives_no_other_kind_of_error(at: int, byte: int) -> None:
    packer = packing.Packer(packing.encode(cycle()))
    packed = bytearray(packer.pack(packing.encode(cycle(number=7, reason="x" * 200))))
    packed[at % len(packed)] = byte
    with contextlib.suppress(ValueError):
        packing.decode(packer.unpack(bytes(packed)))
