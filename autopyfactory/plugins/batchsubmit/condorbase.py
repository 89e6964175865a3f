"""What all ways of sending pilots through a schedd share: the pilot's ads, environment, files and tag.

A new kind of CE is a subclass with `commands()`: the submit commands that are its own.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeVar

from pydantic import AfterValidator

from autopyfactory.accounting import spelling
from autopyfactory.condor.capacity import CAPACITIES
from autopyfactory.condor.client import CondorClient, Submitted
from autopyfactory.condor.errors import CondorError, LimitReached, NotBegun, Refused, Suspended
from autopyfactory.condor.jobstatus import IS_IDLE
from autopyfactory.condor.quoting import attr, check, constraint_string, macro, words
from autopyfactory.condor.registry import client
from autopyfactory.credentials.credential import Presented
from autopyfactory.credentials.wallet import Choice, Wish
from autopyfactory.logs.setup import queue_logger
from autopyfactory.model.decision import Cap
from autopyfactory.model.ending import CE, TAKEN_BACK, WALL
from autopyfactory.model.once import once
from autopyfactory.options.declare import NameList, option
from autopyfactory.plugins.base import (
    BatchSubmitPlugin,
    QueueContext,
    SentPilots,
    SubmitError,
    SubmitUnknown,
)
from autopyfactory.plugins.batchsubmit.attributes import canonical, overridden, split_attributes
from autopyfactory.plugins.batchsubmit.draining import drain_time, patience
from autopyfactory.plugins.batchsubmit.logtree import LogPlace
from autopyfactory.plugins.batchsubmit.pilotwrapper import PilotWrapper, carries_panda, report_tokens
from autopyfactory.plugins.hostname import host_name
from autopyfactory.plugins.pilotgroup import GRID, GROUP, MARK, QUEUE, Group
from autopyfactory.plugins.schedd import PilotScheddOptions
from autopyfactory.plugins.submitrecord import place_of
from autopyfactory.wrapper.compose import Built, RecipeError

# HTCondor fills this in for each pilot; the placeholder keeps it whole while the text around it is quoted. It
# is made of characters that stand for nothing (non-characters), and no text of anybody's may hold them.
PILOT_ID = "$(Cluster).$(Process)"
_PLACEHOLDER = "\ufdd0\ufdd1"
_NUMBER = "\ufdd1\ufdd0"
_TAG = "\ufdd0\ufdd0"
# A whole number for PanDA: cluster, and two digits for the pilot in it (a submission has 100 at most).
WORKER_NUMBER = "$(Cluster)$INT(Process,%02d)"
# Each pilot's own token, out of a list that is known, and told, at submission only.
REPORT_TOKENS, NO_TOKENS = "apf_report_tokens", "none"
REPORT_TOKEN = f"$CHOICE(Process,{REPORT_TOKENS})"
_TOKEN = "\ufdd1\ufdd1"
PROXY_LIFE, TOKEN_LIFE = 3600.0, 300.0  # seconds that credentials must hold, unless options say more
# Spooled pilots that are complete, and those whose files did not come for so long that they never will.
ENDED = "(JobStatus == 4 && LeaveJobInQueue isnt undefined && LeaveJobInQueue isnt false)"
UNSPOOLED = "(JobStatus == 5 && HoldReasonCode == 16 && time() - EnteredCurrentStatus > 300)"
NEVER_SPOOLED = "AutoPyFactory: the pilot's files never came"
AT_ONCE = 50  # pilots whose output is brought back in one cycle
NOT_RUNNING, RUNNING = "(JobStatus == 1 || JobStatus == 5)", "(JobStatus == 2)"
WAITING = f"(JobStatus == 5 || {IS_IDLE})"


def _parses(text: str | None) -> str | None:
    if text is not None:
        check(text)
        split_attributes(text)
    return text


def _one_line(text: str | None) -> str | None:
    return None if text is None else check(text)


AttributeList = Annotated[str | None, AfterValidator(_parses)]
OneLine = Annotated[str | None, AfterValidator(_one_line)]


class CondorBaseOptions(PilotScheddOptions):
    """Options of every batch submit plugin that uses a schedd; any prefix of the plugin's family works."""

    prefixes: ClassVar[tuple[str, ...]] = ("batchsubmit.condorbase",)

    environ: OneLine = option(
        None,
        key="{prefix}.environ",
        description="Added to the pilot's environment as it stands: NAME=value pairs separated by blanks",
    )
    condor_attributes: AttributeList = option(
        None,
        key="{prefix}.condor_attributes",
        description=r"Submit commands KEY = VALUE, separated by commas (\, in a value); they win over ours",
    )
    extra: dict[str, str] = option(
        key="{prefix}.condor_attributes.*",
        description="One submit command; no comma needs escaping",
        default_factory=dict,
    )
    spool: bool = option(
        False,
        key="{prefix}.spool",
        description="Whether the schedd shares no files with the factory: pilots' files are sent there with"
        " them, and what they write is brought back when they have ended",
    )
    peaceful: bool = option(
        True,
        key="{prefix}.peaceful",
        legacy=("{prefix}.overlay.peaceful",),
        description="When there are too many pilots (a negative number from the chain): true lets them end "
        "by themselves, false removes them, those that do not run first. Glideins that drain (option drain of"
        " their payload) are removed either way: what runs in them ends first",
    )
    killorder: Literal["newest", "oldest"] = option(
        "newest",
        key="{prefix}.killorder",
        legacy=("{prefix}.overlay.killorder",),
        description="Which pilots are removed first when they are removed",
    )
    proxyfile: OneLine = option(
        None,
        key="{prefix}.proxyfile",
        path=True,
        description="File with the X.509 proxy that pilots are sent with",
    )
    tokenfile: OneLine = option(
        None,
        key="{prefix}.tokenfile",
        path=True,
        description="File with the SciToken or WLCG token for the CE",
    )
    auth: NameList = option(
        (),
        key="{prefix}.auth",
        legacy=("{prefix}.proxy", "{prefix}.authprofile"),
        description="Credential profiles (sections of authConf); the first valid for long enough is used",
    )
    auth_life: int | None = option(
        None,
        key="{prefix}.auth.minlife",
        unit="s",
        ge=0,
        description="So long a credential must still hold when pilots are sent; default: for proxies the"
        " pilots' wall time, or 3600 where they say none; for tokens, which only the CE looks at, 300",
    )
    auth_anyway: bool = option(
        False,
        key="{prefix}.auth.sendanyway",
        description="Whether pilots are sent with the first profile though no credential is valid",
    )


BaseOptionsT = TypeVar("BaseOptionsT", bound=CondorBaseOptions)


class _Form(NamedTuple):
    """What a submit description depends on, besides the tag and what never changes."""

    day: date
    wrapper: Built | None
    presented: Presented | None


class CondorBase(BatchSubmitPlugin[BaseOptionsT]):
    """Sends pilots through a schedd."""

    def __init__(self, options: BaseOptionsT, context: QueueContext):
        super().__init__(options, context)
        self._target = options.target()
        self._schedd = str(self._target)
        self._host = host_name()
        self._wrapper = PilotWrapper.of(context, self.target)
        self._reports = bool(report_tokens(context, "", 1))
        self._form: tuple[_Form, Mapping[str, str], Mapping[str, str]] | None = None
        self._today: tuple[date, LogPlace] | None = None

    @abstractmethod
    def commands(self) -> dict[str, str]:
        """Return the submit commands of this kind of CE, always the same: they are asked for once a day."""

    def extra_environment(self) -> dict[str, str]:
        """Return variables that this kind of CE adds to the pilot's environment, always the same."""
        return {}

    def placed(self, place: LogPlace) -> dict[str, str]:
        """Return the submit commands about the pilots' own files that are not as elsewhere."""
        return {}

    def presenting(self, presented: Presented) -> dict[str, str]:
        """Return the submit commands by which pilots are sent with the credential of a profile."""
        return dict(presented.commands)

    def credential(self, now: datetime) -> Choice | None:
        """Return which of the queue's profiles is used at `now`; None where it names none."""
        if not self.options.auth:
            return None
        wall = 60.0 * self.context.queue_options.wall_minutes
        least = self.options.auth_life
        wish = Wish(
            profiles=self.options.auth,
            place=self.ce,
            pilot_life=float(least) if least is not None else wall or PROXY_LIFE,
            token_life=float(least) if least is not None else TOKEN_LIFE,
            anyway=self.options.auth_anyway,
        )
        return self.context.shared.wallet.choose(wish, now)

    @property
    def target(self) -> str:
        """Return the schedd as people write it."""
        return self._schedd

    @property
    def sent_with(self) -> str:
        """Return the profiles, the token or the proxy that the queue's options name."""
        o = self.options
        if o.auth:
            return f"profile {', '.join(o.auth)}"
        return f"token {o.tokenfile}" if o.tokenfile else f"proxy {o.proxyfile}" if o.proxyfile else ""

    # --- what a pilot carries -------------------------------------------------------------------

    def describe(self, tag: str, now: datetime | None = None) -> Mapping[str, str]:
        """Return the submit description of pilots that carry `tag`, sent at `now` (for the day's folder)."""
        now = now or datetime.now(UTC)
        choice = self.credential(now)
        form = _Form(
            now.date(), self._wrapper.built() if self._wrapper else None, choice.presented if choice else None
        )
        made = self._form  # others may describe at the same time, for another day
        if made is None or made[0] != form:
            described = self._formed(form, now)
            made = self._form = form, described, MappingProxyType(_tagged(described, ""))
        _, described, without = made
        return _tagged(described, tag) if tag else without  # each cycle looks at the files named in that

    def _formed(self, form: _Form, now: datetime) -> Mapping[str, str]:
        """Return the submit description with a placeholder for the tag."""
        q, f = self.context.queue_options, self.context.factory
        for text in (
            self.context.queue,
            f.factory_id,
            f.base_log_dir,
            f.base_log_dir_url,
            f.factory_user or "",
        ):
            if any(c in text for c in _PLACEHOLDER):
                raise ValueError(f"a non-character in {text!r}")
        place = self._place(now)
        base = {
            **({"job_max_vacate_time": str(wait)} if (wait := patience(q)) else {}),
            **self.commands(),
            **self._ads(place, form.wrapper),
            **({f"+{WALL}": str(q.wall_minutes)} if q.wall_minutes else {}),
            "environment": self._environment(place, form.wrapper),
            **({REPORT_TOKENS: NO_TOKENS} if self._reports else {}),
            "executable": self._executable(form.wrapper),
            **({"arguments": q.arguments} if q.arguments else {}),
            "transfer_executable": "True",
            **{k: _fill(macro(f"{place.folder}/{_PLACEHOLDER}.{e}")) for k, e in _FILES.items()},
            "stream_output": "False",
            "stream_error": "False",
            "notification": "Error" if f.admin_email else "Never",
            **({"notify_user": ",".join(f.admin_email)} if f.admin_email else {}),
            **({"x509userproxy": self.options.proxyfile} if self.options.proxyfile else {}),
            **({"scitokens_file": self.options.tokenfile} if self.options.tokenfile else {}),
            **self.placed(place),
            **(self.presenting(form.presented) if form.presented else {}),
        }
        users = split_attributes(self.options.condor_attributes or ""), self.options.extra
        formed = overridden(base, *users)
        return {**self._grouped(base, formed), **formed}

    def _place(self, now: datetime) -> LogPlace:
        """Return where pilots sent at `now` write; it changes once a day."""
        today = self._today
        if today is None or today[0] != now.date():
            f = self.context.factory
            where = LogPlace.of(f.base_log_dir, f.base_log_dir_url, self.context.queue, now)
            today = self._today = now.date(), where
        return today[1]

    def _grouped(self, base: Mapping[str, str], formed: Mapping[str, str]) -> dict[str, str]:
        """Return the attribute that pilots are counted by; none when users' commands may say otherwise."""
        ours = {canonical(f"+{name}") for name in (QUEUE, MARK, CE, GROUP, "JobUniverse")}
        said, says = ({canonical(k): v for k, v in its.items()} for its in (base, formed))
        universe = says.get("universe", "").lower()
        if "$" in universe or any(said.get(name) != says.get(name) for name in ours):
            return {}
        ce = spelling.ce(self.ce) if f"+{CE}" in base else ""
        group = Group(self.context.queue, self.context.shared.mark, universe in ("grid", str(GRID)), ce)
        return {f"+{GROUP}": attr(str(group))}

    def _executable(self, wrapper: Built | None) -> str:
        if self._wrapper and wrapper:
            return macro(str(self._wrapper.path(wrapper)))
        return self.context.queue_options.executable or ""

    def _ads(self, place: LogPlace, wrapper: Built | None) -> dict[str, str]:
        queue = self.context.queue
        ads = {
            "ApfFactory": self.context.factory.factory_id,
            "ApfSubmission": _TAG,
            **({MARK: mark} if (mark := self.context.shared.mark) else {}),
            QUEUE: queue,
            "APF_QUEUE": queue,
            "FACTORY_JOBID": f"{self._host}#{_PLACEHOLDER}",
            **({CE: spelling.ce(self.ce)} if self.context.queue_options.ces else {}),
        }
        if place.url:
            ads |= {f"APF_{k}URL": f"{place.url}/{_PLACEHOLDER}.{k.lower()}" for k in ("LOG", "OUT", "ERR")}
        if wrapper:
            ads["ApfWrapper"] = wrapper.sha256
        return {f"+{k}": _fill(attr(v)) for k, v in ads.items()}

    def _environment(self, place: LogPlace, wrapper: Built | None) -> str:
        f = self.context.factory
        theirs = self.options.environ or ""
        numbered = carries_panda(self.context.queue_options) and "HARVESTER_" not in theirs
        env: dict[str, str | None] = {
            "PANDA_JSID": f.factory_id,
            "GTAG": f"{place.url or place.folder}/{_PLACEHOLDER}.out",
            "APFCID": _PLACEHOLDER,
            "APFFID": f.factory_id,
            "FACTORY_JOBID": f"{self._host}#{_PLACEHOLDER}",
            "APFMON": self.context.monitor_url,
            "FACTORYQUEUE": self.context.queue,
            "FACTORYUSER": f.factory_user,
            "APF_WRAPPER_SHA256": wrapper.sha256 if wrapper else None,
            "HARVESTER_ID": f.factory_id if numbered else None,
            "HARVESTER_WORKER_ID": _NUMBER if numbered else None,
            "APF_REPORT_TOKEN": _TOKEN if self._reports else None,
            **self.extra_environment(),
        }
        ours = _fill(words(f"{k}={v}" for k, v in env.items() if v is not None))
        return f'{ours[:-1]} {theirs.replace(chr(34), chr(34) * 2)}"' if theirs else ours

    # --- sending, finding, taking back ------------------------------------------------------------

    def submit(self, n: int, tag: str, deadline: float) -> SentPilots:
        """Send `n` pilots as one cluster. Raises SubmitError, SubmitUnknown."""
        return self.submit_to("", n, tag, deadline)

    def submit_to(self, identity: str, n: int, tag: str, deadline: float) -> SentPilots:
        """Send `n` pilots as one cluster, if the schedd is the one of this identity; empty: whichever it is.

        Raises SubmitError, SubmitUnknown.
        """
        now = datetime.now(UTC)
        place = self._place(now)
        choice = self.credential(now)
        if choice is not None and choice.presented is None:  # it was valid when the cycle began
            raise SubmitError("; ".join(choice.closed))
        try:
            description = self.describe(tag, now)
            place.folder.mkdir(parents=True, exist_ok=True)
            if self._wrapper:
                self._wrapper.keep(lambda digest: self._referred(digest, deadline))
            tokens = report_tokens(self.context, tag, n)
            secret = {REPORT_TOKENS: ",".join(tokens)} if tokens else {}
            done = self._send({**description, **secret}, n, identity, deadline)
        except (Refused, Suspended, NotBegun, ValueError, RecipeError) as err:
            raise SubmitError(str(err)) from err
        except OSError as err:
            raise SubmitError(f"no place for the pilots' logs or wrapper: {err}") from err
        except CondorError as err:
            raise SubmitUnknown(str(err)) from err
        text = "".join([f"{k} = {v}\n" for k, v in description.items()]) + f"queue {done.count}\n"
        path = place_of(place.folder, self.context.factory) / f"submit.{done.cluster}.jdl"
        self.context.shared.submit_records.write(path, text)
        return SentPilots(str(done.cluster), done.count, done.first_proc)

    def _send(self, description: Mapping[str, str], n: int, identity: str, deadline: float) -> Submitted:
        """Submit `n` pilots, or as many as the schedd's own limits leave room for. Raises CondorError."""
        schedd, end, spool = client(self._target), time.monotonic() + deadline, self.options.spool
        try:
            return schedd.submit(description, n, deadline=deadline, identity=identity, spool=spool)
        except LimitReached as full:  # all or none: nothing was submitted
            left = end - time.monotonic()
            if not 0 < full.room < n or left <= 0:
                raise
            queue_logger(self.context.queue).warning("%d of %d pilots are sent: %s", full.room, n, full)
            return schedd.submit(description, full.room, deadline=left, identity=identity, spool=spool)

    def limits(self) -> Sequence[Cap]:
        """Return the schedd's limits, and its gridmanager's for this CE, as they were told last."""
        return CAPACITIES.caps(self._target, self._grid_resource)

    @once
    def _grid_resource(self) -> str:
        return self.commands().get("grid_resource", "")

    def cleanup(self, deadline: float) -> None:
        """Bring back the output of pilots that have ended at a schedd which shares no files with us.

        Those whose files never got there (somebody was killed just then) will not start: they are removed.
        Raises SubmitError.
        """
        if not self.options.spool:
            return
        end = time.monotonic() + deadline
        try:
            states = client(self._target).query(
                f"{self._mine} && ({ENDED} || {UNSPOOLED})", ["JobStatus"], limit=1, deadline=deadline
            )
            if not states:
                return
            client(self._target).act(
                "remove",
                f"{self._mine} && {UNSPOOLED}",
                reason=NEVER_SPOOLED,
                deadline=end - time.monotonic(),
            )
            fetching = CondorClient(
                self._target
            )  # its own: files may take a while, and nobody waits for them
            try:
                fetching.bring_back(
                    f"{self._mine} && {ENDED}", AT_ONCE, deadline=max(1.0, end - time.monotonic())
                )
            finally:
                fetching.close()
        except (CondorError, ValueError) as err:
            raise SubmitError(f"the output of pilots cannot be brought back: {err}") from err

    @property
    def _mine(self) -> str:
        """Return the constraint for this queue's pilots."""
        return (  # `=?=`, since `==` takes Q for q
            f"ApfFactory =?= {constraint_string(self.context.factory.factory_id)} && "
            f"{QUEUE} =?= {constraint_string(self.context.queue)}"
        )

    def _referred(self, digest: str, deadline: float) -> bool:
        """Whether a pilot in the schedd's queue runs the wrapper with this digest; yes, when not known."""
        wanted = f"substr(ApfWrapper, 0, {len(digest)}) == {constraint_string(digest)}"
        try:
            return bool(client(self._target).query(wanted, ["ClusterId"], deadline=deadline))
        except CondorError:
            return True

    def lookup(self, tag: str, deadline: float) -> SentPilots | None:
        """Return the pilots in the schedd's queue that carry `tag`. Raises SubmitUnknown."""
        wanted = f"ApfSubmission == {constraint_string(tag)}"
        try:
            ads = client(self._target).query(wanted, ["ClusterId", "ProcId"], deadline=deadline)
        except CondorError as err:
            raise SubmitUnknown(str(err)) from err
        if not ads:
            return None
        return SentPilots(str(ads[0]["ClusterId"]), len(ads), min(int(ad["ProcId"]) for ad in ads))

    def retire(self, n: int, deadline: float, started_before: float | None = None) -> int:
        """Remove `n` pilots, those that do not run first.

        While `peaceful` only pilots that drain: then removing one lets what runs in it end.
        """
        if self.options.peaceful and not drain_time(self.context.queue_options):
            return 0
        waiting = self._take_back(n, NOT_RUNNING, deadline)
        if waiting >= n:
            return waiting
        known = "" if started_before is None else f" && JobCurrentStartDate < {int(started_before)}"
        return waiting + self._take_back(n - waiting, f"({RUNNING}{known})", deadline)

    def withdraw(self, n: int, deadline: float) -> int:
        """Remove up to `n` pilots that do not run."""
        return self._take_back(n, WAITING, deadline)

    def _take_back(self, n: int, state: str, deadline: float) -> int:
        mine = f"{self._mine} && {state}"
        try:
            wanted = ["ClusterId", "ProcId", "QDate", "GridJobId"]
            ads = client(self._target).query(mine, wanted, deadline=deadline)
            ads.sort(key=_age, reverse=self.options.killorder == "newest")
            ads.sort(key=_at_ce)  # first those that the CE has not seen: they cannot have started
            chosen = ads[:n]
            return sum(self._remove(chosen[i : i + 100], mine, deadline) for i in range(0, len(chosen), 100))
        except CondorError as err:
            raise SubmitUnknown(f"pilots may or may not have been taken back: {err}") from err

    def _remove(self, ads: list[dict[str, Any]], mine: str, deadline: float) -> int:
        ids = " || ".join(f"(ClusterId == {a['ClusterId']} && ProcId == {a['ProcId']})" for a in ads)
        # All is asked for again: a pilot that started meanwhile has found work and is left alone.
        totals = client(self._target).act(
            "remove",
            f"{mine} && ({ids})",
            reason=TAKEN_BACK,
            deadline=deadline,
        )
        return totals.get("TotalSuccess", 0)


_SUBMISSION = "+ApfSubmission"
_FILES = {"output": "out", "error": "err", "log": "log"}


def _tagged(described: Mapping[str, str], tag: str) -> dict[str, str]:
    ours = {_SUBMISSION: _fill(attr(tag))} if _TAG in described.get(_SUBMISSION, "") else {}
    return {**described, **ours}


def _fill(quoted: str) -> str:
    filled = quoted.replace(_PLACEHOLDER, PILOT_ID).replace(_NUMBER, WORKER_NUMBER)
    return filled.replace(_TOKEN, REPORT_TOKEN)


def _at_ce(ad: Mapping[str, Any]) -> bool:
    return bool(ad.get("GridJobId"))


def _age(ad: Mapping[str, Any]) -> tuple[int, int, int]:
    return (int(ad["QDate"] or 0), int(ad["ClusterId"]), int(ad["ProcId"]))
