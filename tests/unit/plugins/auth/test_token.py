"""Tokens from files, from a real exchange with an issuer, from programs; per CE; private; nothing half."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import jwt
import pytest

from authkit import complaint, private_file, profile, token
from autopyfactory.credentials.credential import CredentialError
from autopyfactory.plugins.auth.token import Token
from autopyfactory.plugins.auth.tokenoptions import safe
from servers.base import Reply
from servers.issuer import Issuer

ALL = ["compute.read", "compute.create", "compute.modify", "compute.cancel"]


def asking(issuer: Issuer, folder: Path, **keys: str) -> Token:
    secret = private_file(folder / "secret", issuer.secret + "\n")
    made: Token = profile(
        Token,
        folder,
        token__flow="client",
        token__issuer=issuer.url,
        token__client_id="factory",
        token__client_secret_file=str(secret),
        **keys,
    )
    return made


def claims(path: str) -> dict[str, object]:
    said: dict[str, object] = jwt.decode(Path(path).read_text().strip(), options={"verify_signature": False})
    return said


def test_a_file_that_others_keep(tmp_path: Path) -> None:
    file = private_file(tmp_path / "t", token(scope=" ".join(ALL), aud="ce.org:9619"))
    kept: Token = profile(Token, tmp_path, token__file=str(file))
    found = kept.look(kept.variant("ce.org:9619"))
    assert (found.owner, found.issuer, found.audience) == ("pilot", "https://issuer.test", ("ce.org:9619",))
    assert list(found.roles) == ALL
    assert not kept.renews
    assert not found.travels
    assert kept.presented("").commands == {"scitokens_file": str(file)}
    assert kept.minlife(found) == pytest.approx(1800)


@pytest.mark.parametrize("data", ["", "nothing", "a.b.c", "\xff", "x" * 2_000_000])
def test_what_is_no_token(tmp_path: Path, data: str) -> None:
    file = private_file(tmp_path / "t", data)
    with pytest.raises(CredentialError, match=str(file)) as told:
        profile(Token, tmp_path, token__file=str(file)).look("")
    assert len(str(told.value)) < 300


def test_a_token_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    file = private_file(tmp_path / "t", token())
    file.chmod(0o644)
    with pytest.raises(CredentialError, match="mode 0644"):
        profile(Token, tmp_path, token__file=str(file)).look("")
    with pytest.raises(CredentialError, match="there is no file"):
        profile(Token, tmp_path, token__file=str(tmp_path / "none")).look("")


def test_client_credentials_one_per_ce_with_its_audience_and_scopes(tmp_path: Path) -> None:
    with Issuer() as issuer:
        p = asking(
            issuer,
            tmp_path,
            token__audience="{ce}, https://{host}",
            **{"token.audience.odd.org": "condor-ce"},
            **{"token.scopes.odd.org": "condor:/READ condor:/WRITE"},
        )
        one, odd = p.variant("ce.org:9619"), p.variant("odd.org:9619")
        for variant in (one, odd):
            p.renew(variant)
    assert p.file(one) != p.file(odd)
    assert claims(p.file(one))["aud"] == ["ce.org:9619", "https://ce.org"]
    assert claims(p.file(one))["scope"] == " ".join(ALL)
    assert (claims(p.file(odd))["aud"], claims(p.file(odd))["scope"]) == (
        ["condor-ce"],
        "condor:/READ condor:/WRITE",
    )
    assert stat.S_IMODE(os.stat(p.file(one)).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(Path(p.file(one)).parent).st_mode) == 0o700
    assert p.look(one).audience == ("ce.org:9619", "https://ce.org")


def test_without_audience_one_token_serves_all(tmp_path: Path) -> None:
    p: Token = profile(Token, tmp_path, token__file=str(tmp_path / "t"))
    assert p.variant("a:1") == p.variant("b:2") == ""


def test_a_refresh_token_that_changes_is_kept(tmp_path: Path) -> None:
    """The old one is void at once: losing the new one would end everything."""
    refresh = private_file(tmp_path / "refresh", "refresh-0\n")
    with Issuer() as issuer:
        issuer.rotate = True
        p: Token = profile(
            Token,
            tmp_path,
            token__flow="refresh",
            token__issuer=issuer.url,
            token__client_id="factory",
            token__client_secret=issuer.secret,
            token__refresh_token_file=str(refresh),
        )
        for _ in range(3):
            p.renew("")
            assert refresh.read_text().strip() == issuer.refresh
    assert stat.S_IMODE(refresh.stat().st_mode) == 0o600
    assert len(set(issuer.given)) == 3


@pytest.mark.parametrize("secret", [token(), "0paque-and-long"], ids=["token", "opaque"])
def test_an_issuer_that_repeats_our_secret_has_it_told_to_nobody(tmp_path: Path, secret: str) -> None:
    """INDIGO IAM does so with a refresh token that it does not know; it would go into logs and mails."""
    with Issuer() as issuer:
        said = {"error": "invalid_grant", "error_description": f"Invalid refresh token: {secret}\x1b[2J"}
        issuer.broken = Reply.of(said, 400)
        with pytest.raises(CredentialError, match="invalid_grant: Invalid refresh token") as told:
            asking(issuer, tmp_path).renew("")
    assert secret not in str(told.value) and "\x1b" not in str(told.value)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (
            Reply.of({"error": "invalid_scope", "error_description": "not for you"}, 400),
            "invalid_scope: not for",
        ),
        (Reply.text("<html>", 502), "answered 502 with"),
        (Reply.of({"access_token": "no token", "token_type": "Bearer"}), "holds no token"),
        (Reply.of({"access_token": token(-60), "token_type": "Bearer"}), "new token expired "),
        (Reply.of([]), "nothing of OAuth"),
        (Reply.text("x" * 300_000), "bytes"),
        (Reply(302, b"", {"Location": "https://evil.test/"}), "redirects a POST"),
    ],
)
def test_answers_that_are_none_leave_the_old_token(tmp_path: Path, reply: Reply, words: str) -> None:
    with Issuer() as issuer:
        p = asking(issuer, tmp_path)
        p.renew("")
        before = Path(p.file("")).read_bytes()
        issuer.broken = reply
        with pytest.raises(CredentialError, match=words) as told:
            p.renew("")
    assert Path(p.file("")).read_bytes() == before
    assert issuer.secret not in str(told.value)


def test_a_wrong_secret_is_told_and_not_shown(tmp_path: Path) -> None:
    with Issuer() as issuer:
        p = asking(issuer, tmp_path)
        (tmp_path / "secret").write_text("wr0ng")
        with pytest.raises(CredentialError, match="invalid_client: who are you") as told:
            p.renew("")
    assert "wr0ng" not in str(told.value)


def test_an_issuer_that_does_not_answer_has_a_limit(tmp_path: Path) -> None:
    with Issuer() as issuer:
        p = asking(issuer, tmp_path, token__timeout="0.5", token__endpoint=f"{issuer.url}/token")
        with issuer._lock:  # it takes the question and says nothing
            failed: list[Exception] = []

            def ask() -> None:
                try:
                    p.renew("")
                except CredentialError as err:
                    failed.append(err)

            thread = threading.Thread(target=ask)
            thread.start()
            thread.join(60)
            assert failed, "it ended while nobody answered"


def test_readers_never_see_half_a_token(tmp_path: Path) -> None:
    with Issuer() as issuer:
        p = asking(issuer, tmp_path)
        p.renew("")
        wrong: list[str] = []
        stop = threading.Event()

        def read() -> None:
            while not stop.is_set():
                text = Path(p.file("")).read_text().strip()
                if text not in issuer.given:
                    wrong.append(text)

        thread = threading.Thread(target=read)
        thread.start()
        for _ in range(30):
            p.renew("")
        stop.set()
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, "flow file needs token.file"),
        ({"token.flow": "client", "token.client_id": "x"}, "needs token.issuer or token.endpoint"),
        ({"token.flow": "refresh", "token.issuer": "https://x"}, "token.client_id, token.refresh_token_file"),
        ({"token.flow": "agent"}, "token.account"),
        ({"token.flow": "idtoken"}, "token.identity, token.key"),
        ({"token.flow": "client", "token.client_id": "x", "token.issuer": "http://iam.org"}, "by https only"),
        ({"token.flow": "magic"}, "token.flow"),
    ],
)
def test_profiles_that_cannot_work(keys: dict[str, str], words: str) -> None:
    assert words in complaint(Token, **keys)


def program(folder: Path, name: str, text: str) -> Path:
    file = folder / "bin" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_oidc_agent_is_asked_with_audience_scopes_and_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = program(tmp_path, "oidc-token", f'printf "%s\\n" "$@" > {tmp_path}/asked; echo {token()}')
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    p: Token = profile(
        Token,
        tmp_path,
        token__flow="agent",
        token__account="wlcg",
        token__audience="{ce}",
        token__lifetime="900",
    )
    p.renew("ce:9619")
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked == ["--time", "900", "--aud", "ce:9619", "--scope", " ".join(ALL), "wlcg"]
    program(tmp_path, "oidc-token", "echo 'account not loaded' >&2; exit 1")
    with pytest.raises(CredentialError, match="account not loaded"):
        p.renew("ce:9619")


def test_an_idtoken_is_signed_by_condors_tool_and_presented_by_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command's words and environment name the key by its file; the key itself is nowhere."""
    tool = program(
        tmp_path, "condor_token_create", f'{{ printf "%s\\n" "$@"; env; }} > {tmp_path}/asked; echo {token()}'
    )
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    key = private_file(tmp_path / "keys" / "POOL", b"the signing key itself")
    p: Token = profile(
        Token,
        tmp_path,
        token__flow="idtoken",
        token__identity="pilot@site",
        token__key=str(key),
        token__trustdomain="site",
        token__file=str(tmp_path / "tokens.d" / "site"),
    )
    p.renew("")
    asked = (tmp_path / "asked").read_text()
    words = [
        "-identity",
        "pilot@site",
        "-key",
        "POOL",
        "-lifetime",
        "3600",
        "-authz",
        "READ",
        "-authz",
        "WRITE",
    ]
    assert asked.splitlines()[: len(words)] == words
    assert f"_CONDOR_SEC_PASSWORD_DIRECTORY={key.parent}" in asked
    assert "_CONDOR_TRUST_DOMAIN=site" in asked
    assert "the signing key itself" not in asked
    assert p.presented("").commands == {}, "HTCondor finds it in its folder"
    key.chmod(0o644)
    with pytest.raises(CredentialError, match="may be read by others"):
        p.renew("")


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://issuer.example.org/token", True),
        ("http://127.0.0.1:8080/token", True),
        ("http://localhost/token", True),
        ("http://issuer.example.org/token", False),
        ("https://[/0", False),
        ("", False),
    ],
)
def test_secrets_go_by_https_or_stay_here_whatever_an_issuer_names(url: str, is_safe: bool) -> None:
    assert safe(url) is is_safe
