"""Whose orders are taken: those from our own pages, by whoever the page was made for."""

from pathlib import Path

import pytest

from autopyfactory.daemon.webchild import WebOptions
from autopyfactory.web.actions import Denied, from_our_page
from autopyfactory.web.identity import Doorman, Identity
from autopyfactory.web.tokens import Tokens

WHO = Identity("ann", "operate", "bearer")


@pytest.fixture
def doorman(tmp_path: Path) -> Doorman:
    return Doorman(WebOptions(), Tokens(tmp_path))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "same-origin"},
        {"origin": "http://factory.example.org:8080", "host": "factory.example.org:8080"},
        {"origin": "https://Factory.example.org", "host": "factory.example.org"},
    ],
)
def test_a_form_of_ours_is_taken(doorman: Doorman, headers: dict[str, str]) -> None:
    from_our_page(doorman, WHO, headers, doorman.form_token(WHO))


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.example.org", "host": "factory.example.org"},
        {"origin": "http://factory.example.org:1", "host": "factory.example.org:2"},
        {"origin": "null", "host": "factory.example.org"},
        {"origin": "null"},
        {"origin": "http://[/0", "host": "factory.example.org"},
        {"origin": ""},
    ],
)
def test_another_sites_is_not_whatever_it_carries(doorman: Doorman, headers: dict[str, str]) -> None:
    with pytest.raises(Denied, match="another site"):
        from_our_page(doorman, WHO, headers, doorman.form_token(WHO))


@pytest.mark.parametrize("token", ["", "0" * 64, "é"])
def test_a_form_without_its_token_is_not(doorman: Doorman, token: str) -> None:
    with pytest.raises(Denied, match="load the page again"):
        from_our_page(doorman, WHO, {}, token)


def test_nor_one_that_was_made_for_somebody_else(doorman: Doorman) -> None:
    theirs = doorman.form_token(Identity("bob", "operate", "bearer"))
    with pytest.raises(Denied, match="load the page again"):
        from_our_page(doorman, WHO, {}, theirs)
