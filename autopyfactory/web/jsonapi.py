"""`/api`, `/health` and `/metrics`: the answers of the control socket, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from autopyfactory.api.answers import Unknown, as_data, why
from autopyfactory.api.rows import QueueRow
from autopyfactory.api.sites import SiteState, ticket
from autopyfactory.api.worst import COLUMNS, WorstRow, ranked
from autopyfactory.control.client import ControlError, NotRunning
from autopyfactory.history.place import HistoryError
from autopyfactory.model.serialize import to_full, to_plain
from autopyfactory.web import past
from autopyfactory.web.actions import ACTIONS, Denied, act
from autopyfactory.web.site import Site
from autopyfactory.web.sitelook import site_of
from autopyfactory.web.table import COLUMNS as QUEUE_COLUMNS
from autopyfactory.web.table import MOST, PAGE, Selection, as_csv

EARLIER = 60  # cycles that a story looks at
LATE = 120.0  # seconds without an answer of the factory, from which on it is not ready


Action = Literal["pause", "drain", "resume", "probe", "acknowledge", "unacknowledge"]


class Error(BaseModel):
    """Why there is no answer."""

    error: str


class Health(BaseModel):
    """Whether it is well; if not, why not."""

    status: Literal["ok", "unavailable"]
    problems: list[str] = Field(default_factory=list)


class Rows(BaseModel):
    """A page of the table of queues."""

    total: int
    offset: int
    at: str
    queues: list[QueueRow]


class WorstRows(BaseModel):
    """A page of the worst queues."""

    total: int
    offset: int
    window: str
    queues: list[WorstRow]


class SiteAnswer(BaseModel):
    """What is seen of one place."""

    at: str
    queues: list[QueueRow]
    seen: SiteState | None  # None: the factory cannot be asked
    ticket: str


class Order(BaseModel):
    """What an order has to say for itself."""

    reason: str = Field(min_length=1, max_length=500, description="Why; shown wherever the queue is")
    until: datetime | None = Field(None, description="When it ends by itself; with a time zone")


PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: {"model": Error, "description": "There is no such queue"},
    503: {"model": Error, "description": "The factory, or its history, cannot be asked"},
}

NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"model": Health, "description": "The factory cannot do its work"}
}
EXPOSITION: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {}}, "description": "Prometheus' text format"}
}
BAD_FILTER: dict[int | str, dict[str, Any]] = {
    400: {"model": Error, "description": "A filter or order that does not exist"}
}


def router(site: Site) -> APIRouter:
    """Return the routes; each is a `def`, so that none of them holds up another."""
    routes = APIRouter()
    _health(routes, site)
    _factory(routes, site)
    _worst(routes, site)
    _sites(routes, site)
    _one_queue(routes, site)
    _orders(routes, site)
    return routes


def _health(routes: APIRouter, site: Site) -> None:
    @routes.get("/health/live", response_model=Health, tags=["health"])
    def live() -> Response:
        """Say that the web process answers."""
        return answer({"status": "ok", "problems": []})

    @routes.get("/health/ready", tags=["health"], response_model=Health, responses=NOT_READY)
    def ready() -> Response:
        """Say whether the factory answers and knows what it must know: 503 with reasons if not."""
        view = site.views.get()
        problems = list(view.notes) if not view.running else []
        if view.running:
            problems = [*view.health["problems"]] if view.health is not None else list(view.notes)
            if view.health is not None and view.age() > LATE:
                problems.append(f"the factory has not answered for {view.age():.0f} s")
        return answer({"status": "unavailable" if problems else "ok", "problems": problems},
                      503 if problems else 200)  # fmt: skip

    @routes.get("/metrics", tags=["health"], response_class=Response, responses=EXPOSITION)
    def metrics(request: Request) -> Response:
        """Return the metrics; see docs/metrics.md."""
        packed = "gzip" in request.headers.get("accept-encoding", "")
        body, kind = site.exposition.render(request.headers.get("accept", ""), packed=packed)
        headers = {"Vary": "Accept, Accept-Encoding", **({"Content-Encoding": "gzip"} if packed else {})}
        return Response(body, media_type=kind, headers=headers)


def _factory(routes: APIRouter, site: Site) -> None:
    @routes.get("/api/status", tags=["factory"])
    def status(request: Request) -> Response:
        """Return what `autopyfactory status --json` does: a row per queue."""
        view = site.views.get()
        return cached(request, view.number, view.encoded)

    @routes.get("/api/health", tags=["factory"], responses=PROBLEMS)
    def health(request: Request) -> Response:
        """Return how the factory fares: sources, schedds, reporters, submissions, caps, cycles."""
        view = site.views.get()
        if view.health is None:
            return error(503, "; ".join(view.notes))
        return cached(request, view.number, view.health)

    @routes.get("/api/queues", tags=["queues"], response_model=Rows, responses=BAD_FILTER)
    def queues(
        q: Annotated[str, Query(max_length=500, description="as `status --filter`, blanks between")] = "",
        cause: Annotated[str, Query(max_length=100)] = "",
        state: Annotated[str, Query(max_length=100)] = "",
        ce: Annotated[str, Query(max_length=300)] = "",
        wmsqueue: Annotated[str, Query(max_length=300)] = "",
        sort: Annotated[str, Query(max_length=20)] = "queue",
        down: bool = False,
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST)] = PAGE,
        form: Annotated[Literal["json", "csv"], Query()] = "json",
    ) -> Response:
        """Return rows that fit, sorted: a page of them as JSON, all of them as CSV."""
        wanted = Selection(q, cause, state, ce, wmsqueue, sort, down, offset, limit)
        view = site.views.get()
        try:
            rows = wanted.rows(view.rows)
        except ValueError as err:
            return error(400, str(err))
        if form == "csv":
            return csv_file("queues.csv", QUEUE_COLUMNS, rows)
        page = [row.as_dict() for row in wanted.page(rows)]
        return answer({"total": len(rows), "offset": offset, "at": view.answer["at"], "queues": page})

    @routes.get("/api/events", tags=["factory"])
    def events(
        hours: Annotated[float, Query(gt=0, le=24 * 366)] = 24.0,
        queue: Annotated[str | None, Query(max_length=300)] = None,
        pings: bool = False,
    ) -> Response:
        """Return what happened beside cycles, the latest first."""
        now = datetime.now(UTC)
        found, problem = past.events(site.access, now - timedelta(hours=hours), now, queue, pings=pings)
        return answer({"events": [to_full(e) for e in found], "problem": problem})


def _worst(routes: APIRouter, site: Site) -> None:
    @routes.get("/api/worst", tags=["queues"], response_model=WorstRows, responses={
        **BAD_FILTER, 503: PROBLEMS[503],
    })  # fmt: skip
    def worst(
        window: Annotated[Literal["2h", "day", "week"], Query()] = "day",
        sort: Annotated[str, Query(max_length=30)] = "wasted_hours",
        up: bool = False,
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST)] = PAGE,
        form: Annotated[Literal["json", "csv"], Query()] = "json",
    ) -> Response:
        """Return how the pilots of each queue ended, the worst first: a page as JSON, all as CSV."""
        try:
            rows = ranked(site.worst.rows(window), sort, up=up)
        except Unknown as err:
            return error(503, str(err))
        except ValueError as err:
            return error(400, str(err))
        if form == "csv":
            return csv_file("worst.csv", COLUMNS, rows)
        page = [to_full(row) for row in rows[offset : offset + limit]]
        return answer({"total": len(rows), "offset": offset, "window": window, "queues": page})


def _sites(routes: APIRouter, site: Site) -> None:
    @routes.get("/api/ces/{name:path}", tags=["sites"], response_model=SiteAnswer, responses=PROBLEMS)
    def ce(name: str, form: Annotated[Literal["json", "csv"], Query()] = "json") -> Response:
        """Return what the factory sees of one CE, across its queues; safe to show to the site."""
        return at(f"CE {name}", Selection(ce=name), form)

    @routes.get("/api/sites/{name:path}", tags=["sites"], response_model=SiteAnswer, responses=PROBLEMS)
    def wms(name: str, form: Annotated[Literal["json", "csv"], Query()] = "json") -> Response:
        """Return the same of one queue or site of the WMS."""
        return at(f"WMS queue {name}", Selection(wmsqueue=name), form)

    def at(title: str, wanted: Selection, form: str) -> Response:
        view = site.views.get()
        rows, seen = site_of(site, wanted)
        if not rows:
            return error(404, "no queue of this factory sends there")
        if form == "csv":
            return csv_file("site.csv", QUEUE_COLUMNS, rows)
        text = ticket(title, view.factory, view.at, rows, seen)
        return answer({"at": view.answer["at"], "queues": [r.as_dict() for r in rows],
                       "seen": to_full(seen) if seen else None, "ticket": text})  # fmt: skip


def _one_queue(routes: APIRouter, site: Site) -> None:
    @routes.get("/api/queues/{name:path}/why", tags=["queues"], responses=PROBLEMS)
    def story(name: str, last: Annotated[int, Query(ge=1, le=past.MOST)] = EARLIER) -> Response:
        """Return what `autopyfactory why --json` does, from what is known already: no schedd is asked."""
        from autopyfactory.why import explain

        try:
            records, live, problem = why(site.access, name, last, schedd=False, ask=False)
        except Unknown as err:
            return error(404, str(err))
        return answer(as_data(explain(records, live, queue=name), records, problem))

    @routes.get("/api/queues/{name:path}/cycles", tags=["queues"], responses=PROBLEMS)
    def cycles(name: str, last: Annotated[int, Query(ge=1, le=past.MOST)] = 50) -> Response:
        """Return the last cycles that are kept, complete, oldest first."""
        try:
            return answer({"queue": name, "cycles": past.cycles(site.access, name, last)})
        except HistoryError as err:
            return error(503, str(err))

    @routes.get("/api/queues/{name:path}/trend", tags=["queues"], responses=PROBLEMS)
    def trend(name: str, span: Annotated[Literal["6h", "day", "week"], Query()] = "6h") -> Response:
        """Return how the counts went: at most 240 points."""
        found = past.curve(site.access, name, span)
        return answer(to_full(found))

    @routes.get("/api/queues/{name:path}/config", tags=["queues"], responses=PROBLEMS)
    def config(name: str) -> Response:
        """Return the values in force and where each came from, secrets masked."""
        return asked(site, "dump", queue=name, everything=True)

    @routes.get("/api/queues/{name:path}/probed", tags=["queues"], responses=PROBLEMS)
    def probed(name: str) -> Response:
        """Return how the last probe of a queue goes."""
        return asked(site, "probed", queue=name)

    @routes.get("/api/queues/{name:path}", tags=["queues"], response_model=QueueRow, responses=PROBLEMS)
    def one(name: str) -> Response:
        """Return the row of one queue."""
        row = site.views.get().by_name.get(name)
        return answer(row.as_dict()) if row is not None else error(404, f"there is no queue {name!r}")


def _orders(routes: APIRouter, site: Site) -> None:
    @routes.post("/api/queues/{name:path}/{action}", tags=["actions"], responses={
        **PROBLEMS, 403: {"model": Error, "description": "Not with this identity"},
    })  # fmt: skip
    def order(
        request: Request, name: str, action: Action, body: Order
    ) -> Response:
        """Give an order; with a bearer token of scope `operate`, whose name is recorded with the reason."""
        assert action in ACTIONS
        until = body.until.isoformat() if body.until else None
        try:
            return answer(act(site, request.state.who, action, name, body.reason, until, api=True))
        except Denied as err:
            return error(403, str(err))
        except ControlError as err:
            return _control(err)


def asked(site: Site, command: str, **arguments: Any) -> Response:
    """Return what the factory answers to a command."""
    try:
        return answer(site.access.ask(command, **arguments))
    except ControlError as err:
        return _control(err)


def _control(err: ControlError) -> Response:
    if isinstance(err, NotRunning):
        return error(503, str(err))
    unknown = "there is no queue" in str(err) or "nobody has probed" in str(err)
    return error(404 if unknown else 409, str(err))


def answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return plain data (or JSON already made of it), not by way of models: they take five times as long."""
    made = isinstance(data, bytes)
    body = data if made else json.dumps(data, default=to_plain, separators=(",", ":")).encode()
    return Response(
        body, status, media_type="application/json", headers={"Cache-Control": "no-cache", **(headers or {})}
    )


def csv_file(name: str, columns: Sequence[str], rows: Iterable[object]) -> Response:
    """Return rows as a file for spreadsheets."""
    return Response(as_csv(rows, columns), media_type="text/csv; charset=utf-8",
                    headers={"Content-Disposition": f'attachment; filename="{name}"'})  # fmt: skip


def cached(request: Request, number: int, data: Any) -> Response:
    """Return `data` of view `number`; nothing but that it is the same to whoever has it."""
    tag = f'"{number}-{request.app.state.life}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    return answer(data, headers={"ETag": tag})


def error(status: int, text: str) -> Response:
    """Return why there is no answer."""
    return answer({"error": text}, status)
