"""CE models as users write them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autopyfactory.simulate.models import CES, CEModel, Period, parse_ce


def test_ce_models_as_users_write_them():
    assert parse_ce("slow") == CES["slow"]
    assert parse_ce("slow,slots=20,failing=0.5") == replace(CES["slow"], slots=20, failing=0.5)
    outages = CEModel(outages=(Period(1, 2),))
    assert parse_ce("fast", outages).outages == outages.outages
    assert parse_ce("dead", outages).outages == CES["dead"].outages


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("fat", "no CE model 'fat'"), ("size=3", "has no 'size'"), ("slots=-1", "cannot be")],
)
def test_mistakes_are_told(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        parse_ce(text)
