"""`/api` and `/health`: the factory's answers as they are, or why there is none."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

import webkit
from autopyfactory.control.client import ControlError
from autopyfactory.model.serialize import to_plain
from autopyfactory.web.app import create
from autopyfactory.web.site import Site
from autopyfactory.why.model import LiveState
from contracts.records import cycle
from place import Place

FASTAPIS = {"HTTPValidationError", "ValidationError"}  # its own, which differ from release to release
OPENAPI = Path(__file__).parents[3] / "docs/openapi.json"


@pytest.fixture
def access(tmp_path: Path) -> webkit.FakeAccess:
    return webkit.FakeAccess(tmp_path)


def test_status_and_health_are_the_sockets_answers(access: webkit.FakeAccess) -> None:
    browser = webkit.client(access)
    assert browser.get("/api/status").json() == access.answers["status"]
    assert browser.get("/api/health").json() == json.loads(json.dumps(access.answers["health"]))


def test_many_requests_ask_the_factory_once(access: webkit.FakeAccess) -> None:
    browser = webkit.client(access)
    tags = {browser.get("/api/status").headers["etag"] for _ in range(20)}
    assert len(tags) == 1
    assert browser.get("/api/status", headers={"If-None-Match": tags.pop()}).status_code == 304
    assert [c for c, _ in access.asked] == ["status", "health"]


def test_queues_are_filtered_sorted_and_paged(access: webkit.FakeAccess) -> None:
    browser = webkit.client(access)

    def names(query: str) -> list[str]:
        return [r["queue"] for r in browser.get(f"/api/queues?{query}").json()["queues"]]

    assert names("") == ["east", "north/a", "west <b>", "wrong"]
    assert names("sort=ready&limit=2") == ["west <b>", "east"]
    assert names("sort=ready&limit=2&offset=2") == ["north/a", "wrong"]
    assert names("q=held>0") == ["east"]
    assert names("ce=ce2.example.org") == ["north/a"]
    assert names("state=broken") == ["wrong"]
    assert names("cause=broken") == ["wrong"]
    assert names("wmsqueue=EAST") == ["east"]
    assert browser.get("/api/queues?limit=1").json()["total"] == 4
    for bad in ("sort=fun", "q=nosuch>1"):
        assert browser.get(f"/api/queues?{bad}").status_code == 400


def test_csv_holds_all_rows_and_no_formula(access: webkit.FakeAccess) -> None:
    access.answers["status"] = webkit.status([webkit.queue_row("=1+1", cycle("x"))])
    answer = webkit.client(access).get("/api/queues?form=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row["queue"] == "'=1+1"


def test_one_queue_and_its_story(access: webkit.FakeAccess) -> None:
    record, live = cycle("north/a", ready=3), LiveState(now=webkit.AT)
    access.answers["why"] = {"queue": "north/a", "record": to_plain(record), "live": to_plain(live)}
    browser = webkit.client(access)
    assert browser.get("/api/queues/north/a").json()["queue"] == "north/a"
    assert browser.get("/api/queues/north%2Fa").json()["queue"] == "north/a"
    told = browser.get("/api/queues/north/a/why").json()
    assert told["story"]["queue"] == "north/a"
    assert told["text"]
    assert ("why", {"queue": "north/a", "schedd": False}) in access.asked, "no page asks a schedd"
    assert browser.get("/api/queues/nosuch").status_code == 404
    access.answers["why"] = ControlError("there is no queue 'x'")
    assert browser.get("/api/queues/x/why").status_code == 404


def test_ready_says_why_not(access: webkit.FakeAccess) -> None:
    assert webkit.client(access).get("/health/ready").json() == {"status": "ok", "problems": []}
    access.answers["health"] = webkit.health(problems=["PanDA is 900 s old"])
    said = webkit.client(access).get("/health/ready")
    assert (said.status_code, said.json()["problems"]) == (503, ["PanDA is 900 s old"])
    access.answers.clear()
    said = webkit.client(access).get("/health/ready")
    assert said.status_code == 503
    assert "no factory answers" in said.json()["problems"][0]
    assert webkit.client(access).get("/health/live").status_code == 200


def test_without_a_factory_the_history_answers(place: Place) -> None:
    from autopyfactory.api.access import Access

    place.start()
    place.wait_kept("east", "nothing")
    place.stop()
    browser = webkit.client(Access([str(place.conf)]))
    said = browser.get("/api/status").json()
    assert said["started"] is None
    assert {r["queue"]: r["state"] for r in said["queues"]} == {"east": "stopped", "west": "stopped"}
    assert browser.get("/api/queues/east/why").json()["story"]["from_factory"] is False
    assert browser.get("/api/queues/east/cycles?last=2").json()["cycles"]
    assert browser.get("/api/queues/east/trend?span=day").json()["points"]
    assert [e["kind"] for e in browser.get("/api/events").json()["events"]] == ["stopped", "started"]
    assert browser.get("/api/health").status_code == 503


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/api/queues?limit=0", "/api/queues?offset=-1", "/api/queues/x/trend?span=year"]
)
def test_what_makes_no_sense_is_an_error_and_no_trace(access: webkit.FakeAccess, path: str) -> None:
    answer = webkit.client(access).get(path)
    assert 400 <= answer.status_code < 500
    assert "Traceback" not in answer.text


def wordless(value: Any) -> Any:
    """Return an interface without the words about it, which earlier libraries leave out here and there."""
    if isinstance(value, list):
        return [wordless(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {k: wordless(v) for k, v in value.items() if k != "description" or isinstance(v, dict)}


def test_the_documented_interface_is_the_served_one(access: webkit.FakeAccess) -> None:
    served = wordless(webkit.client(access).get("/api/openapi.json").json())
    kept = wordless(json.loads(OPENAPI.read_text()))
    again = (
        "docs/openapi.json is stale: PYTHONPATH=misc .venv/bin/python tests/kit/webkit.py > docs/openapi.json"
    )
    assert served["paths"] == kept["paths"], again
    schemas = [one["components"]["schemas"] for one in (served, kept)]
    assert schemas[0].keys() == schemas[1].keys(), again
    for name in schemas[0].keys() - FASTAPIS:
        assert schemas[0][name] == schemas[1][name], again


def test_an_application_is_made_of_nothing_that_runs(access: webkit.FakeAccess) -> None:
    create(Site.of(access, webkit.WebOptions(port=0)))
    assert access.asked == []
