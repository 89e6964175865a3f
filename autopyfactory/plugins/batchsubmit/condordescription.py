"""The submit description of pilots that go through a schedd: their ads, environment, files and tag."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from autopyfactory.accounting import spelling
from autopyfactory.condor.quoting import attr, macro, words
from autopyfactory.credentials.credential import Presented
from autopyfactory.credentials.wallet import Choice, Wish
from autopyfactory.model.ending import CE, WALL
from autopyfactory.plugins.base import BatchSubmitPlugin, QueueContext
from autopyfactory.plugins.batchsubmit.attributes import canonical, overridden, split_attributes
from autopyfactory.plugins.batchsubmit.condoroptions import CondorBaseOptions
from autopyfactory.plugins.batchsubmit.draining import patience
from autopyfactory.plugins.batchsubmit.logtree import LogPlace
from autopyfactory.plugins.batchsubmit.pilotwrapper import PilotWrapper, carries_panda, report_tokens
from autopyfactory.plugins.hostname import host_name
from autopyfactory.plugins.pilotgroup import GRID, GROUP, MARK, QUEUE, Group
from autopyfactory.wrapper.compose import Built

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
_SUBMISSION = "+ApfSubmission"
_FILES = {"output": "out", "error": "err", "log": "log"}
PROXY_LIFE, TOKEN_LIFE = 3600.0, 300.0  # seconds that credentials must hold, unless options say more

BaseOptionsT = TypeVar("BaseOptionsT", bound=CondorBaseOptions)


class Form(NamedTuple):
    """What a submit description depends on, besides the tag and what never changes."""

    day: date
    wrapper: Built | None
    presented: Presented | None


class Described:
    """What pilots are like that are sent on one day, with one wrapper and one credential."""

    def __init__(self, form: Form, place: LogPlace, description: Mapping[str, str]):
        self.form = form
        self.place = place  # of what they write
        self._description = description
        self.untagged: Mapping[str, str] = MappingProxyType(self.tagged(""))  # each cycle looks at it

    def tagged(self, tag: str) -> dict[str, str]:
        """Return the submit description of pilots that carry `tag`."""
        ours = {_SUBMISSION: _fill(attr(tag))} if _TAG in self._description.get(_SUBMISSION, "") else {}
        return {**self._description, **ours}


class CondorDescription(BatchSubmitPlugin[BaseOptionsT]):
    """Describes pilots that are sent through a schedd."""

    def __init__(self, options: BaseOptionsT, context: QueueContext):
        super().__init__(options, context)
        self._target = options.target()
        self._schedd = str(self._target)
        self._host = host_name()
        self._wrapper = PilotWrapper.of(context, self.target)
        self._reports = bool(report_tokens(context, "", 1))
        self._described: Described | None = None  # as it was made last

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

    def describe(self, tag: str, now: datetime | None = None) -> Mapping[str, str]:
        """Return the submit description of pilots that carry `tag`, sent at `now` (for the day's folder)."""
        now = now or datetime.now(UTC)
        described = self.described(now, self.credential(now))
        return described.tagged(tag) if tag else described.untagged

    def described(self, now: datetime, choice: Choice | None) -> Described:
        """Return what pilots are like that are sent at `now` with the credential of `choice`."""
        form = Form(
            now.date(), self._wrapper.built() if self._wrapper else None, choice.presented if choice else None
        )
        made = self._described  # others may describe at the same time, for another day
        if made is None or made.form != form:
            f = self.context.factory
            place = LogPlace.of(f.base_log_dir, f.base_log_dir_url, self.context.queue, now)
            made = self._described = Described(form, place, self._formed(form, place))
        return made

    def _formed(self, form: Form, place: LogPlace) -> Mapping[str, str]:
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


def _fill(quoted: str) -> str:
    filled = quoted.replace(_PLACEHOLDER, PILOT_ID).replace(_NUMBER, WORKER_NUMBER)
    return filled.replace(_TOKEN, REPORT_TOKEN)
