"""Is the site of a queue set up right? Asked of everything between a pilot's description and its CE.

Nothing is sent. What is asked follows the description, so that every plugin that sends through HTCondor is
looked at, ours or not: an HTCondor-CE is authenticated to as `condor_ping` does, ARC is asked over https,
hosts with a batch system over ssh, batch systems by their own commands.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from autopyfactory.check import shown
from autopyfactory.check.steps import LONGEST, Course, Found
from autopyfactory.check.trial import Trial
from autopyfactory.condor import dryrun
from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.errors import CondorError
from autopyfactory.condor.quoting import check_description
from autopyfactory.condor.target import Target
from autopyfactory.credentials import pilotfiles
from autopyfactory.external.http import Client, HttpError, Identity
from autopyfactory.external.nameservice import NoNameService, NoSuchHost, addresses
from autopyfactory.external.program import NotStarted, ProgramError, run
from autopyfactory.model.text import count, printable
from autopyfactory.why.holds import NOT_ACCEPTED, NOT_FOUND, SILENT, kind_of
from autopyfactory.why.probe import Door, door
from autopyfactory.why.schedds import target_of

ANCHORS = "/etc/grid-security/certificates"  # where arc_gahp looks for authorities
BATCH = {"slurm": ("sbatch", "squeue"), "pbs": ("qsub", "qstat"), "lsf": ("bsub", "bjobs"),
         "sge": ("qsub", "qstat")}  # fmt: skip
INSTALL = "set the host up with `condor_remote_cluster --add`"
TELL_SITE = "tell the site, with this text"
UNTRUSTED = (  # HTCondor's text is the same
    "If pilots get in all the same, it is this user's HTCondor that does not trust the CE's certificate "
    "(AUTH_SSL_CLIENT_CAFILE)"
)


@dataclass(frozen=True, slots=True)
class Look:
    """One queue's site, and what was found there."""

    queue: str
    plugin: str
    ce: str
    course: Course


def look(trial: Trial) -> Look:
    """Look at the site of one queue; takes as long as its steps, each of which has a time limit."""
    course = Course()
    plugin = trial.queue.batchsubmit.name
    described: dict[str, str] = {}
    if trial.submit is None:
        why = "; ".join(trial.refused.values()) or "the submit plugin cannot be made"
        course.take("describe", lambda _: Found(why, "wrong", "us"))
        return Look(trial.queue.name, plugin, "", course)
    course.take("describe", lambda limit: _described(trial, described, limit))
    if not described:
        return Look(trial.queue.name, plugin, "", course)
    _Site(trial, described, course).look()
    return Look(trial.queue.name, plugin, trial.submit.ce, course)


def _described(trial: Trial, kept: dict[str, str], limit: float) -> Found:
    """Describe a pilot, as HTCondor reads it; what is found is left in `kept`."""
    made = trial.describe()
    if isinstance(made, str):
        return Found(f"no pilot can be described: {made}", "wrong", "us")
    kept.update(made)
    gone = [f.words for f in pilotfiles.of_plugin(trial.submit, datetime.now(UTC)) if not f.credential]
    if gone:
        return Found("; ".join(gone), "wrong", "us", "put the file there, or correct the queue's options")
    if "universe" not in made:
        return Found("a pilot can be described; it is none of HTCondor's")
    try:
        check_description(made)
        (refusal,) = dryrun.refusals([made])
    except (ProgramError, OSError) as err:
        return Found(f"HTCondor could not be asked about the description: {err}", "doubtful", "us")
    except ValueError as err:
        refusal = str(err)
    if refusal:
        return Found(f"HTCondor refuses such a submission: {refusal}", "wrong", "us", "correct the options")
    return Found("a pilot can be described, and HTCondor takes the description")


class _Site:
    """What is on the way from a description to its CE."""

    def __init__(self, trial: Trial, description: Mapping[str, str], course: Course):
        self._trial = trial
        self._description = description
        self._course = course
        self._resource = description.get("grid_resource", "").split()
        self._door = door(description.get("grid_resource", ""))

    def look(self) -> None:
        """Take the steps that such a description needs."""
        take = self._course.take
        if "universe" not in self._description:
            return
        if self._resource:
            take("credential", lambda _: self._credential())
        if (target := target_of(self._trial.queue)) is not None:
            take("access point", lambda limit: _access_point(target, limit), limit=20)
        if self._door is not None:
            place = self._door
            take("resolve", lambda limit: _resolved(place, limit), limit=10)
            take("connect", lambda limit: _connected(place, limit), "resolve", limit=10)
        self._special()

    def _special(self) -> None:
        take, place = self._course.take, self._door
        kind = self._resource[0].lower() if self._resource else ""
        if kind == "condor" and place is not None:
            take("find schedd", lambda limit: _found(self._client(place), place, limit), "connect")
            take("authenticate", lambda limit: _pinged(self._client(place), limit), "find schedd")
        elif kind == "arc" and place is not None:
            url = self._resource[1]
            take("authenticate", lambda limit: _arc(url, self._identity(), limit), "connect")
        elif kind == "ec2":
            take("keys", lambda _: _keys(self._description))
        elif kind == "batch" and place is not None:
            take("log in", lambda limit: _over_ssh(self._resource, limit), "connect")
        elif kind == "batch":
            partition = self._description.get("batch_queue", "")
            take("batch system", lambda limit: _batch(self._resource[1], partition, limit))
        elif not kind and (target := target_of(self._trial.queue)) is not None:
            take("machines", lambda limit: _machines(target, limit), "access point")

    def _credential(self) -> Found:
        place = self._door
        names = shown.names_of(place.host, place.port, place.schedd) if place else (self._trial.submit.ce,)
        kind = self._resource[0].lower()
        if kind in ("batch", "ec2", "gce", "azure"):
            return Found("none is shown by HTCondor itself; see the steps below")
        choice = self._trial.submit.credential(datetime.now(UTC))
        return shown.credential(self._description, choice, names)

    def _client(self, place: Door) -> CondorClient:
        return CondorClient(Target(place.schedd, place.collector, tuple(_shows(self._description))))

    def _identity(self) -> Identity:
        proxy = self._description.get(shown.PROXY)
        return Identity(
            ca=next((p for p in (os.environ.get("X509_CERT_DIR"), ANCHORS) if p and os.path.isdir(p)), None),
            cert=proxy,
            token_file=None if proxy else self._description.get(shown.TOKEN),
        )


def _shows(description: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the settings with which HTCondor shows the pilots' credential, and no other."""
    if token := description.get(shown.TOKEN):
        yield "SCITOKENS_FILE", token
        yield "SEC_CLIENT_AUTHENTICATION_METHODS", "SCITOKENS"
    elif proxy := description.get(shown.PROXY):
        yield "AUTH_SSL_CLIENT_CERTFILE", proxy
        yield "AUTH_SSL_CLIENT_KEYFILE", proxy
        yield "SEC_CLIENT_AUTHENTICATION_METHODS", "SSL"


def _access_point(target: Target, limit: float) -> Found:
    client = CondorClient(target)
    with contextlib.closing(client):
        try:
            there = client.locate(deadline=limit / 2)
            who = client.ping(deadline=limit / 2)
        except CondorError as err:
            kind = kind_of(str(err), place="submission")
            return Found(printable(str(err), LONGEST), "wrong", "us", kind.next)
    return Found(f"{there['Name']} (HTCondor {there['version']}) lets {who.user} write, by {who.method}")


def _resolved(place: Door, limit: float) -> Found:
    try:
        return Found(f"{place.host} is {', '.join(addresses(place.host, limit))}")
    except NoSuchHost as err:
        return Found(str(err), "wrong", "us", "correct the CE's name in the queue's options")
    except NoNameService as err:
        return Found(str(err), "wrong", "us", "see why this host's name service does not answer")


def _connected(place: Door, limit: float) -> Found:
    """Try all addresses of the host, as HTCondor and https do."""
    end, problem = time.monotonic() + limit, ""
    for address in addresses(place.host, limit):
        try:
            socket.create_connection((address, place.port), max(0.1, end - time.monotonic())).close()
        except OSError as err:
            problem = f"{address} port {place.port}: {err.strerror or err}"
        else:
            return Found(f"port {place.port} of {address} accepts connections")
    return Found(
        f"no connection to {problem}", "wrong", "site",
        "see whether the queue's options name this host and port rightly; if so, tell the site that the CE "
        "cannot be reached",
    )


def _found(client: CondorClient, place: Door, limit: float) -> Found:
    with contextlib.closing(client):
        try:
            there = client.locate(deadline=limit)
        except CondorError as err:
            text = printable(str(err), LONGEST)
            if "knows no schedd" in text:
                return Found(f"the CE's collector {text}", "wrong", NOT_FOUND.who, NOT_FOUND.next)
            kind = kind_of(text)
            return Found(text, "wrong", kind.who, kind.next)
    return Found(f"its collector knows the schedd {there['Name']} (HTCondor {there['version']})")


def _pinged(client: CondorClient, limit: float) -> Found:
    """Authenticate to the CE's schedd and ask whether it lets us submit; nothing is submitted."""
    with contextlib.closing(client):
        try:
            who = client.ping(deadline=limit)
        except CondorError as err:
            text = printable(str(err), LONGEST)
            kind = kind_of(text)
            if kind is SILENT:
                return Found(f"{kind.words}: {text}", "wrong", kind.who, kind.next)
            kind = kind if kind.code.startswith("credential") else NOT_ACCEPTED
            return Found(f"{kind.words}: {text}", "wrong", kind.who, f"{kind.next}. {UNTRUSTED}")
    return Found(f"it takes us for {who.user}, by {who.method}, and lets us submit")


def _arc(url: str, identity: Identity, limit: float) -> Found:
    """Ask for the service's information, which anybody may have, and for our jobs, which needs our name."""
    client = Client(timeout=limit / 2, max_bytes=8_000_000, identity=identity, tries=1)
    try:
        client.get(f"{url}/info")
        client.get(f"{url}/jobs", headers={"Accept": "application/json"})
    except HttpError as err:
        kind = kind_of(str(err))
        refused = err.status in (401, 403) or kind.code.startswith("credential")
        words = f"{NOT_ACCEPTED.words}: {err}" if refused else str(err)
        who, then = (NOT_ACCEPTED.who, NOT_ACCEPTED.next) if refused else ("site", TELL_SITE)
        return Found(printable(words, LONGEST), "wrong", who, then)
    finally:
        client.close()
    return Found("its REST interface answers, and tells us about our jobs")


def _keys(description: Mapping[str, str]) -> Found:
    """Read the files of an EC2 account's keys; whether the service takes them only a machine shows."""
    for what in ("ec2_access_key_id", "ec2_secret_access_key"):
        path = description.get(what, "")
        try:
            empty = not Path(path).read_bytes().strip()
        except OSError as err:
            return Found(f"{what}: {path} cannot be read: {err.strerror or err}", "wrong", "credentials")
        if empty:
            return Found(f"{what}: {path} is empty", "wrong", "credentials")
    return Found("both key files can be read; whether the service takes them a probe shows", "doubtful", "us")


def _over_ssh(resource: list[str], limit: float) -> Found:
    """Log in as remote_gahp would, and look for blahp and the batch system's commands."""
    kind, login, options = resource[1].lower(), resource[2], dict(pairwise(resource[3:]))
    host, _, port = login.partition(":")
    key = options.get("--rgahp-key") or "~/.ssh/bosco_key.rsa"
    folder = options.get("--rgahp-glite") or "bosco/glite"
    wanted = BATCH.get(kind, ())
    asked = " ".join(
        [
            *(f"command -v {name} >/dev/null || echo missing {name};" for name in wanted),
            f"test -x {shlex.quote(folder)}/bin/blahpd || test -x {shlex.quote(folder)}/bin/batch_gahp"
            " || echo missing blahp",
        ]
    )
    words = ["ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o"]
    words += [f"ConnectTimeout={max(1, int(limit / 2))}", "-i", os.path.expanduser(key)]
    words += [*(("-p", port) if port else ()), host, f"bash -l -c {shlex.quote(asked)}"]  # as remote_gahp
    try:
        said = run(words, limit).stdout.decode("utf-8", "replace").split("\n")
    except NotStarted as err:
        return Found(str(err), "wrong", "us", "install an ssh client")
    except ProgramError as err:
        text = printable(str(err), LONGEST)
        if "host key" in text.lower():
            return Found(
                text, "wrong", "us", "put the host's true key into known_hosts (ask the site for it)"
            )
        if "ermission denied" in text:
            return Found(text, "wrong", "credentials", "see the key, and the account there")
        return Found(text, "wrong", "site", TELL_SITE)
    missing = [line.removeprefix("missing ") for line in said if line.startswith("missing ")]
    if "blahp" in missing:
        return Found(f"we get in, and {folder} there has no blahp", "wrong", "us", INSTALL)
    if missing:
        text = f"we get in and find blahp; not on the PATH there: {', '.join(missing)}"
        return Found(text, "doubtful", "us", "see that blahp's own configuration there says where they are")
    return Found(f"we get in, and find blahp and {', '.join(wanted)}")


def _batch(kind: str, partition: str, limit: float) -> Found:
    """Look for the batch system's commands on this host; ask Slurm for its partitions."""
    wanted = BATCH.get(kind.lower(), ())
    missing = [name for name in wanted if shutil.which(name) is None]
    if missing:
        text = f"not on the PATH of this host: {', '.join(missing)}"
        return Found(text, "wrong", "us", "install them where the schedd runs; blahp calls them")
    if kind.lower() != "slurm" or shutil.which("sinfo") is None:
        return Found(f"{', '.join(wanted)} are here")
    try:
        told = run(["sinfo", "-h", "-o", "%R"], limit).stdout.decode("utf-8", "replace").split()
    except ProgramError as err:
        return Found(printable(str(err), LONGEST), "wrong", "site", TELL_SITE)
    if partition and partition not in told:
        there = ", ".join(told)
        return Found(
            f"it has no partition {partition}, but {there}", "wrong", "us", "correct batchsubmit.queue"
        )
    return Found(f"Slurm answers; its partitions are {', '.join(told)}")


def _machines(target: Target, limit: float) -> Found:
    client = CondorClient(target)
    with contextlib.closing(client):
        try:
            slots = client.slots(deadline=limit)
        except CondorError as err:
            return Found(printable(str(err), LONGEST), "wrong", "us")
    if not slots:
        return Found("the pool has no machine now", "doubtful", "site", "see why no startd has joined it")
    return Found(f"the pool has {count(slots, 'slot')}")
