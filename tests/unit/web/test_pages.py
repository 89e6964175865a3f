"""The pages: every link answers, hostile names are text, and only who may act acts."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import webkit
from autopyfactory.api.access import Access
from autopyfactory.api.rows import queue_row
from autopyfactory.api.sites import SiteState, Stuck
from autopyfactory.control.client import ControlError
from autopyfactory.model.serialize import to_full, to_plain
from autopyfactory.pauses import Pause
from autopyfactory.web.render import path, query
from autopyfactory.web.tokens import Tokens, token_file
from autopyfactory.why.model import Cause, LiveState
from contracts.records import cycle
from endingkit import tallied
from patience import until
from place import Place

EVIL = "<script>alert(1)</script>\"' onmouseover=x &amp; \x1b[31m"


class Parsed(HTMLParser):
    """What a test looks for in a page."""

    VOID = {"meta", "link", "input", "br", "path", "rect", "polyline", "col"}

    def __init__(self, text: str):
        super().__init__()
        self.links: list[str] = []
        self.inputs: dict[str, str] = {}
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.unlabelled: list[str] = []
        self.words = set(re.findall(r"\w+", re.sub(r"<[^>]*>", " ", text)))
        self.feed(text)
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        assert not [a for a in given if a.startswith("on") or a == "style"], (
            "nothing inline: the CSP forbids it"
        )
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        if tag == "input" and given.get("name"):
            self.inputs[str(given["name"])] = str(given.get("value", ""))
        if tag in ("input", "select") and given.get("type") != "hidden" and "label" not in self.open:
            self.unlabelled.append(str(given.get("name")))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


SITE = SiteState(
    held=(Stuck("east", "held-other", "held", "us", 3, webkit.AT, EVIL, "12.0"),),
    down_since=webkit.AT, waiting=2, ended=7, failed=6, wasted_hours=2.5,
    hosts={EVIL: 4}, checks={"cvmfs": 3}, breakers=(EVIL,), limits=(EVIL,),
)  # fmt: skip


PROBED = {
    "probe": 1, "queue": "east", "ce": "ce1", "by": "ann", "asked": webkit.AT.timestamp(), "wanted": 1,
    "outcome": "wrong", "notes": [EVIL],
    "first_wrong": {"stage": "ended", "words": f"exit code 3 {EVIL}", "who": "site", "next": "", "quote": ""},
    "pilots": [{"job": "7.0", "fate": "wrong", "trouble": None,
                "stages": [{"stage": "sent", "at": 1.0, "after": 2.0, "words": EVIL}]}],
}  # fmt: skip


def told(access: webkit.FakeAccess, name: str) -> None:
    record = cycle(name, ready=3, held=2, reason=EVIL)
    live = LiveState(now=webkit.AT, ce=EVIL)
    access.answers["why"] = {"queue": name, "record": to_plain(record), "live": to_plain(live)}
    access.answers["dump"] = {"text": f"[{name}]\nx = {EVIL}", "data": {}}


@pytest.fixture
def access(tmp_path: Path) -> webkit.FakeAccess:
    made = webkit.FakeAccess(tmp_path)
    told(made, "east")
    made.answers["pilots"] = {"pilots": [], "notes": ["no schedd"]}
    made.answers["site"] = to_full(SITE)
    made.answers["probed"] = PROBED
    made.answers["probe"] = PROBED
    made.answers["pause"] = {"queue": "east", "words": "paused"}
    return made


@pytest.fixture
def logs(access: webkit.FakeAccess) -> Path:
    folder = access.folder / "pilots/2026-11-22/east"
    folder.mkdir(parents=True)
    (folder / "12.0.out").write_text(f"hello\n{EVIL}\nAPF_TOKEN=hunter2\n")
    (folder / "12.0.err").write_bytes(b"\xff\xfe\x00")
    return folder


def test_the_first_sentence_says_whether_anything_is_wrong(access: webkit.FakeAccess) -> None:
    """Queues without work, and what somebody has taken on, are not wrong: as in `status --check`."""
    told = webkit.client(access).get("/").text
    assert "4 queues: nothing is wrong with them, 0 with nothing in the way" in told
    bad = replace(webkit.ROWS[1], problems=(Cause("ce-down", "no answer", "tell the site", "site"),))
    access.answers["status"] = webkit.status([webkit.ROWS[0], bad])
    told = webkit.client(access).get("/").text
    assert "2 queues: something is wrong with <strong>1</strong>, 0 with nothing in the way" in told
    access.answers["status"] = webkit.status(())
    access.answers["health"] = webkit.health(problems=["no factory answers"])
    told = webkit.client(access).get("/").text
    assert "0 queues: 0 with nothing in the way, and <strong>1 problem of the factory" in told


@pytest.mark.usefixtures("logs")
def test_every_link_on_every_page_answers(access: webkit.FakeAccess) -> None:
    tallied(access.folder)
    for name in ("good", "bad", "worse"):
        told(access, name)
    browser = webkit.client(access)
    seen: set[str] = set()
    queue = ["/"]
    while queue:
        address = queue.pop()
        if address in seen or not address.startswith("/"):
            continue
        seen.add(address)
        if "/queue/" in address:
            told(access, address.split("/queue/")[1])
        answer = browser.get(address)
        if address.startswith("/signin"):
            assert answer.status_code == 401
            continue
        assert answer.status_code == 200, (address, answer.text[:300])
        if answer.headers["content-type"].startswith("text/html"):
            found = Parsed(answer.text)
            assert found.unlabelled == [], address
            queue += [link for link in found.links if not link.startswith("#")]
    kinds = {a.split("?")[0].split("/")[1] for a in seen}
    pages = "queues worst queue ce site sources events logs log pilots api"
    assert {"", *pages.split()} <= kinds


def test_names_and_words_of_others_are_text(access: webkit.FakeAccess) -> None:
    access.answers["status"] = webkit.status(
        [
            queue_row(EVIL, cycle(EVIL, reason=EVIL), ce=EVIL, wmsqueue=EVIL),
            queue_row("b", None, state="broken", problem=EVIL),
        ],
        notes=[EVIL],
    )
    access.answers["health"] = webkit.health(problems=[EVIL], credentials={EVIL: EVIL})
    told(access, EVIL)
    browser = webkit.client(access)
    pages = ["/", "/queues", "/sources", path("ce", EVIL), path("site", EVIL), path("queue", "x" + EVIL)]
    pages += [path("queue", EVIL), query("/queues", {"q": EVIL}), query("/pilots", {"queue": EVIL})]
    for address in (*pages, query("/events", {"queue": EVIL})):
        text = browser.get(address).text
        assert "<script>alert" not in text, address
        assert "\x1b" not in text
        Parsed(text)


def test_the_worst_queues_come_first_by_any_column(access: webkit.FakeAccess) -> None:
    browser = webkit.client(access)
    assert "No such file" in browser.get("/worst").text
    tallied(access.folder)
    browser = webkit.client(access)

    def names(address: str) -> list[str]:
        return re.findall(r'scope="row"><a href="/queue/(\w+)"', browser.get(address).text)

    assert names("/worst") == ["worse", "bad", "good"]
    assert names("/worst?sort=wasted_hours&up=True") == ["good", "bad", "worse"]
    assert names("/worst?sort=queue&window=week") == ["bad", "good", "worse"]
    assert names("/worst?window=2h&offset=2") == ["good"]
    assert browser.get("/worst?sort=beauty").status_code == 400
    assert browser.get("/worst?window=year").status_code == 422
    assert browser.get("/api/worst?sort=beauty").status_code == 400
    said = browser.get("/api/worst?sort=failed_percent&limit=1").json()
    assert said["total"] == 3
    assert [(r["queue"], r["failed_percent"]) for r in said["queues"]] == [("worse", 80.0)]
    lines = browser.get("/api/worst?form=csv").text.splitlines()
    assert lines[0].startswith("queue,ended,failed,failed_percent")
    assert len(lines) == 4


def test_a_probe_is_ordered_and_told(access: webkit.FakeAccess, operator: dict[str, str]) -> None:
    browser = webkit.client(access)
    answer = browser.post("/order", data=form(browser, operator, action="probe", hours=""), headers=operator)
    assert answer.status_code == 303
    (order,) = [a for c, a in access.asked if c == "probe"]
    assert order == {"queue": "east", "by": "ann (web): cooling"}
    text = browser.get("/queue/east").text
    assert "Last probe" in text
    assert "exit code 3" in text
    assert "<script>alert" not in text
    assert browser.get("/api/queues/east/probed").json()["outcome"] == "wrong"
    access.answers["probed"] = ControlError("nobody has probed east since the factory started")
    assert "Last probe" not in browser.get("/queue/east").text
    assert browser.get("/api/queues/east/probed").status_code == 404


@pytest.mark.parametrize("action", ["acknowledge", "unacknowledge"])
def test_a_problem_is_taken_on_by_a_form(
    access: webkit.FakeAccess, operator: dict[str, str], action: str
) -> None:
    access.answers[action] = {"queue": "east", "codes": ["held-other"], "words": "acknowledged"}
    browser = webkit.client(access)
    answer = browser.post("/order", data=form(browser, operator, action=action), headers=operator)
    assert answer.status_code == 303
    (order,) = [a for c, a in access.asked if c == action]
    assert (order["reason"], order["by"]) == ("cooling", "ann (web)")
    assert ("until" in order) == (action == "acknowledge")
    assert "acknowledged by ann until" in browser.get("/queue/east").text


def test_the_sentence_comes_first(access: webkit.FakeAccess) -> None:
    text = webkit.client(access).get("/queue/east").text
    assert text.index('class="decision"') < text.index("<table")
    assert "Ready" in text
    assert "MaxPending" in text


def test_ten_thousand_queues_come_a_hundred_at_a_time(access: webkit.FakeAccess) -> None:
    rows = [queue_row(f"Q{i:05d}", cycle(f"Q{i}", ready=i % 70)) for i in range(1000)]
    access.answers["status"] = webkit.status(rows)
    browser = webkit.client(access)
    first = browser.get("/queues").text
    assert first.count('scope="row"') == 100
    (further,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = browser.get(further.replace("&amp;", "&")).text
    assert "Q00100" in second
    assert "Q00099" not in second


def basic(token: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"me:{token}".encode()).decode()}


@pytest.fixture
def operator(access: webkit.FakeAccess) -> dict[str, str]:
    now = datetime.now(UTC)
    return basic(Tokens(token_file(access.folder)).add("ann", "operate", now, now + timedelta(days=1)))


def form(browser: Any, headers: dict[str, str], **changes: str) -> dict[str, str]:
    fields = Parsed(browser.get("/queue/east", headers=headers).text).inputs
    return {**fields, "action": "pause", "reason": "cooling", "hours": "4", **changes}


def orders(access: webkit.FakeAccess) -> list[Any]:
    return [a for c, a in access.asked if c in ("pause", "drain", "resume")]


def test_a_form_of_ours_gives_an_order(access: webkit.FakeAccess, operator: dict[str, str]) -> None:
    browser = webkit.client(access)
    sent = {**operator, "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    answer = browser.post("/order", data=form(browser, operator), headers=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, "/queue/east")
    (order,) = orders(access)
    assert (order["queue"], order["reason"], order["by"]) == ("east", "cooling", "ann (web)")
    left = datetime.fromisoformat(order["until"]) - datetime.now(UTC)
    assert timedelta(hours=3.9) < left <= timedelta(hours=4)


@pytest.mark.parametrize(
    ("headers", "changes"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, {}),
        ({"Sec-Fetch-Site": "same-site"}, {}),
        ({"Origin": "http://evil.example.org"}, {}),
        ({"Origin": "null"}, {}),
        ({"Origin": "http://[/0"}, {}),
        ({}, {"token": "0" * 64}),
        ({}, {"token": ""}),
        ({}, {"token": "\u00e9"}),
        ({}, {"reason": "  "}),
        ({}, {"action": "kill"}),
        ({}, {"hours": "1000000"}),
    ],
)
def test_what_another_page_makes_a_browser_send_is_refused(
    access: webkit.FakeAccess, operator: dict[str, str], headers: dict[str, str], changes: dict[str, str]
) -> None:
    browser = webkit.client(access)
    answer = browser.post("/order", data=form(browser, operator, **changes), headers={**operator, **headers})
    assert answer.status_code == 403
    assert orders(access) == []


def test_nobody_sees_no_form_and_gives_no_order(access: webkit.FakeAccess) -> None:
    browser = webkit.client(access)
    assert "/order" not in browser.get("/queue/east").text
    answer = browser.post("/order", data={"queue": "east", "action": "pause", "reason": "x"})
    assert answer.status_code == 401
    assert "Basic" in answer.headers["www-authenticate"]
    assert orders(access) == []


def test_a_form_that_is_too_long_is_not_read(access: webkit.FakeAccess, operator: dict[str, str]) -> None:
    browser = webkit.client(access)
    for data in ({"reason": "x" * 100_000}, {f"f{i}": "x" for i in range(100)}):
        assert browser.post("/order", data=data, headers=operator).status_code == 413


def test_an_order_that_the_factory_refuses_is_told(
    access: webkit.FakeAccess, operator: dict[str, str]
) -> None:
    access.answers["pause"] = ControlError("the disk is full")
    browser = webkit.client(access)
    answer = browser.post("/order", data=form(browser, operator), headers=operator)
    assert answer.status_code == 409
    assert "the disk is full" in answer.text


@pytest.mark.parametrize("target", ["//evil.org", "https://evil.org", "/\\evil.org", "javascript:x"])
def test_signing_in_leads_nowhere_else(
    access: webkit.FakeAccess, operator: dict[str, str], target: str
) -> None:
    browser = webkit.client(access)
    assert browser.get("/signin?next=/queue/east").status_code == 401
    answer = browser.get("/signin", params={"next": target}, headers=operator)
    assert answer.headers["location"] == "/"
    assert browser.get("/signin?next=/queue/east", headers=operator).headers["location"] == "/queue/east"


def test_pilots_are_asked_for_beside_the_request(access: webkit.FakeAccess) -> None:
    pilot = {
        "id": "12.0", "queue": "east", "state": "held", "submitted": "2026-11-22T02:00:00+00:00",
        "since": None, "grid_state": "", "ce": "ce1", "remote_id": "", "reason": EVIL, "tag": "t",
        "target": "s",
    }  # fmt: skip
    access.answers["pilots"] = {"pilots": [pilot], "notes": []}
    browser = webkit.client(access)
    assert "is being asked" in browser.get("/pilots?queue=east").text
    until(lambda: "12.0" in browser.get("/pilots?queue=east").text)
    assert "<script>alert" not in browser.get("/pilot?queue=east&id=12.0").text
    assert len([c for c, _ in access.asked if c == "pilots"]) == 1


def test_a_site_sees_its_failures_and_text_for_a_ticket_and_no_names(access: webkit.FakeAccess) -> None:
    pause = Pause("east", webkit.AT, by="ann")
    rows = [queue_row("east", cycle("east"), ce="ce1", wmsqueue="E", pause=pause)]
    access.answers["status"] = webkit.status(rows)
    browser = webkit.client(access)
    for page, api in (("/ce/ce1", "/api/ces/ce1"), ("/site/E", "/api/sites/E")):
        text = browser.get(page).text
        for words in ("has not answered since", "Failures by node", "cvmfs", "2 pilots wait", "For a ticket"):
            assert words in text, words
        assert "paused by the operators" in text
        assert "ann" not in Parsed(text).words
        said = browser.get(api).json()
        assert "By node: " in said["ticket"]
        assert said["seen"]["hosts"] == {EVIL: 4}
        assert "ann" not in json.dumps(said)
        assert browser.get(f"{api}?form=csv").text.splitlines()[1].startswith("east,paused")
    assert browser.get("/api/ces/nowhere").status_code == 404
    del access.answers["site"]
    assert "what it sees now is not known" in browser.get("/ce/ce1").text
    assert browser.get("/api/ces/ce1").json()["seen"] is None


def test_what_a_pilot_says_of_itself_is_on_its_page(access: webkit.FakeAccess, logs: Path) -> None:
    said = {
        "schema": 1, "exit": 18, "outcome": "unfit", "reason": "cvmfs", "host": "node7", "owner": "site",
        "wall": 61, "payload": {"name": "panda", "total": 0},
        "checks": [{"name": "cvmfs", "result": "hung", "ms": 5000, "reason": "atlas.cern.ch hangs"}],
        "facts": {"os": EVIL},
    }  # fmt: skip
    (logs / "12.0.out").write_text(f"noise\nAPF-SUMMARY {json.dumps(said)}\n")
    text = webkit.client(access).get("/pilot?queue=east&id=12.0&day=2026-11-22").text
    for words in ("unfit: cvmfs, exit code 18", "node7", "site", "atlas.cern.ch hangs", "panda: 0 in all"):
        assert words in text, words
    assert "<script>alert" not in text


@pytest.mark.usefixtures("logs")
def test_a_pilot_is_found_by_its_number_alone(access: webkit.FakeAccess) -> None:
    browser = webkit.client(access)
    assert "queue=east" in browser.get("/logsearch?day=2026-11-22&id=12.0").text
    assert "No queue has files" in browser.get("/logsearch?day=2026-11-22&id=13.0").text
    assert browser.get("/logsearch?day=2026-11-23&id=12.0").status_code == 404
    for wrong in ("day=..&id=1.0", "day=2026-11-22&id=../1.0", "day=2026-11-22"):
        assert browser.get(f"/logsearch?{wrong}").status_code == 422


def test_a_pilots_files_are_on_its_page(access: webkit.FakeAccess, logs: Path) -> None:
    text = webkit.client(access).get("/pilot?queue=east&id=12.0&day=2026-11-22").text
    assert "hello" in text
    assert "hunter2" not in text


@pytest.mark.usefixtures("logs")
def test_the_addresses_of_2_4_answer_inertly(access: webkit.FakeAccess) -> None:
    answer = webkit.client(access).get("/logs/2026-11-22/east/12.0.out")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "hello" in answer.text
    assert "hunter2" not in answer.text
    assert "\x1b" not in answer.text
    part = webkit.client(access).get("/logs/2026-11-22/east/12.0.out?offset=1&length=3")
    assert part.text == "ell"


@pytest.mark.parametrize(
    "address",
    [
        "/logs/2026-11-22/east/../../../web-tokens.json",
        "/logs/2026-11-22/..%2f..%2f/12.0.out",
        "/logs/2026-11-22/east/%2e%2e%2f12.0.out",
        "/logs/..%2f/east/12.0.out",
        "/logs/2026-11-22/east/12.0.out%00.txt",
        "/logs/2026-11-22/.hidden/12.0.out",
        "/log/2026-11-22/east/submit.12.jdl",
        "/static/..%2fpages.py",
        "/static/%2e%2e/pages.py",
    ],
)
@pytest.mark.usefixtures("logs")
def test_no_path_leads_out(access: webkit.FakeAccess, address: str) -> None:
    assert webkit.client(access).get(address).status_code in (404, 422)


@pytest.fixture(scope="module")
def down(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("down"))
    made.start()
    made.wait_kept("east", "nothing")
    made.stop()
    yield made
    made.kill_pilots()


def test_a_factory_that_is_down_has_all_its_pages(down: Place) -> None:
    browser = webkit.client(Access([str(down.conf)]))
    for address in (
        "/",
        "/queues",
        "/queue/east",
        "/queue/east?span=week",
        "/sources",
        "/events",
        "/logs",
        "/ce/x",
    ):
        answer = browser.get(address)
        assert answer.status_code == (404 if address == "/ce/x" else 200), answer.text[:500]
        assert "No factory answers." in answer.text
        Parsed(answer.text)
