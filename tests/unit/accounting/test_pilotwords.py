"""What a pilot wrote: read from its own files only, and as much of it as is needed."""

import os
from pathlib import Path

import pytest

from autopyfactory.accounting.pilotwords import account_of, with_words
from autopyfactory.model.ending import Account
from endingkit import ended, wrote


def test_the_check_that_found_the_node_unfit(tmp_path: Path) -> None:
    checks = [{"name": "cvmfs", "result": "hung", "reason": "atlas.cern.ch hangs"}]
    out = wrote(tmp_path, 1, exit=18, outcome="unfit", reason="cvmfs", host="node7", owner="site",
                checks=checks, payload={})  # fmt: skip
    e = with_words(ended(1, "failed", exit_code=18, output=out))
    assert e.account == Account(
        "unfit", "node7", "site", "cvmfs", check="cvmfs", check_said="atlas.cern.ch hangs"
    )
    assert (e.failure, e.said_in, e.said) == ("unfit", out, "noise")


@pytest.mark.parametrize(("code", "outcome"), [(0, "well"), (22, "failed")])
def test_no_work_is_no_failure_also_when_it_is_made_visible(tmp_path: Path, code: int, outcome: str) -> None:
    out = wrote(tmp_path, 1, exit=code, outcome="empty", payload={"name": "panda", "total": 0})
    assert with_words(ended(1, outcome, exit_code=code, output=out)).outcome == "empty"  # type: ignore[arg-type]


def test_a_ce_that_tells_no_exit_code_is_told_by_the_pilot(tmp_path: Path) -> None:
    out = wrote(tmp_path, 1, exit=20, outcome="failed", reason="exit-code-7")
    e = with_words(ended(1, exit_code=None, output=out))
    assert (e.outcome, e.how) == ("failed", "failed by its own account")


@pytest.mark.parametrize(
    ("out", "err", "file", "quote"),
    [
        ("", "a\nb\nc\n\nno such tarball\n", "17.1.err", "b / c / no such tarball"),
        ("started\n", "", "17.1.out", "started"),
        ("started\n", None, "17.1.out", "started"),
        ("x\n", "\x1b[2Jgone\n", "17.1.err", "\\x1b[2Jgone"),
        ("", "", "17.1.out", ""),
        (None, None, "17.1.out", ""),
        ('APF-SUMMARY {"schema":1}\n', None, "17.1.out", ""),  # no message
    ],
)
def test_the_last_lines_of_the_file_that_has_the_message_are_kept(
    tmp_path: Path, out: str | None, err: str | None, file: str, quote: str
) -> None:
    for name, text in (("17.1.out", out), ("17.1.err", err)):
        if text is not None:
            (tmp_path / name).write_text(text)
    files = {"output": str(tmp_path / "17.1.out"), "errors": str(tmp_path / "17.1.err")}
    e = with_words(ended(1, "failed", **files))
    assert (e.said_in, e.said) == (str(tmp_path / file), quote)
    assert with_words(ended(1, **files)).said == ""  # nobody asks what a good one wrote last


def test_no_other_file_of_ours_is_read(tmp_path: Path) -> None:
    """Whoever may submit to the schedd can put any path into an ad with our factory's name."""
    secret = tmp_path / "token"
    secret.write_text("s3cret\n")
    link = tmp_path / "17.1.err"
    link.symlink_to(secret)
    for file in (str(secret), str(link), "17.1.err", ""):
        assert with_words(ended(1, "failed", output=file, errors=file)).said == ""


def test_what_is_no_file_does_not_keep_us(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "17.1.out")
    (tmp_path / "17.2.out").mkdir()
    for n in (1, 2, 3):
        e = ended(n, output=str(tmp_path / f"17.{n}.out"))
        assert with_words(e) == e


@pytest.mark.parametrize(
    ("text", "payloads"),
    [
        ("hello\nAPF-WRAPPER: payloads=0 ok=0 exit=0\n", 0),
        ("APF-WRAPPER: payloads=9\nAPF-WRAPPER: payloads=3 ok=2", 3),
        ("nothing said", None),
        ("APF-WRAPPER: payloads=many", None),
        ("APF-WRAPPER: payloads=" + "9" * 5000, None),
        ("", None),
    ],
)
def test_an_older_wrapper_tells_its_payloads(text: str, payloads: int | None) -> None:
    said = account_of(text)
    assert (said.payloads if said else None) == payloads
    assert said is None or said.empty == (payloads == 0)
