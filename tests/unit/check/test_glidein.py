"""A token that stays behind makes a pilot useless: it is told where that can be known, and nowhere else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from autopyfactory.check.glidein import token_left_behind

GLIDEIN = "/usr/lib/autopyfactory/wrapper/payloads/glidein.sh"


def queue(payloads: tuple[str, ...] = (), files: tuple[str, ...] = (), **options: str) -> Any:
    given = {key.replace("__", "."): value for key, value in options.items()}
    return SimpleNamespace(
        options=SimpleNamespace(wrapper_payloads=payloads, wrapper_files=files, wrapper_options=given)
    )


@pytest.mark.parametrize(
    ("executable", "arguments", "travels", "left"),
    [
        (GLIDEIN, '"--pool p --token pool.token --idle 5"', "", "pool.token"),
        (GLIDEIN, '"--pool p --token pool.token"', "/etc/other.token", "pool.token"),
        (GLIDEIN, '"--token=pool.token"', "", "pool.token"),
        (GLIDEIN, '"--pool p --token pool.token"', "/a/b, /etc/pool.token", None),
        (GLIDEIN, '"--pool p --token /cvmfs/x/pool.token"', "", None),  # there already
        (GLIDEIN, '"--pool p --token $(name).token"', "", None),  # known at submission
        (GLIDEIN, '"--pool p"', "", None),  # it has its token from elsewhere
        ("/usr/libexec/wrapper.sh", '"--token pool.token"', "", None),  # another program's own affair
    ],
)
def test_a_glidein_that_is_the_executable(
    executable: str, arguments: str, travels: str, left: str | None
) -> None:
    description = {"executable": executable, "arguments": arguments}
    if travels:
        description["transfer_input_files"] = travels
    assert token_left_behind(queue(), description) == left


def test_a_glidein_in_a_composed_wrapper() -> None:
    named = {"glidein__token": "pool.token"}
    assert token_left_behind(queue(("glidein",), **named), {}) == "pool.token"
    assert token_left_behind(queue(("glidein",), ("/etc/pool.token",), **named), {}) == "pool.token"
    assert token_left_behind(queue(("glidein",), **named), {"transfer_input_files": "/x/pool.token"}) is None
    assert token_left_behind(queue(("panda",), **named), {}) is None, "that payload does not run"


def test_a_glidein_by_another_name_has_options_of_its_own() -> None:
    both = queue(("glidein", "gpu=glidein"), glidein__token="a", gpu__token="b")
    assert token_left_behind(both, {"transfer_input_files": "/etc/a"}) == "b"
