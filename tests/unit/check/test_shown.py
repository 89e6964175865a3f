"""A credential set against the CE that it would be shown: what is wrong, what is a doubt, what is fine."""

from __future__ import annotations

import time
from pathlib import Path

import jwt
import pytest

from autopyfactory.check.shown import credential, names_of
from autopyfactory.credentials.credential import Presented
from autopyfactory.credentials.wallet import Choice

CE = names_of("ce.example.org", 9619, "ce-schedd.example.org")
ALL = "compute.read compute.create compute.modify compute.cancel"


def token(folder: Path, **claims: object) -> dict[str, str]:
    said = {"sub": "pilot", "aud": "ce.example.org:9619", "scope": ALL, "exp": time.time() + 3600, **claims}
    file = folder / "token"
    file.write_text(jwt.encode({k: v for k, v in said.items() if v is not None}, "k" * 32, "HS256"))
    return {"scitokens_file": str(file)}


@pytest.mark.parametrize(
    "audience",
    ["ce.example.org:9619", "CE.example.org", "ce-schedd.example.org", "https://ce.example.org:9619/",
     "https://ce.example.org:9619/arex", "ANY", ["other", "https://wlcg.cern.ch/jwt/v1/any"]],
)  # fmt: skip
def test_audiences_that_fit(tmp_path: Path, audience: object) -> None:
    found = credential(token(tmp_path, aud=audience), None, CE)
    assert found.outcome == "fine", found


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"aud": "other.example.org:9619"}, "it may not be for this one"),
        ({"aud": None}, "names no audience"),
        ({"scope": "compute.read compute.create"}, "lacks compute.modify, compute.cancel"),
        ({"scope": None}, "lacks compute.create, compute.modify, compute.cancel"),
    ],
)
def test_what_only_the_ce_knows_is_a_doubt(tmp_path: Path, claims: dict[str, object], words: str) -> None:
    found = credential(token(tmp_path, **claims), None, CE)
    assert (found.outcome, found.who) == ("doubtful", "credentials")
    assert words in found.words


def test_condors_own_scopes_fit(tmp_path: Path) -> None:
    found = credential(token(tmp_path, scope="condor:/READ condor:/WRITE"), None, CE)
    assert found.outcome == "fine"
    assert "of pilot, ends in" in found.words
    assert "lacks" not in found.words


def test_what_is_wrong_for_certain(tmp_path: Path) -> None:
    expired = credential(token(tmp_path, exp=time.time() - 60), None, CE)
    assert (expired.outcome, expired.who) == ("wrong", "credentials")
    assert "expired 1 min ago" in expired.words
    (tmp_path / "x").write_text("no token")
    for name in ("x", "gone"):
        found = credential({"scitokens_file": str(tmp_path / name)}, None, CE)
        assert (found.outcome, found.who) == ("wrong", "credentials")
    found = credential({"x509userproxy": str(tmp_path / "x")}, None, CE)
    assert found.outcome == "wrong"
    none = credential({}, Choice(passed=("a: expired",)), CE)
    assert (none.outcome, none.words) == ("wrong", "no valid credential: a: expired")


def test_nothing_named(tmp_path: Path) -> None:
    assert "HTCondor shows what it has itself" in credential({}, None, CE).words
    assert credential({}, Choice("idtoken", Presented()), CE).words.startswith("profile idtoken")
