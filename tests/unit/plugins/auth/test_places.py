"""Hosts, audiences and file names of CEs."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.plugins.auth.places import file_name, filled, host_of

PLACE = string.ascii_letters + string.digits + ".:-_/@[] "  # what names of CEs are made of


@pytest.mark.parametrize(
    ("place", "host"),
    [
        ("ce.org", "ce.org"),
        ("ce.org:9619", "ce.org"),
        ("https://arc.org:443/arex/rest", "arc.org"),
        ("", ""),
        ("slurm of me@login.org", "slurm of me@login.org"),
    ],
)
def test_hosts(place: str, host: str) -> None:
    assert host_of(place) == host


def test_audiences() -> None:
    assert filled("{ce}", "ce.org:9619") == "ce.org:9619"
    assert filled("https://{host}/x", "ce.org:9619") == "https://ce.org/x"
    assert filled("fixed", "ce.org") == "fixed"


@given(st.text(PLACE), st.text(PLACE))
def test_two_ces_never_share_a_file(one: str, other: str) -> None:
    assert (file_name("p", one) == file_name("p", other)) is (one == other)


def test_no_place_leads_out_of_the_folder() -> None:
    assert file_name("/t/p", "") == "/t/p"
    assert file_name("/t/p", "ce.org:9619") == "/t/p.ce.org~3A9619"
    assert "/" not in file_name("p", "../../etc/x y")
