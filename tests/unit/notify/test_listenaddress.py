"""Other machines are heard only when that is said in so many words."""

from __future__ import annotations

import pytest

from autopyfactory.notify.listenaddress import refuse_others


@pytest.mark.parametrize("address", ["0.0.0.0:1", "192.0.2.1:9", "host.example.org:9", "[::]:9"])
def test_what_others_reach(address: str) -> None:
    with pytest.raises(ValueError, match=r"reports.listen takes it with reports.remote = True only"):
        refuse_others("reports", address, remote=False)
    refuse_others("reports", address, remote=True)


@pytest.mark.parametrize("address", [None, "127.0.0.1:1", "localhost:1", "[::1]:1", "127.3.2.1:1"])
def test_this_machine(address: str | None) -> None:
    refuse_others("reports", address, remote=False)
