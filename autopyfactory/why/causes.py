"""Everything else that stands in a queue's way: orders, information, submissions, pilots that are stuck."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from autopyfactory.credentials.pilotfiles import GONE
from autopyfactory.credentials.wallet import NONE_VALID
from autopyfactory.model.declaration import Who
from autopyfactory.model.ending import SHORT
from autopyfactory.model.record import CycleRecord, Empty, Failed, Fared, HeldGroup, Match, Troubles, Unmoved
from autopyfactory.model.text import clock, count, span
from autopyfactory.pauses import resumes
from autopyfactory.why.groups import kind_of_group
from autopyfactory.why.holds import LOOK_AT_SCHEDD, MISSING, RENAMED, RENEW, START_SCHEDD, kind_of
from autopyfactory.why.model import Cause, LiveState
from autopyfactory.why.waits import starved

# What sources say when it is our own credential, or our trust, that is at fault.
_CREDENTIAL = re.compile(
    r"answered 40[13]\b(?!.*is forbidden)|our certificate \S+ ended|wants another certificate"
    r"|token cannot be read"
    r"|holds no single token|cannot read \S+: |TLS failed: EOF occurred"
    r"|alert (certificate|bad certificate|unknown ca|access denied)|PEM lib|certificate required",
    re.IGNORECASE,
)
_NO_FILE = re.compile(r"\bcannot be read: |\bthere is no file\b|\bis no file\b")  # of `pilotfiles`
_UNTRUSTED = re.compile(r"certificate.verify.failed|CA certificate bundle", re.IGNORECASE)
_PROBES = re.compile(r"; \d+ probes? so far, .*")  # what a breaker tells beside why it is open
# How a cycle ends in which a plugin did what it must not do.
_OF_A_PLUGIN = re.compile(r"the (rules?|\w+ plugin) .*failed: ")
OF_SCHEDDS = ("MAX_JOBS_PER_OWNER", "MAX_JOBS_SUBMITTED")  # its limits, as caps
WASTED = 0.1  # hours that are worth a word
LATE = 3.0  # periods without a cycle
SILENT = 60.0  # seconds without an answer that are worth a word, though its last one is good enough


def of_factory(record: CycleRecord | None, live: LiveState | None) -> Iterator[Cause]:
    """Yield what is wrong with the factory or with the queue's place in it."""
    if live is None:
        return
    if live.configured is False:
        yield Cause(
            "not-configured", "there is no such queue in the configuration", "check its name and `queueConf`"
        )
    for problem in live.problems:
        yield Cause("broken-configuration", f"its configuration has an error: {problem}",
                    "correct it, see `autopyfactory check`, and reload")  # fmt: skip
    if live.enabled is False:
        yield Cause("disabled", "the queue is not enabled", "set `enabled = True` for it, and reload")
    if live.hangs:
        todo = (
            "see why that plugin hangs; when it returns the queue goes on by itself, and "
            "`autopyfactory reload` starts it anew without waiting for that"
        )
        yield Cause("plugin-hangs", f"{live.hangs}: the queue stands still", todo)
    if live.silent:
        todo = "ask as a user who may command the factory; if it does not answer at all, see its log"
        yield Cause("factory-silent", f"the factory could not be asked: {live.silent}", todo, blocks=False)
    elif not live.running:
        last = f"; its last cycle was at {clock(record.started, live.now)}" if record else ""
        yield Cause(
            "factory-down",
            f"no factory answers on this host{last}",
            "start it (systemctl start autopyfactory)",
        )
    elif record is not None and live.period:
        age = (live.now - record.started).total_seconds()
        if not live.hangs and age > max(LATE * live.period, live.period + 120):
            words = f"the last cycle began {span(age)} ago, one is due every {span(live.period)}"
            yield Cause("no-cycles", words, "look at the queue's log: something holds its cycle up")
    elif record is None and live.configured and live.enabled:
        yield Cause("no-cycle-yet", "the queue has not run a cycle yet", "wait a minute", "nobody")


def of_orders(record: CycleRecord | None, live: LiveState | None) -> Iterator[Cause]:
    """Yield pauses and drains in force."""
    words = record.pause if record else None
    if live is not None:
        words = live.pause.words if live.pause else None
    if words:
        code = "draining" if words.startswith("draining") else "paused"
        queue = record.queue if record else live.pause.queue if live and live.pause else ""
        yield Cause(code, f"the queue is {words}", f"`autopyfactory {resumes(queue, words)}` ends that")


def of_credentials(record: CycleRecord | None, live: LiveState | None) -> Iterator[Cause]:
    """Yield what is wrong with the credential and the breaker."""
    told = live if live and live.credential else record
    if told is not None and told.credential:
        # with another profile of the queue's list pilots go on being sent
        blocks = told.profile is None
        use = "see `autopyfactory credentials`: pilots are sent with another profile, or to other CEs"
        todo = (MISSING.next if _NO_FILE.search(told.credential) else RENEW) if blocks else use
        yield Cause("credential", f"credential: {told.credential}", todo, "credentials", blocks=blocks)
    yield from _breaker(record, live)


# By what the open breaker guards: who has to act, and what is to be done.
_BREAKERS: Mapping[str, tuple[Who, str]] = {
    "ce": ("site", "tell the site, with these words"),
    "credential": ("credentials", "see whether the credential is what this CE expects; renew it"),
    "queue": ("us", "read what a pilot wrote, and correct the queue's executable or options"),
}


def _breaker(record: CycleRecord | None, live: LiveState | None) -> Iterator[Cause]:
    """Yield that a breaker is open, and nodes that swallow pilots."""
    said = live if live is not None and (live.breaker or live.bad_nodes) else record
    if said is None:
        return
    words, scope, nodes = said.breaker, said.breaker_scope, said.bad_nodes
    if words:
        who, todo = _BREAKERS.get(scope, ("us", "see why the pilots went wrong"))
        todo += (
            "; probes go by themselves, and one that does well ends it. When it is mended: "
            "`autopyfactory breakers close QUEUE`"
        )
        told = f"a breaker is open: {words}"
        yield Cause("breaker-open", told, todo, who, shared=_PROBES.sub("", told))
    if nodes:
        told = f"pilots go wrong on {', '.join(nodes)} and do well on other nodes"
        names = [node.rpartition(" (")[0] for node in nodes]
        todo = (
            "tell the site of these nodes; to leave them alone list them in the wrapper's `blacklist`, or, "
            f"where HTCondor runs the pilots, require `{exclusion(names)}`"
        )
        yield Cause("bad-nodes", told, todo, "site", blocks=False)


def exclusion(nodes: Sequence[str]) -> str:
    """Return an expression for HTCondor's requirements that leaves out these nodes."""
    return " && ".join(f'TARGET.Machine != "{re.sub(r"[^A-Za-z0-9._-]", "", node)}"' for node in nodes)


def of_place(text: str) -> Cause | None:
    """Return the cause when it is the place that holds the queue back, by what the book says."""
    if "is not the one it was" in text:
        return Cause("another-schedd", text, "see who answers under the schedd's name", "us")
    if "are not from this book" in text or "carry another mark" in text:
        return Cause(
            "second-factory", text, "see who else runs with our factoryId: `autopyfactory pilots`", "us"
        )
    if "are being looked up" in text or text.startswith("nobody has counted"):
        return Cause("pilots-unknown", text, "nothing: it takes a moment after the start")
    return None


def _of_this_host(text: str) -> Cause | None:
    """Return the cause when it is here: no room, a closed folder, or files of pilots that are gone."""
    if text.startswith("no room"):
        return Cause("disk-full", text, "make room there; sending goes on by itself")
    if text.startswith("the pilots' logs ") and " cannot be written to: " in text:
        todo = "let the factory's user write there (owner, mode, mount); sending goes on by itself"
        return Cause("not-writable", text, todo)
    if text.startswith("this host's clock"):
        return Cause("clock-wrong", text, "set it, and see that it is kept right (chrony, systemd-timesyncd)")
    if text.endswith(GONE):
        return Cause("files-missing", text, "put it back, or correct its name in the queue's options")
    return None


def of_information(record: CycleRecord) -> Iterator[Cause]:
    """Yield what the factory could not learn, and what it does not believe."""
    if record.outcome not in ("held back", "paused"):
        yield from _of_silence(record)
        return
    for text in record.gate:
        if text in record.unresolved or text.startswith(NONE_VALID):  # that is told by `of_credentials`
            continue
        if cause := of_place(text) or _of_this_host(text):
            yield cause
        elif text.startswith(("WMS status", "no WMS status")):
            yield _wms(record, text)
        elif text.startswith(("batch status", "no batch status")):
            yield _schedd(record, text)
        else:
            yield Cause("held-back", text, "")
    for text in record.unresolved:
        yield Cause(
            "unresolved-submission", text, "nothing is sent twice: it is looked up until the schedd answers"
        )


def _of_silence(record: CycleRecord) -> Iterator[Cause]:
    """Yield who has not answered for a while, though its last answer is still good to act on."""
    for kind, told in (("batch", _schedd), ("wms", _wms)):
        age = record.ages.get(kind)
        if kind in record.errors and age is not None and age >= SILENT:
            yield replace(told(record, ""), blocks=False)


def _schedd(record: CycleRecord, text: str) -> Cause:
    todo = _named_wrong(record, "batch") or LOOK_AT_SCHEDD
    error = record.errors.get("batch", text)
    words = "the schedd does not answer"
    return Cause("schedd-down", f"{words}{_last_answer(record, 'batch')}", todo,
                 example=error, shared=words + _asked(record, "batch"))  # fmt: skip


def _wms(record: CycleRecord, text: str) -> Cause:
    """Tell a WMS that does not answer from one that does not take our credential, or that we do not trust."""
    error = record.errors.get("wms", text)
    last, asked = _last_answer(record, "wms"), _asked(record, "wms")
    if _CREDENTIAL.search(error):
        todo = "renew or correct the certificate or token that `wmsstatus...` names"
        words = "the WMS does not take our credential"
        return Cause("wms-credential", f"{words}{last}", todo, "credentials",
                     example=error, shared=words + asked)  # fmt: skip
    if _UNTRUSTED.search(error):
        words = "the WMS's certificate is not accepted here"
        todo = "see that `wmsstatus...capath` holds the authority that signed the server's certificate"
        return Cause("wms-untrusted", f"{words}{last}", todo, "credentials",
                     example=error, shared=words + asked)  # fmt: skip
    todo = _named_wrong(record, "wms") or "tell who runs the WMS, if it lasts"
    words = "the WMS does not answer"
    return Cause("wms-down", f"{words}{last}", todo, "work", example=error, shared=words + asked)


def _asked(record: CycleRecord, kind: str) -> str:
    """Return who was asked, as far as its error says so: two that are down are two troubles."""
    label, _, rest = record.errors.get(kind, "").partition(": ")
    return f" ({label})" if rest else ""


def _named_wrong(record: CycleRecord, kind: str) -> str:
    """Return what to do when the collector answers and has never heard of the schedd."""
    if "knows no schedd" not in record.errors.get(kind, ""):
        return ""
    return START_SCHEDD.format(kind)


def _last_answer(record: CycleRecord, kind: str) -> str:
    age = record.ages.get(kind)
    if record.outcome not in ("held back", "paused"):
        return ", and what it said last still counts"  # without its age: one trouble, one text for all queues
    return "" if age is None else f"; what it said last is {span(age)} old, too old to act on"


def of_submission(record: CycleRecord) -> Iterator[Cause]:
    """Yield why a submission failed, and which wide caps bit."""
    for text in record.caps:
        todo = "raise that limit, or wait until pilots have ended"
        if text.startswith(OF_SCHEDDS):
            full = kind_of(text, place="submission")
            yield Cause(full.code, text, full.next, full.who, blocks=record.submitted == 0)
            continue
        if text.startswith("GRIDMANAGER_"):
            todo = "raise it at the access point, or wait until pilots have ended"
        yield Cause("capped", text, todo, blocks=record.submitted == 0, by_rule=True)
    if record.outcome != "failed":
        return
    errors = [s for s in record.sent if s.error]
    for s in errors[:1]:
        kind = kind_of(s.error or "", place="submission")
        if kind.code != "submission-failed":
            yield Cause(kind.code, f"the submission to {s.ce} failed: {kind.words}", kind.next, kind.who,
                        example=s.error or "")  # fmt: skip
        else:
            said = (s.error or "").removeprefix(f"{s.target}: ")
            words = f"the submission to {s.ce} through {s.target} failed: {said}"
            yield Cause(kind.code, words, kind.next, kind.who)
    if not errors and _OF_A_PLUGIN.match(record.reason):
        todo = "this is a defect of that plugin: tell who made it; the queue's log says where it failed"
        yield Cause("plugin-fails", record.reason, todo)
    elif not errors and not record.reason.startswith("internal error"):
        todo = "nothing: it is looked at again in the next cycle; see that the schedd answers"
        yield Cause("not-taken-back", record.reason, todo, "nobody")
    elif not errors:
        yield Cause("internal-error", record.reason, "this is a defect: report it with the factory's log")


def of_pilots(record: CycleRecord | None, live: LiveState | None) -> Iterator[Cause]:
    """Yield why pilots that were sent do not run."""
    troubles = live.troubles if live is not None and live.troubles is not None else None
    if troubles is None and record is not None:
        troubles = record.troubles
    now = live.now if live else record.started if record else None
    if troubles is None or now is None or troubles.error:
        batch = record.inputs.batch if record and record.inputs else None
        if batch is not None and batch.held:
            why = (
                f" (the schedd could not be asked why: {troubles.error})"
                if troubles and troubles.error
                else ""
            )
            yield Cause("held-other", f"{count(batch.held, 'pilot')} held{why}", "`condor_q -hold` shows why")
        return
    if live is not None and live.missing and troubles.stuck:  # else they may be where the schedd is, not here
        todo = "put it there or correct its name in the queue's options; then release or remove held pilots"
        yield Cause("files-missing", "; ".join(live.missing), todo)
    yield from of_troubles(troubles)
    if record is not None and record.inputs and record.inputs.wms and record.inputs.wms.ready:
        where = record.wmsqueue or record.queue
        if troubles.empty:
            yield _empty(troubles.empty, troubles.fared, record.inputs.wms.ready, where)
        if troubles.unmoved:
            yield _unmoved(troubles.unmoved, where)
    batch = record.inputs.batch if record and record.inputs else None
    running = batch.running if batch else 0
    known = troubles.newest_start is not None or not running  # else they may start all the time
    if troubles.match and not troubles.match.fit and not running:
        yield _no_machine(troubles.match)
    elif (
        known
        and not troubles.stuck
        and starved(troubles.oldest_pending, troubles.newest_start, now, troubles.patience)
    ):
        yield _starved(troubles, running, now)


def _starved(t: Troubles, running: int, now: datetime) -> Cause:
    assert t.oldest_pending is not None
    words = f"pilots have waited for {span((now - t.oldest_pending).total_seconds())}"
    if running and t.newest_start:
        words += f" and none has started for {span((now - t.newest_start).total_seconds())}"
    else:
        words += " and none runs"
    if t.usual_wait is not None:
        words += f"; here they usually start within {span(t.usual_wait)}"
    todo = "ask the site whether it is full, or whether anything there matches these pilots"
    if t.match:
        words += f"; {t.match.fit} of {count(t.match.machines, 'machine')} would take them"
        todo = "see what runs there, and our priority: `condor_userprio -all`"
    return Cause(
        "long-pending", words, f"{todo}; more of them would only wait too", "site", t.oldest_pending
    )


def of_troubles(troubles: Troubles) -> Iterator[Cause]:
    """Yield what holds pilots up or makes them fail, in the schedd's words."""
    if troubles.ce_down:
        yield _ce_down(troubles)
    for group in troubles.held:
        yield _held(group)
    for group in troubles.lost:
        yield _lost(group)
    if troubles.failed:
        yield _failed(troubles.failed, troubles.fared)


def _ce_down(t: Troubles) -> Cause:
    where = _place(t.ce) or "the CE"
    pilots = count(t.ce_down, "pilot")
    if t.probe_code == "ce-unknown":
        todo = (
            "correct the CE's name in the queue's options (if it was right, ask the site for the new one), "
            "and take back the pilots on their way there (`autopyfactory pilots kill --queue QUEUE`)"
        )
        return Cause("ce-unknown", f"{t.probe}, where {pilots} should go", todo, "us", t.ce_down_since,
                     shared=f"{t.probe}, where pilots should go")  # fmt: skip
    if t.probe_code == "ce-refuses":
        told = f"{where} answers, but does not take our pilots"
        return Cause("ce-refuses", f"{told} ({pilots}): {t.probe}",
                     "check the credential (lifetime, issuer, audience) and the CE's name", "credentials",
                     t.ce_down_since, shared=f"{told}: {t.probe}")  # fmt: skip
    seen = f": {t.probe}" if t.probe else ""
    told = f"{where} does not answer"
    todo = "tell the site, if it lasts; pilots there go on by themselves when it is back"
    if not t.probe:
        todo += "; a credential that it refuses can look the same"
    elif "does not know the schedd" in t.probe:
        told = f"{where} takes no pilots"
        todo = RENAMED
    return Cause("ce-down", f"{told} ({pilots} affected){seen}", todo, "site", t.ce_down_since,
                 shared=f"{told}{seen}" if t.ce else "")  # fmt: skip


def _place(resource: str) -> str:
    """Return the CE that a GridResource names: of HTCondor's the collector, else the second word."""
    words = resource.split()
    if len(words) >= 3 and words[0] == "condor":
        return f"CE {words[2]}"
    return f"CE {words[1]}" if len(words) >= 2 else ""


def _no_machine(m: Match) -> Cause:
    if not m.machines:
        return Cause("no-machine", "no machine is in the pool, so pilots wait there for ever",
                     "start one, or correct where the queue sends", "us")  # fmt: skip
    words = f"none of the {m.machines} machines in the pool would take a pilot"
    if m.machines == 1:
        words = "the only machine in the pool would not take a pilot"
    said = [f"`{text}` excludes {_all_or(n, m.machines)}" for text, n in m.clauses[:3]]
    if m.refuse:
        said.append(f"{_all_or(m.refuse, m.machines)} by their own rules (START)")
    words += f": {'; '.join(said)}" if said else ": each clause fits some, all together fit none"
    return Cause("no-machine", words, "correct the pilots' requirements, or what they ask for", "us")


def _all_or(n: int, of: int) -> str:
    return f"all {n}" if n == of > 1 else str(n)


def _lost(group: HeldGroup) -> Cause:
    kind = kind_of_group(group)
    told = "dropped by the schedd in the last hour"
    words = f"{count(group.count, 'pilot')} {told}"
    if kind.code == "held-other":
        todo = "read the reason; `condor_history` on the schedd shows more"
        return Cause("pilots-dropped", words, todo, "us", group.since, blocks=False, example=group.reason)
    return Cause(kind.code, f"{words}: {kind.words}", kind.next, kind.who, group.since,
                 example=group.reason, shared=f"pilots {told}: {kind.words}")  # fmt: skip


def _failed(f: Failed, fared: Fared | None) -> Cause:
    words = f"{f.count} of the last {f.ended} pilots that ended have failed: {f.how} after {span(f.wall)}"
    if f.why:
        words += f"; they say: {f.why}"
    todo = f"read what one of them wrote: {f.output}" if f.output else "look at the output of one of them"
    if f.hosts:
        words += f"; on {', '.join(f.hosts)} none did well"
        todo += "; tell the site of these nodes, or list them in the wrapper's `blacklist`"
    words += _wasted(fared)
    # those that ran for long did their work, and it failed
    return Cause("pilots-fail", words, todo, blocks=f.wall < SHORT, example=f.quote)


def _wasted(fared: Fared | None) -> str:
    if fared is None or fared.wasted_hours < WASTED:
        return ""
    return f"; {fared.wasted_hours:.1f} hours of slots wasted in the last hour"


def _empty(e: Empty, fared: Fared | None, ready: int, where: str) -> Cause:
    words = (
        f"{e.count} of the last {e.ended} pilots that ended found no work, after {span(e.wall)}, with "
        f"{count(ready, 'job')} ready for {where}: these match no such pilot, or are not given to it"
    )
    words += _wasted(fared)
    todo = "compare what the jobs ask for (label, cores, memory, requirements) with what these pilots offer"
    if e.output:
        todo += f"; one of them wrote {e.output}"
    return Cause("pilots-empty", words, todo, "work", example="; ".join(e.jobs))


def _unmoved(u: Unmoved, where: str) -> Cause:
    words = (
        f"{count(u.count, 'pilot')} ended well, after {span(u.wall)}, and no work of {where} in the WMS was "
        f"taken or done: {u.ready} ready, {u.running} running"
    )
    todo = "see whether the WMS gives work to such pilots (version, label, credential), or refuses them"
    if u.output:
        todo += f"; one of them wrote {u.output}"
    return Cause("pilots-move-nothing", words, todo, "work", u.since)


def _held(group: HeldGroup) -> Cause:
    kind = kind_of_group(group)
    words = f"{count(group.count, 'pilot')} held: {kind.words}"
    return Cause(kind.code, words, kind.next, kind.who, group.since,
                 example=group.reason, shared=f"pilots held: {kind.words}")  # fmt: skip
