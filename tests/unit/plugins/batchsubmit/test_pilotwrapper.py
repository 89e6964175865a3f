"""The wrapper that a queue composes: what its pilots are sent with, and how long it lies on disk."""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.model.reporttoken import Bearer, bearer
from autopyfactory.options.binding import bind
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import QueueContext, Shared
from autopyfactory.plugins.batchsubmit import wrapperstore
from autopyfactory.plugins.batchsubmit.condorlocal import CondorLocal
from autopyfactory.plugins.batchsubmit.exec import Exec
from autopyfactory.plugins.batchsubmit.pilotwrapper import KEPT, PilotWrapper, carries_panda, report_tokens
from autopyfactory.wrapper.compose import RecipeError
from patience import PATIENCE, until

NOW = datetime(2026, 11, 28, tzinfo=UTC)


def context(state: Path, **options: Any) -> QueueContext:
    given = {
        "enabled": True,
        "sched": ("Null",),
        "batchsubmit": "X",
        "wrapper_payloads": ("command",),
        **options,
    }
    factory = FactoryOptions(factory_id="f", base_log_dir=str(state / "logs"), state_dir=str(state))
    return QueueContext("Q", QueueOptions(**given), factory)


def local(state: Path, environ: str | None = None, **options: Any) -> CondorLocal:
    texts = {"batchsubmit.condorlocal.environ": environ} if environ else {}
    bound, problems = bind(CondorLocal.Options, Section.from_texts("Q", texts))
    assert bound is not None, problems
    return CondorLocal(bound, context(state, **options))


def test_pilots_are_sent_with_the_wrapper_and_its_digest(tmp_path: Path) -> None:
    description = local(tmp_path).describe("tag", NOW)
    executable = Path(description["executable"])
    [digest] = re.findall(r"APF_WRAPPER_SHA256=([0-9a-f]{64})", description["environment"])
    assert description["+ApfWrapper"] == f'"{digest}"'
    assert executable.name == f"apf-wrapper-{digest[:12]}.sh"
    assert executable.is_relative_to(tmp_path / "wrappers")
    assert not executable.exists()  # to describe is not to send


def test_a_queue_that_names_a_file_sends_that(tmp_path: Path) -> None:
    description = local(tmp_path, wrapper_payloads=(), executable="/w.sh").describe("tag", NOW)
    assert description["executable"] == "/w.sh"
    assert "ApfWrapper" not in str(description) and "APF_WRAPPER" not in description["environment"]


def test_settings_of_the_queue_travel_inside(tmp_path: Path) -> None:
    names = {
        Path(local(tmp_path, **options).describe("t", NOW)["executable"]).name
        for options in ({}, {"cores": 8}, {"memory_mb": 4000}, {"wrapper_hold": 5}, {"wrapper_lifetime": 60},
                        {"wrapper_tell_empty": True}, {"wmsqueue": "SITE"})
    }  # fmt: skip
    assert len(names) == 7


def test_changed_files_make_another_wrapper(tmp_path: Path) -> None:
    extra = tmp_path / "data.txt"
    extra.write_text("a")
    plugin = local(tmp_path, wrapper_files=(str(extra),))
    first = plugin.describe("t", NOW)["executable"]
    assert plugin.describe("t", NOW)["executable"] == first
    extra.write_text("b")
    os.utime(extra, (5, 5))
    assert plugin.describe("t", NOW)["executable"] != first
    extra.unlink()
    with pytest.raises(RecipeError, match=r"data\.txt cannot be read"):
        plugin.describe("t", NOW)


def test_it_is_written_once_and_kept_while_pilots_refer_to_it(tmp_path: Path) -> None:
    wrapper = PilotWrapper.of(context(tmp_path), "schedd@host:9618")
    assert wrapper is not None
    path = wrapper.keep(lambda digest: False)
    assert path.read_bytes() == wrapper.built().data and os.access(path, os.X_OK)
    old = time.time() - KEPT - 100
    used, idle = path.with_name("apf-wrapper-aaaaaaaaaaaa.sh"), path.with_name("apf-wrapper-bbbbbbbbbbbb.sh")
    for other in (used, idle):
        other.write_text("")
        os.utime(other, (old, old))
    os.utime(path, (old, old))
    assert wrapper.keep(lambda digest: digest == "a" * 12) == path
    assert sorted(path.parent.iterdir()) == sorted((path, used))
    assert path.stat().st_mtime > old + 100


def test_a_damaged_copy_is_replaced(tmp_path: Path) -> None:
    wrapper = PilotWrapper.of(context(tmp_path), "s")
    assert wrapper is not None
    path = wrapper.keep(lambda digest: False)
    path.write_bytes(path.read_bytes()[:100])
    assert wrapper.keep(lambda digest: False).read_bytes() == wrapper.built().data


def test_names_and_digests() -> None:
    assert wrapperstore.digest_of(Path("/x/apf-wrapper-0123456789ab.sh")) == "0123456789ab"


def test_exec_starts_the_composed_wrapper(tmp_path: Path) -> None:
    plugin = Exec(Exec.Options(), context(tmp_path, wrapper_options={"command.command": "true"}))
    sent = plugin.submit(1, "tag", PATIENCE)
    output = next((tmp_path / "logs").rglob("*.out"))
    until(lambda: "APF-SUMMARY" in output.read_text(), "the pilot's end")
    assert sent.count == 1 and '"outcome":"ok"' in output.read_text()
    plugin.cleanup(1)


# --- PanDA -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "is_so"),
    [
        ({}, False),
        ({"wrapper_payloads": ("panda",)}, True),
        ({"wrapper_payloads": ("command", "rc=panda")}, True),
        ({"wrapper_payloads": (), "wmsstatus": "PandaUPS"}, True),
        ({"wrapper_payloads": (), "wmsstatus": "Condor"}, False),
    ],
)
def test_pilots_of_panda(tmp_path: Path, options: dict[str, Any], is_so: bool) -> None:
    assert carries_panda(context(tmp_path, **options).queue_options) is is_so
    if options.get("wrapper_payloads") != ():
        return
    environment = local(tmp_path, executable="/w.sh", **options).describe("t", NOW)["environment"]
    ours = "HARVESTER_ID=f HARVESTER_WORKER_ID=$(Cluster)$INT(Process,%02d)"
    assert (ours in environment) is is_so


def test_who_sets_worker_numbers_himself_has_them(tmp_path: Path) -> None:
    environ = "HARVESTER_ID=mine HARVESTER_WORKER_ID=7"
    text = local(tmp_path, environ, wrapper_payloads=(), wmsstatus="Panda").describe("t", NOW)["environment"]
    assert text.count("HARVESTER_ID=") == 1 and "HARVESTER_ID=mine" in text


# --- tokens with which pilots report ---------------------------------------------------------------------


def reporting(state: Path, **options: Any) -> CondorLocal:
    given = context(state, **{"wrapper_report": "http://127.0.0.1:28528/", **options})
    bound, problems = bind(CondorLocal.Options, Section.from_texts("Q", {}))
    assert bound is not None, problems
    return CondorLocal(bound, replace(given, shared=Shared(report_key=b"k" * 32)))


def test_each_pilot_of_a_submission_has_a_token_of_its_own(tmp_path: Path) -> None:
    plugin = reporting(tmp_path)
    description = plugin.describe("tag", NOW)
    assert "APF_REPORT_TOKEN=$CHOICE(Process,apf_report_tokens)" in description["environment"]
    assert description["apf_report_tokens"] == "none"  # the record of a submission holds no secret
    tokens = report_tokens(plugin.context, "tag", 3)
    assert [bearer(b"k" * 32, token, time.time()) for token in tokens] == [Bearer("tag", n) for n in range(3)]


@pytest.mark.parametrize(
    "options", [{"wrapper_report": None}, {"wrapper_payloads": (), "executable": "/bin/true"}]
)
def test_pilots_that_do_not_report_have_none(tmp_path: Path, options: dict[str, Any]) -> None:
    plugin = reporting(tmp_path, **options)
    assert "apf_report_tokens" not in plugin.describe("tag", NOW)
    assert report_tokens(plugin.context, "tag", 3) == []
    assert "APF_REPORT" not in local(tmp_path, wrapper_report="http://x/").describe("tag", NOW)["environment"]
