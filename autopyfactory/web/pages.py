"""The pages: what `api/` answers, as HTML that works without a script."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request, Response

from autopyfactory.api.answers import Unknown, why
from autopyfactory.api.sites import ticket
from autopyfactory.api.worst import WINDOWS, ranked
from autopyfactory.control.client import ControlError
from autopyfactory.model.queuefolder import queue_folder
from autopyfactory.web import logfiles, past
from autopyfactory.web.actions import ACTIONS, Denied, act, from_our_page
from autopyfactory.web.drawing import drawing
from autopyfactory.web.drawing import rows as some_rows
from autopyfactory.web.guard import CHALLENGE
from autopyfactory.web.logfiles import NoSuchLog
from autopyfactory.web.pilotlooks import PilotLooks
from autopyfactory.web.render import STATIC, page, path, static
from autopyfactory.web.site import Site
from autopyfactory.web.sitelook import site_of
from autopyfactory.web.table import PAGE, Selection, groups
from autopyfactory.web.view import View
from autopyfactory.why import explain
from autopyfactory.why.model import Story
from autopyfactory.wrapper.summary import summary

WORST = 10  # queues on the overview
WORST_COLUMNS = {
    "queue": "queue", "ended": "ended", "failed_percent": "failed %", "unstarted_percent": "not started %",
    "unfit_percent": "unfit %", "empty_percent": "empty %", "short_percent": "short %",
    "held_percent": "held %", "wasted_percent": "wasted %", "wasted_hours": "wasted h", "hours": "hours",
}  # fmt: skip
EARLIER = 60  # cycles that a story looks at
LAST = 50  # cycles on a queue's page
LONGEST_FORM = 16 * 1024  # bytes
SPANS = {"1 hour": 1, "4 hours": 4, "1 day": 24, "1 week": 168}  # of an order


class Pages:
    """The pages of one site; `router` has them all."""

    def __init__(self, site: Site):
        self.site = site
        self.looks = PilotLooks(site.access)
        self.router = APIRouter(include_in_schema=False)
        get = self.router.get
        get("/")(self.overview)
        get("/queues")(self.queues)
        get("/worst")(self.worst)
        get("/queue/{name:path}")(self.queue)
        get("/ce/{name:path}")(self.ce)
        get("/site/{name:path}")(self.wms_queue)
        get("/sources")(self.sources)
        get("/events")(self.events)
        get("/pilots")(self.pilots)
        get("/pilot")(self.pilot)
        get("/logs")(self.log_days)
        get("/logsearch")(self.log_search)
        get("/logs/{day}")(self.log_queues)
        get("/logs/{day}/{queue}")(self.log_files)
        get("/logs/{day}/{queue}/{file}")(self.log_raw)
        get("/log/{day}/{queue}/{file}")(self.log_page)
        get("/signin")(self.sign_in)
        get("/static/{name}")(self.static)
        self.router.post("/order")(self.order)

    def _page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        view = values.pop("view", None) or self.site.views.get()
        return page(
            template,
            status,
            view=view,
            now=datetime.now(UTC),
            who=request.state.who,
            here=request.url.path,
            **values,
        )

    def _message(self, request: Request, status: int, title: str, text: str, back: str = "/") -> Response:
        return self._page(request, "message.html", status, title=title, text=text, back=back)

    # --- all queues -------------------------------------------------------------------------------

    def overview(self, request: Request) -> Response:
        """Show how the factory is, the queues by cause, and those with the most work that nobody serves."""
        view = self.site.views.get()
        unserved = sorted(
            (r for r in view.rows if (r.ready or 0) > (r.pending or 0) and r.cause),
            key=lambda r: (r.pending or 0) - (r.ready or 0),
        )
        return self._page(
            request, "overview.html", view=view, groups=view.groups, worst=unserved[:WORST],
            problems=_problems(view),
        )  # fmt: skip

    def queues(
        self,
        request: Request,
        q: Annotated[str, Query(max_length=500)] = "",
        cause: Annotated[str, Query(max_length=100)] = "",
        state: Annotated[str, Query(max_length=100)] = "",
        ce: Annotated[str, Query(max_length=300)] = "",
        wmsqueue: Annotated[str, Query(max_length=300)] = "",
        sort: Annotated[str, Query(max_length=20)] = "queue",
        down: bool = False,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> Response:
        """Show a page of the table of queues."""
        view = self.site.views.get()
        wanted = Selection(q, cause, state, ce, wmsqueue, sort, down, offset)
        given = {
            "q": q, "cause": cause, "state": state, "ce": ce, "wmsqueue": wmsqueue,
            "sort": "" if sort == "queue" else sort, "down": down, "offset": offset,
        }  # fmt: skip
        try:
            found = wanted.rows(view.rows)
        except ValueError as err:
            return self._message(request, 400, "This filter cannot be read", str(err), "/queues")
        return self._page(
            request, "queues.html", view=view, rows=wanted.page(found), total=len(found), given=given,
            wanted=wanted, page_size=PAGE, groups=view.groups,
        )  # fmt: skip

    def ce(self, request: Request, name: str) -> Response:
        """Show what the factory does with one CE, for its administrator too."""
        return self._place(request, "CE", name, Selection(ce=name))

    def wms_queue(self, request: Request, name: str) -> Response:
        """Show what the factory does for one queue or site of the WMS."""
        return self._place(request, "WMS queue", name, Selection(wmsqueue=name))

    def _place(self, request: Request, kind: str, name: str, wanted: Selection) -> Response:
        view = self.site.views.get()
        rows, seen = site_of(self.site, wanted)
        if not rows:
            return self._message(
                request, 404, f"Nothing is known of {kind} {name}", "No queue of this factory sends there."
            )
        return self._page(
            request, "place.html", view=view, kind=kind, name=name, rows=rows, groups=groups(rows), seen=seen,
            api=path("api", "ces" if wanted.ce else "sites", name),
            ticket=ticket(f"{kind} {name}", view.factory, view.at, rows, seen),
        )  # fmt: skip

    def worst(
        self,
        request: Request,
        window: Annotated[Literal["2h", "day", "week"], Query()] = "day",
        sort: Annotated[str, Query(max_length=30)] = "wasted_hours",
        up: bool = False,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> Response:
        """Show the queues whose pilots do worst, the worst by any column first."""
        problem, rows = None, []
        try:
            rows = ranked(self.site.worst.rows(window), sort, up=up)
        except Unknown as err:
            problem = str(err)
        except ValueError as err:
            return self._message(request, 400, "There is no such order", str(err), "/worst")
        given = {"window": "" if window == "day" else window, "sort": "" if sort == "wasted_hours" else sort,
                 "up": up, "offset": offset}  # fmt: skip
        return self._page(
            request, "worst.html", rows=rows[offset : offset + PAGE], total=len(rows), given=given, sort=sort,
            up=up, window=window, windows=WINDOWS, columns=WORST_COLUMNS, problem=problem, offset=offset,
            page_size=PAGE,
        )  # fmt: skip

    # --- one queue --------------------------------------------------------------------------------

    def queue(
        self, request: Request, name: str, span: Annotated[Literal["6h", "day", "week"], Query()] = "6h"
    ) -> Response:
        """Show one queue: the decision in words, how it came about, where it goes, what to do."""
        view = self.site.views.get()
        try:
            records, live, problem = why(self.site.access, name, EARLIER, schedd=False, ask=False)
        except Unknown as err:
            return self._message(request, 404, f"There is no queue {name}", str(err), "/queues")
        story: Story = explain(records, live, queue=name)
        curve = past.curve(self.site.access, name, span)
        last = records[-1] if records else None
        return self._page(
            request, "queue.html", view=view, name=name, row=view.by_name.get(name), story=story, live=live,
            last=last, cycles=records[::-1][:LAST], problem=problem, curve=curve, drawing=drawing(curve),
            points=some_rows(curve.points), span_name=span, spans=past.SPANS, config=self._config(name),
            actions=ACTIONS, times=SPANS, form_token=self.site.doorman.form_token(request.state.who),
            logs=self._logs_of(name), probed=self._probed(name),
        )  # fmt: skip

    def _logs_of(self, name: str) -> str | None:
        """Return where today's logs of a queue are shown; None when there are none yet."""
        today, folder = f"{datetime.now(UTC):%Y-%m-%d}", queue_folder(name)
        return path("logs", today, folder) if logfiles.exist(self.site.logs, today, folder) else None

    def _probed(self, name: str) -> Mapping[str, Any] | None:
        """Return how the last probe of a queue goes; None when there is none, or nobody can say."""
        try:
            found: Mapping[str, Any] = self.site.access.ask("probed", queue=name)
        except ControlError:
            return None
        return found

    def _config(self, name: str) -> str:
        try:
            return str(self.site.access.ask("dump", queue=name, everything=False)["text"])
        except ControlError as err:
            return f"not known: {err}"

    async def order(self, request: Request) -> Response:
        """Take a form with an order; what a browser was tricked into is refused."""
        form = await _form(request)
        return await run_sync(self._order, request, form)

    def _order(self, request: Request, form: Mapping[str, str] | None) -> Response:
        who = request.state.who
        if form is None:
            return self._message(request, 413, "Too much", "This form is too long.")
        if not who.operates:
            status = 401 if who.scope is None else 403
            words = "Orders need a token with the scope operate."
            answer = self._message(request, status, "Not with this identity", words)
            if who.scope is None:
                answer.raw_headers.append(CHALLENGE)
            return answer
        queue, action = form.get("queue", ""), form.get("action", "")
        back = path("queue", queue)
        try:
            from_our_page(self.site.doorman, who, request.headers, form.get("token", ""))
            if action not in ACTIONS:
                raise Denied("there is no such order")
            act(
                self.site,
                who,
                action,
                queue,
                form.get("reason", ""),
                _until(form.get("hours", "")),
                api=False,
            )
        except Denied as err:
            return self._message(request, 403, "This was not done", str(err), back)
        except ControlError as err:
            return self._message(request, 409, "The factory did not do it", str(err), back)
        return Response(status_code=303, headers={"Location": path("queue", queue)})

    # --- what all share ---------------------------------------------------------------------------

    def sources(self, request: Request) -> Response:
        """Show sources, schedds, reporters, caps, credentials: ages and errors."""
        return self._page(request, "sources.html")

    def events(
        self,
        request: Request,
        hours: Annotated[float, Query(gt=0, le=24 * 366)] = 24.0,
        queue: Annotated[str, Query(max_length=300)] = "",
    ) -> Response:
        """Show what happened beside cycles: who did what, and when."""
        now = datetime.now(UTC)
        found, problem = past.events(self.site.access, now - timedelta(hours=hours), now, queue or None)
        return self._page(request, "events.html", events=found, problem=problem, hours=hours, queue=queue)

    def pilots(self, request: Request, queue: Annotated[str, Query(max_length=300)]) -> Response:
        """Show the pilots of a queue as the schedd last listed them; it is asked beside this request."""
        return self._page(request, "pilots.html", queue=queue, look=self.looks.get(queue))

    def pilot(
        self,
        request: Request,
        queue: Annotated[str, Query(max_length=300)],
        id: Annotated[str, Query(pattern=r"^\d{1,12}\.\d{1,9}$")],
        day: Annotated[str, Query(pattern=r"^\d{4}-\d{2}-\d{2}$")] = "",
    ) -> Response:
        """Show one pilot: its state, its files, and the summary that its wrapper wrote."""
        look = self.looks.get(queue)
        found = next((p for p in look.pilots if p["id"] == id), None)
        if not day and found is not None and found["submitted"]:
            day = str(found["submitted"])[:10]
        folder = queue_folder(queue)
        parts = [(kind, self._excerpt(day, folder, f"{id}.{kind}")) for kind in ("out", "err", "log")]
        output = parts[0][1]
        return self._page(
            request,
            "pilot.html",
            queue=queue,
            id=id,
            day=day,
            folder=folder,
            pilot=found,
            look=look,
            parts=parts,
            life=_life(found) if found is not None else (),
            summary=summary(output.text) if output is not None else None,
        )

    def _excerpt(self, day: str, folder: str, name: str) -> logfiles.Excerpt | None:
        try:
            return logfiles.excerpts(self.site.logs, day, folder, name)[-1] if day else None
        except NoSuchLog:
            return None

    # --- logs -------------------------------------------------------------------------------------

    def log_days(self, request: Request) -> Response:
        """List the days that have logs."""
        return self._listing(request, "Pilots' logs", lambda: logfiles.days(self.site.logs), "/logs")

    def log_queues(self, request: Request, day: str) -> Response:
        """List the queues that have logs of a day."""
        return self._listing(
            request, day, lambda: logfiles.queues(self.site.logs, day), f"/logs/{day}", day=day
        )

    def log_search(
        self,
        request: Request,
        day: Annotated[str, Query(pattern=r"^\d{4}-\d{2}-\d{2}$")],
        id: Annotated[str, Query(pattern=r"^\d{1,12}\.\d{1,9}$")],
    ) -> Response:
        """Find a pilot's files of a day by its number alone; of several schedds' pilots all that have it."""
        try:
            found = logfiles.queues_with(self.site.logs, day, id)
        except NoSuchLog as err:
            return self._message(request, 404, "No logs", str(err), "/logs")
        return self._page(request, "logsearch.html", day=day, id=id, queues=found)

    def _listing(self, request: Request, title: str, names: Any, base: str, day: str = "") -> Response:
        try:
            found = names()
        except NoSuchLog as err:
            return self._message(request, 404, "No logs", str(err), "/logs")
        return self._page(request, "listing.html", title=title, names=found, base=base, day=day)

    def log_files(
        self, request: Request, day: str, queue: str, after: Annotated[str, Query(max_length=40)] = ""
    ) -> Response:
        """List the files of a queue's day, a thousand at a time."""
        try:
            found = logfiles.files(self.site.logs, day, queue, after)
        except NoSuchLog as err:
            return self._message(request, 404, "No logs", str(err), "/logs")
        return self._page(request, "logfiles.html", day=day, queue=queue, files=found, most=logfiles.LISTED)

    def log_page(self, request: Request, day: str, queue: str, file: str) -> Response:
        """Show head and tail of a file."""
        try:
            found = logfiles.excerpts(self.site.logs, day, queue, file)
        except NoSuchLog as err:
            return self._message(request, 404, "No such file", str(err), "/logs")
        return self._page(request, "log.html", day=day, queue=queue, file=file, parts=found)

    def log_raw(
        self,
        day: str,
        queue: str,
        file: str,
        offset: int = 0,
        length: Annotated[int, Query(ge=1, le=logfiles.MOST)] = logfiles.MOST,
    ) -> Response:
        """Return a file as text, where 2.4 had it (GTAG, APF_LOGURL): its first part, or another."""
        try:
            found = logfiles.part(self.site.logs, day, queue, file, offset, length)
        except NoSuchLog as err:
            return Response(f"{err}\n", 404, media_type="text/plain; charset=utf-8")
        headers = {
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Excerpt": f"{found.offset}-{found.offset + found.length}/{found.size}",
        }
        return Response(found.text, media_type="text/plain; charset=utf-8", headers=headers)

    # --- the rest ---------------------------------------------------------------------------------

    def sign_in(self, request: Request, next: Annotated[str, Query(max_length=500)] = "/") -> Response:
        """Let the browser ask for a token, and go back."""
        if request.state.who.scope is None:
            answer = self._message(
                request, 401, "Who are you?", "A token is wanted: any user name, the token as password."
            )
            answer.raw_headers.append(CHALLENGE)
            return answer
        ours = next if next.startswith("/") and not next.startswith(("//", "/\\")) else "/"
        return Response(status_code=303, headers={"Location": ours})

    def static(self, name: str) -> Response:
        """Return one of our own files."""
        data = static(name)
        if data is None:
            return Response(status_code=404)
        return Response(data, media_type=STATIC[name], headers={"Cache-Control": "max-age=3600"})


def _problems(view: View) -> list[str]:
    found = [*view.notes]
    if view.health is not None:
        found += view.health["problems"]
    return found


def _life(pilot: Mapping[str, Any]) -> list[tuple[str, datetime]]:
    """Return what happened to a pilot when, as its schedd lists it."""
    sent, since = pilot["submitted"], pilot["since"]
    found = [("sent", datetime.fromisoformat(sent))] if sent else []
    if since and since != sent:
        found.append((str(pilot["state"]), datetime.fromisoformat(since)))
    return found


def _until(hours: str) -> str | None:
    if not hours:
        return None
    if hours not in {str(n) for n in SPANS.values()}:
        raise Denied("not one of the times")
    return (datetime.now(UTC) + timedelta(hours=int(hours))).isoformat(timespec="seconds")


async def _form(request: Request) -> dict[str, str] | None:
    """Return the fields of a form; None when it is too long."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST_FORM:
            return None
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20)
    except ValueError:  # more fields than a form of ours has
        return None
    return {name: values[-1] for name, values in fields.items()}
