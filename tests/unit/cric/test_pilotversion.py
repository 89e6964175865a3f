"""The version of PanDA's pilot: as CRIC wants it, if there is a digest of it."""

from __future__ import annotations

from typing import Any

import pytest

from autopyfactory.cric.pilotversion import NONE, choose
from autopyfactory.cric.records import BadRecord

DIGESTS = f"3.9.2:{'a' * 64} 3.12.0.1:{'b' * 64} 3.12.0.10:{'c' * 64} 2.9:{'d' * 64}"
DEFAULTS = {"wrapper.payload": "panda, rc=panda", "wrapper.option.panda.sha256": DIGESTS}
VERSION = "wrapper.option.panda.version"


@pytest.mark.parametrize(
    ("wanted", "version"),
    [("3.9.2", "3.9.2"), ("3", "3.12.0.10"), ("3.12", "3.12.0.10"), ("3.12.0.1", "3.12.0.1"), ("2", "2.9")],
)
def test_it_is_the_newest_that_fits(wanted: str, version: str) -> None:
    assert choose(wanted, DEFAULTS).keys == {VERSION: version}


def test_a_version_is_no_beginning_of_another_number() -> None:
    with pytest.raises(BadRecord, match=r"version 3.1, .* \(it has: 2.9, 3.9.2, 3.12.0.1, 3.12.0.10\)"):
        choose("3.1", DEFAULTS)


def test_without_a_digest_the_defaults_stay_and_that_is_told() -> None:
    chosen = choose("3.13", {**DEFAULTS, VERSION: "3.9.2"})
    assert chosen.keys == {}
    assert "version 3.13" in chosen.warning and "stay 3.9.2" in chosen.warning


@pytest.mark.parametrize(
    "change",
    [
        {"wrapper.payload": "glidein"},
        {"wrapper.payload": "rc=panda"},
        {"wrapper.option.panda.sha256": "e" * 64},
        {"wrapper.option.panda.sha256": ""},
    ],
)
def test_what_is_not_ours_to_choose_is_left_alone(change: dict[str, Any]) -> None:
    assert choose("3", {**DEFAULTS, **change}) == NONE


def test_a_record_that_does_not_say() -> None:
    assert choose("", DEFAULTS) == NONE
