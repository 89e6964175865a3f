"""The command's answers with and without a factory; renewing; keeping; and that no secret is ever shown."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from authkit import private_file, token
from patience import PATIENCE, until
from place import Place
from servers.issuer import Issuer

SECRET = "the-secret-of-the-client"


def profiles(place: Place, issuer: Issuer) -> None:
    issuer.secret = SECRET
    private_file(place.folder / "kept", token(sub="kept-by-others", scope="compute.read", aud="ce.org"))
    (place.folder / "auth.conf").write_text(
        f"[mine]\nplugin = Token\ntoken.flow = client\ntoken.issuer = {issuer.url}\n"
        "token.client_id = factory\n"
        f"token.client_secret = {SECRET}\ntoken.audience = https://any\n"
        f"[theirs]\nplugin = Token\ntoken.file = {place.folder}/kept\n"
    )
    place.configure(authConf=f"{place.folder}/auth.conf")


def rows(place: Place, *words: str, code: int = 0) -> dict[str, dict[str, object]]:
    answer = json.loads(place.run("credentials", "--json", *words, code=code).stdout)
    return {row["profile"]: row for row in answer["credentials"]}


def test_the_running_factory_keeps_shows_and_renews(place: Place) -> None:
    with Issuer() as issuer:
        profiles(place, issuer)
        factory = place.start()
        until(lambda: all(k.tended for k in factory.credentials.keepers.values()))
        found = rows(place)
        assert (found["mine"]["owner"], found["mine"]["audience"]) == ("pilot-1", ["https://any"])
        assert found["theirs"]["roles"] == ["compute.read"]
        assert 3500 < float(str(found["theirs"]["left"])) <= 3600
        assert (found["mine"]["renews"], found["theirs"]["renews"]) == (True, False)
        text = place.run("credentials").stdout
        assert "kept-by-others" in text and ("59 min" in text or "1 h" in text)
        assert place.run("credentials", "renew", "mine").stdout == "renewed: mine\n"
        assert len(issuer.given) == 2
        assert "others keep it" in place.run("credentials", "renew", "theirs", code=1).output
        assert "there is no profile nobodys" in place.run("credentials", "renew", "nobodys", code=1).output
        issuer.stop()
        assert "cannot be renewed" in place.run("credentials", "renew", "mine", code=1).output
        assert "cannot be renewed" in str(rows(place, code=1)["mine"]["trouble"])
        health = factory_health(place)
        assert {p["profile"]: bool(p["expires"]) for p in health["profiles"]} == {
            "mine": True,
            "theirs": True,
        }
        place.stop()
        for file in place.folder.rglob("*"):
            if file.is_file() and file.name != "auth.conf" and SECRET.encode() in file.read_bytes():
                pytest.fail(f"{file} holds the client's secret")
        kept = Path(str(found["mine"]["file"]))
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
        dumped = place.run("config", "dump").stdout
        assert SECRET not in dumped + text


def factory_health(place: Place) -> dict[str, list[dict[str, object]]]:
    from autopyfactory.api.access import Access

    answer: dict[str, list[dict[str, object]]] = Access([str(place.conf)]).ask("health")
    return answer


def test_without_a_factory_the_files_are_looked_at_and_nothing_is_renewed(place: Place) -> None:
    with Issuer() as issuer:
        profiles(place, issuer)
        found = rows(place, code=1)
        assert found["theirs"]["trouble"] == ""
        assert "there is no file" in str(found["mine"]["trouble"])
        assert issuer.given == []
        assert place.run("credentials", "renew", "mine").stdout == "renewed: mine\n"
        assert rows(place)["mine"]["owner"] == "pilot-1"


def test_keeping_once_without_any_factory(place: Place) -> None:
    with Issuer() as issuer:
        profiles(place, issuer)
        done = place.run("credentials", "keep", "--profiles", f"{place.folder}/auth.conf", "--once", code=1)
        assert "cannot be written" in done.output, "no state folder is known: token.file says where"
        auth = place.folder / "auth.conf"
        auth.write_text(auth.read_text().replace("[theirs]", f"token.file = {place.folder}/made\n[theirs]"))
        place.run("credentials", "keep", "--profiles", f"{place.folder}/auth.conf", "--once")
        assert (place.folder / "made").read_text().strip() in issuer.given
        (place.folder / "auth.conf").write_text("[x]\nplugin = Token\n")
        assert (
            "token.file"
            in place.run(
                "credentials", "keep", "--profiles", f"{place.folder}/auth.conf", "--once", code=2
            ).output
        )


def test_keeping_until_it_is_told_to_end(place: Place) -> None:
    """As proxymanager did: HUP reads the profiles again, TERM ends it."""
    with Issuer() as issuer:
        issuer.lifetime = 2
        profiles(place, issuer)
        log = place.folder / "keep.log"
        process = subprocess.Popen(
            [sys.executable, "-m", "autopyfactory", "credentials", "keep", "--conf", str(place.conf),
             "--log", str(log)],
            stdin=subprocess.DEVNULL, env={**os.environ},
        )  # fmt: skip
        try:
            until(lambda: issuer.given and log.exists() and "renewed" in log.read_text())
            words = (
                Path(f"/proc/{process.pid}/cmdline").read_bytes()
                + Path(f"/proc/{process.pid}/environ").read_bytes()
            )
            assert SECRET.encode() not in words
            auth = place.folder / "auth.conf"
            private_file(place.folder / "second", token(-10))
            auth.write_text(
                f"{auth.read_text()}[second]\nplugin = Token\ntoken.file = {place.folder}/second\n"
            )
            process.send_signal(signal.SIGHUP)
            until(lambda: "credential second: it expired" in log.read_text())
            process.terminate()
            assert process.wait(PATIENCE) == 0
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        assert SECRET not in log.read_text()
