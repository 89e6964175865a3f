"""Configurations that are well formed and still not meant: what `check` says beyond single options."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from autopyfactory.check.glidein import token_left_behind
from autopyfactory.check.order import undoings
from autopyfactory.check.profiles import spoilt
from autopyfactory.check.submission import refused
from autopyfactory.check.tokens import exposed
from autopyfactory.check.trial import MANY, Trial
from autopyfactory.config.model import Configuration, QueueConfig
from autopyfactory.credentials.pilotfiles import of_credentials
from autopyfactory.model.decision import declaration_of
from autopyfactory.model.text import count
from autopyfactory.options.common import QueueOptions
from autopyfactory.options.declare import family, find, specs
from autopyfactory.options.problem import Problem, Severity
from autopyfactory.plugins.batchsubmit.pilotwrapper import recipe
from autopyfactory.plugins.places import uncounted
from autopyfactory.wrapper.compose import Parts, RecipeError

FLOOD = 100_000  # pilots in one cycle that nobody can mean


def inspect(configuration: Configuration, *, files: bool = True) -> list[Problem]:
    """Return what is doubtful about the queues that are enabled; `files` looks at this machine's files."""
    queues = [q for q in configuration.queues.values() if q.options.enabled]
    chains: dict[tuple[Any, ...], list[Problem]] = {}
    found: list[Problem] = []
    places: dict[tuple[Any, ...], list[QueueConfig]] = {}
    executables: dict[str, Problem | None] = {}
    described: list[tuple[Trial, Mapping[str, str]]] = []
    users: dict[str, set[str]] = {}  # by credential profile: the CEs that pilots are sent to with it
    for queue in queues:
        trial = Trial.of(queue, configuration)
        found += _refusals(trial)
        found += _counted(trial)
        found += _chain(trial, chains)
        found += _work(queue)
        found += _credentials(queue, configuration)
        found += exposed(queue, files=files)
        if files:
            found += _identity(queue)
        wrapper = list(_wrapper(queue))
        found += wrapper
        if trial.submit is not None:
            if all(problem.severity != "error" for problem in wrapper):
                found += _pilot(trial, executables if files else None, described)
            for ce in trial.ces:
                places.setdefault(_place(trial, ce), []).append(queue)
            for profile in getattr(queue.batchsubmit.options, "auth", ()):
                users.setdefault(profile, set()).update(trial.ces)
    if files:  # like the files, HTCondor is this machine's
        found += refused(described)
        found += spoilt(configuration, users)
    found += _shared(places)
    found += _plugins(configuration, queues)
    found += _factory(configuration)
    if files:
        found += _folders(configuration)
    return found


def at(queue: QueueConfig, key: str, severity: Severity, message: str, hint: str | None = None) -> Problem:
    """Make a problem of `queue` at `key`, with its place and text if it is set."""
    value = queue.section.values.get(key)
    where = value.where if value else queue.section.where
    return Problem(severity, message, where, queue.name, key, value.text if value else None, hint)


def _counted(trial: Trial) -> Iterator[Problem]:
    why = next((why for submit, batch in trial.ways if (why := uncounted(submit, batch))), None)
    if why:
        hint = "a batch status plugin for where they are sent, and the same schedd for both"
        yield at(trial.queue, "batchstatusplugin", "error", why, hint)


def _refusals(trial: Trial) -> Iterator[Problem]:
    for plugin, reason in trial.refused.items():
        kind, _, name = plugin.partition(" ")
        yield at(trial.queue, f"{kind}plugin", "error", f"{name} does not take these options: {reason}")


# --- the chain ---------------------------------------------------------------------------------


def _chain(trial: Trial, known: dict[tuple[Any, ...], list[Problem]]) -> Iterator[Problem]:
    """Yield doubts about the chain; queues with equal chains are tried once."""
    rules = tuple((choice.cls, id(choice.options)) for choice in trial.queue.sched)
    identity = (rules, trial.queue.options.cores, trial.queue.options.memory_mb)
    if identity not in known:
        known[identity] = [
            *_idle_rules(trial),
            *_negatives(trial),
            *_undoings(trial),
            *_revivals(trial),
            *_floods(trial),
        ]
    for model in known[identity]:
        yield at(trial.queue, "schedplugin", model.severity, model.message, model.hint)


def _idle_rules(trial: Trial) -> Iterator[Problem]:
    for rule in trial.rules:
        if rule.idle:
            keys = [s.keys[0] for s in specs(type(rule.options)) if s.field in rule.declares.numbers]
            yield Problem("warning", f"{rule.name} does nothing", hint=f"set {' or '.join(keys)}")


def _negatives(trial: Trial) -> Iterator[Problem]:
    """Find negative numbers of pilots, which 2.4 takes too: seldom meant where they take pilots back."""
    for rule in trial.rules:
        for spec in specs(type(rule.options)):
            value = getattr(rule.options, spec.field)
            if spec.unit == "pilots" and isinstance(value, int) and value < 0 and rule.declaration.retires:
                words = f"{rule.name} with {value} takes pilots back whatever the work"
                yield Problem("warning", words, hint=f"if no limit is meant: leave {spec.keys[0]} unset")


def _undoings(trial: Trial) -> Iterator[Problem]:
    """Find rules that undo others, by what they declare; a rule that cannot be made is an error already."""
    for undoing in undoings(trial.rules):
        yield Problem("warning", undoing.words, hint=undoing.hint or None)


def _revivals(trial: Trial) -> Iterator[Problem]:
    """Find rules that send pilots to a site although an earlier rule holds for its status.

    Tried, not declared: it finds rules that declare nothing, too. Those that do have been told.
    """
    told = {(u.rule, name) for u in undoings(trial.rules) for name in u.undone}
    for holder in trial.rules:
        status = declaration_of(holder).status
        if status is None:
            continue
        decision = trial.decide(ready=0, status=status)
        names = [step.plugin for step in decision.steps] if decision is not None else []
        if decision is None or holder.name not in names:
            continue
        start = names.index(holder.name)
        n = decision.steps[start].n_out
        for step in decision.steps[start + 1 :]:
            if step.n_out > max(n, step.n_in):
                if (step.plugin, holder.name) not in told:
                    sends = f"sends {count(step.n_out, 'pilot')} to a site that is "
                    words = f"{step.plugin} behind {holder.name} {sends}"
                    hint = f"put {step.plugin} before {holder.name}"
                    yield Problem("warning", words + status, hint=hint)
                break


def _floods(trial: Trial) -> Iterator[Problem]:
    if any(rule.caps() for rule in trial.rules):
        return
    steady, first = trial.decide(ready=MANY, pending=1000), trial.decide(ready=MANY)
    hint = "add MaxPerCycle, MaxPending or MaxToRun, with its maximum"
    if steady is not None and steady.n >= FLOOD:
        yield Problem("warning", "nothing limits the number of pilots", hint=hint)
    elif first is not None and first.n >= FLOOD:
        message = "nothing limits the number of pilots while none is pending"
        yield Problem("warning", message, hint="add MaxPerCycle or MaxToRun, with its maximum")
    else:
        yield from _without_cap(trial)


def _without_cap(trial: Trial) -> Iterator[Problem]:
    """Yield a warning when pilots are still sent however many there are."""
    full = trial.decide(ready=MANY, running=MANY)
    if full is not None and full.n > 0:
        message = "no cap: work that is told wrongly, or grows without end, is answered with ever more pilots"
        hint = "add MaxToRun with its maximum, or MaxPerCE or MaxPerFactory"
        yield Problem("warning", message, hint=hint)


# --- work, credentials, pilots -------------------------------------------------------------------


def _work(queue: QueueConfig) -> Iterator[Problem]:
    needs = {need for choice in queue.sched for need in getattr(choice.cls, "needs", ())}
    source = queue.wmsstatus
    if "wms" in needs and source is not None and source.name != "Queue" and queue.options.wmsqueue is None:
        yield at(queue, "wmsqueue", "warning", "not set: whose work it is for cannot be told")


def _credentials(queue: QueueConfig, configuration: Configuration) -> Iterator[Problem]:
    options = queue.batchsubmit.options
    for spec in specs(type(options)):
        if not spec.keys[0].endswith((".auth", ".proxy", ".authprofile")):
            continue
        value = getattr(options, spec.field) or ()
        hit = find(spec, queue.section)
        for name in (value,) if isinstance(value, str) else value:
            if hit and "/" not in str(name) and name not in configuration.auth:
                known = ", ".join(sorted(configuration.auth)) or "it has none"
                yield at(
                    queue, hit[0], "error", f"there is no profile [{name}] in authConf", f"profiles: {known}"
                )


def _identity(queue: QueueConfig) -> Iterator[Problem]:
    """Yield the files with which the queue's WMS is asked that are not there."""
    if queue.wmsstatus is None:
        return
    options = queue.wmsstatus.options
    for spec in specs(type(options)):
        hit, path = find(spec, queue.section), getattr(options, spec.field)
        if not hit or not path or not hit[0].endswith((".certfile", ".keyfile", ".tokenfile")):
            continue
        if not os.access(path, os.R_OK):
            there = "cannot be read by this user" if os.path.exists(path) else "there is no such file"
            yield at(queue, hit[0], "error", there, "the WMS is asked with it")


def _wrapper(queue: QueueConfig) -> Iterator[Problem]:
    """Yield what keeps the queue's wrapper from being composed, each at the option that is to blame."""
    wanted = recipe(queue.options)
    if wanted is None:
        yield from _without_wrapper(queue)
        return
    try:
        Parts.of(wanted)
    except RecipeError as err:
        for fault in err.faults:
            yield at(queue, f"wrapper.{fault.part}", "error", fault.text, fault.hint)
    if queue.options.executable is not None:
        message = "not used: wrapper.payload composes the wrapper"
        inherited = "executable" in queue.section.inherited
        hint = "set executable = None in this section" if inherited else "drop one of the two"
        yield at(queue, "executable", "warning", message, hint)


def _without_wrapper(queue: QueueConfig) -> Iterator[Problem]:
    """Yield options for a composed wrapper that the queue's own section sets, and that nothing reads."""
    for spec in specs(QueueOptions):
        if not spec.keys[0].startswith("wrapper."):
            continue
        hit = find(spec, queue.section)
        keys = family(spec, queue.section).values() if spec.family else [hit[0]] if hit else []
        for key in keys:
            if key not in queue.section.inherited and queue.section.text(key):
                message = "not used: pilots run a file of their own, no composed wrapper"
                hint = "set wrapper.payload instead of executable, or drop it"
                yield at(queue, key, "warning", message, hint)


def _pilot(
    trial: Trial,
    executables: dict[str, Problem | None] | None,
    described: list[tuple[Trial, Mapping[str, str]]],
) -> Iterator[Problem]:
    description = trial.describe()
    if isinstance(description, str):
        message = f"{trial.queue.batchsubmit.name} cannot describe a pilot: {description}"
        yield at(trial.queue, "batchsubmitplugin", "error", message)
        return
    described.append((trial, description))
    executable = description.get("executable")
    if executable is None or executables is None:
        return
    if token := token_left_behind(trial.queue, description):
        message = f"the glidein is to join the pool with the token {token}, which does not travel with it"
        hint = "name the file in condor_attributes.transfer_input_files of the submit plugin"
        if any(PurePath(name).name == token for name in trial.queue.options.wrapper_files):
            hint += ": wrapper.files are not where the glidein looks, and wrappers may be cached"
        yield Problem("warning", message, trial.queue.section.where, trial.queue.name, hint=hint)
    for fault in of_credentials(description, datetime.now(UTC)):
        yield Problem("warning", fault.words, trial.queue.section.where, trial.queue.name)
    if trial.queue.options.wrapper_payloads:
        return  # it is written down when it is first needed
    if executable not in executables:
        executables[executable] = _executable(executable, description)
    model = executables[executable]
    if model is not None:
        yield at(trial.queue, "executable", model.severity, model.message, model.hint)


def _executable(path: str, description: Mapping[str, str]) -> Problem | None:
    if not path:
        return Problem("error", "not set: pilots have nothing to run", hint="the path of the wrapper")
    if description.get("transfer_executable", "True").lower() == "false" or "$" in path:
        return None  # a file of the site's, or known only at submission
    if not os.path.isfile(path):
        return Problem("error", "there is no such file on this machine")
    if not os.access(path, os.R_OK):
        return Problem("error", "cannot be read by this user")
    if not os.access(path, os.X_OK):
        return Problem("warning", "is not executable", hint="chmod +x")
    return None


# --- across queues ---------------------------------------------------------------------------------


def _place(trial: Trial, ce: str) -> tuple[Any, ...]:
    o, wms = trial.queue.options, trial.queue.wmsstatus
    source = (wms.name, repr(wms.options)) if wms else None  # as text: options may hold dictionaries
    return (ce, o.batchqueue, o.wmsqueue, source)


def _shared(places: Mapping[tuple[Any, ...], list[QueueConfig]]) -> Iterator[Problem]:
    for (ce, _, wmsqueue, source), queues in places.items():
        shares = all(any(c.cls.declares.part == "divides" for c in q.sched) for q in queues)
        if len(queues) < 2 or source is None or wmsqueue is None or shares:
            continue
        first = queues[0]
        for queue in queues[1:]:
            yield at(
                queue,
                "wmsqueue",
                "warning",
                f"same work and same CE ({ce}) as queue {first.name} ({first.section.where}): "
                "both send pilots for each job",
                "give them different batchqueue or wmsqueue, share the work by Share, or drop one",
            )


def _plugins(configuration: Configuration, queues: Iterable[QueueConfig]) -> Iterator[Problem]:
    """Ask plugin classes that have something to say about the whole: `check(configuration)`."""
    choices = (c for q in queues for c in (*q.sched, q.batchsubmit, q.wmsstatus, q.batchstatus) if c)
    for cls in dict.fromkeys(choice.cls for choice in choices):
        ask: Callable[[Configuration], Iterable[Problem]] | None = getattr(cls, "check", None)
        if ask is None:
            continue
        try:
            yield from ask(configuration)
        except Exception as err:  # noqa: BLE001 - a third party's check may raise anything
            yield Problem("warning", f"{cls.__name__}.check failed: {type(err).__name__}: {err}")


def _factory(configuration: Configuration) -> Iterator[Problem]:
    section = configuration.factory_section
    url = configuration.factory.base_log_dir_url
    if url.endswith("/"):
        where = section.values["baseLogDirUrl"].where
        yield Problem("warning", "must not end in a slash", where, section.name, "baseLogDirUrl", url)
    if not configuration.queues and not configuration.broken:
        hint = "name the files with queueConf or queueDirConf"
        yield Problem("warning", "there is no queue", section.where, section.name, "queueConf", None, hint)


def _folders(configuration: Configuration) -> Iterator[Problem]:
    """Yield folders of the factory that are there and closed to this user; others are made by the factory."""
    section = configuration.factory_section
    kept = {"baseLogDir": configuration.factory.base_log_dir, "statedir": configuration.factory.state_dir}
    for key, path in kept.items():
        folder = os.path.expanduser(path)
        if os.path.isdir(folder) and not os.access(folder, os.W_OK | os.X_OK):
            value = section.values.get(key)
            where = value.where if value else section.where
            hint = "run check as the user of the factory, or give the folder to that user"
            message = "cannot be written to by this user"
            yield Problem("warning", message, where, section.name, key, value.text if value else path, hint)
