"""Real tokens and certificates, and files that are none, judged by what they say of themselves."""

import base64
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from autopyfactory.credentials.pilotfiles import expiry, faults, of_plugin, of_queues
from autopyfactory.wrapper.compose import Fault, RecipeError

NOW = datetime(2026, 11, 22, 2, 14, tzinfo=UTC)


def token(**claims: object) -> bytes:
    parts = [json.dumps(part).encode() for part in ({"alg": "ES256"}, {"sub": "pilot", **claims})]
    return b".".join(base64.urlsafe_b64encode(p).rstrip(b"=") for p in (*parts, b"signature")) + b"\n"


def certificate(end: datetime) -> bytes:
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "p")]),
    )
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 7)
        .not_valid_before(end - timedelta(days=1))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def test_when_credentials_end() -> None:
    assert expiry(token(exp=int(NOW.timestamp()))) == NOW
    assert expiry(certificate(NOW)) == NOW
    hour = timedelta(hours=1)
    assert (
        expiry(certificate(NOW + hour) + certificate(NOW - hour)) == NOW - hour
    )  # the first that ends counts
    forever = expiry(token())
    assert forever is not None
    assert forever.year == 9999


@pytest.mark.parametrize(
    "data",
    [
        b"", b"not a token", b"a.b.c", token(exp="soon"), token(exp=1e300), token(exp=[]), b"\xff\xfe.x.y",
        b"-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n", b"a.W10.c",
    ],
)  # fmt: skip
def test_what_is_no_credential(data: bytes) -> None:
    assert expiry(data) is None


def words(description: dict[str, str]) -> list[tuple[str, str]]:
    return [(f.kind, f.words) for f in faults(description, NOW)]


def test_faults_of_files(tmp_path: Path) -> None:
    old, good, junk = tmp_path / "old.token", tmp_path / "good.pem", tmp_path / "junk"
    old.write_bytes(token(exp=int(NOW.timestamp()) - 120))
    good.write_bytes(certificate(NOW + timedelta(hours=1)))
    junk.write_text("junk")
    assert words({"scitokens_file": str(old), "x509userproxy": str(good), "executable": "/bin/sh"}) == [
        ("expired", f"the token {old} expired at 2026-11-22 02:12Z, 2 min ago")
    ]
    assert words({"x509userproxy": str(junk)}) == [("unusable", f"the proxy {junk} holds no proxy")]
    gone = tmp_path / "gone"
    assert words({"scitokens_file": str(gone), "executable": str(gone)}) == [
        ("missing", f"there is no file {gone} on this host"),
        ("missing", f"there is no file {gone} (executable) on this host"),
    ]
    # what travels with the pilot may be anything, but a token among it counts
    assert words({"transfer_input_files": f"{junk}, {old}, {tmp_path}, https://x.org/y, $(file)"}) == [
        ("expired", f"{old} expired at 2026-11-22 02:12Z, 2 min ago")
    ]
    assert words({"executable": "/site/only", "transfer_executable": "False"}) == []


def test_what_is_not_a_file_is_not_read(tmp_path: Path) -> None:
    pipe, loop = tmp_path / "pipe", tmp_path / "loop"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    assert words({"scitokens_file": str(pipe)}) == [("unusable", f"the token {pipe} is no file")]
    assert words({"scitokens_file": str(tmp_path)}) == [("unusable", f"the token {tmp_path} is no file")]
    assert words({"transfer_input_files": str(loop)}) == [
        ("unusable", f"{loop} cannot be read: Too many levels of symbolic links")
    ]


def test_nothing_of_a_token_is_told(tmp_path: Path) -> None:
    secret = tmp_path / "t"
    secret.write_bytes(token(exp=1))
    text = secret.read_text().strip()
    assert all(part not in words({"scitokens_file": str(secret)})[0][1] for part in text.split("."))


def test_a_composed_wrapper_is_written_when_it_is_needed() -> None:
    description = {"executable": "/nonexistent/apf-wrapper-0.sh", "+ApfWrapper": '"0"'}
    assert list(faults(description, datetime.now(UTC))) == []


def test_a_queue_without_a_pilot_to_describe_is_told_and_hurts_no_other() -> None:
    class Broken:
        def describe(self, tag: str, now: datetime | None = None) -> dict[str, str]:
            raise RecipeError([Fault("files", "/vo/data cannot be read")])

    now = datetime.now(UTC)
    [fault] = of_plugin(Broken(), now)
    assert not fault.credential and "/vo/data cannot be read" in fault.words
    assert of_queues({"q": [Broken()]}, now) == {}


def test_a_plugin_that_cannot_describe_its_pilots_does_not_hide_the_troubles_of_others(
    tmp_path: Path,
) -> None:
    class Bad:
        def describe(self, tag: str, now: datetime | None = None) -> dict[str, str]:
            raise KeyError("url")

    class Good:
        def describe(self, tag: str, now: datetime | None = None) -> dict[str, str]:
            return {"scitokens_file": str(tmp_path / "none")}

    found = of_queues({"BAD": [Bad()], "GOOD": [Good()]}, NOW)
    assert found["BAD"] == "what pilots carry cannot be told: 'url'"
    assert "there is no file" in found["GOOD"]


def test_each_ce_of_a_queue_may_be_shown_another_file(tmp_path: Path) -> None:
    class Shows:
        def __init__(self, name: str) -> None:
            self.name = name

        def describe(self, tag: str, now: datetime | None = None) -> dict[str, str]:
            return {"scitokens_file": str(tmp_path / self.name)}

    found = of_queues({"Q": [Shows("a"), Shows("b"), Shows("b")]}, NOW)
    assert found["Q"] == "; ".join(f"there is no file {tmp_path / name} on this host" for name in "ab")
