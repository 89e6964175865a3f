"""The test of `autopyfactory/x/y.py` is `tests/unit/x/test_y.py`: who changes one finds the other.

What is not so is listed here, with the reason.
"""

from __future__ import annotations

from pathlib import Path

UNIT = Path(__file__).parent
PACKAGE = UNIT.parents[1] / "autopyfactory"
LARGE = 60  # lines from which on a module without a test of its own must have a reason

# Tests of what no module holds alone.
ACROSS = {
    "test_mirror.py": "this one",
    "test_patience.py": "how all tests wait",
    "cli/test_commands.py": "commands that are asked one after the other of one running factory",
    "cli/test_small_start.py": "what small commands may import",
    "cli/test_wrong_names.py": "names that do not exist, given to every command",
    "config/test_fuzz.py": "whatever files hold, through all of config/",
    "daemon/test_service_files.py": "misc/: unit, init script, logrotate, sysusers",
    "simulate/test_workloads.py": "all of simulate/workloads/",
    "plugins/batchsubmit/test_pages.py": "docs/targets: their configurations load",
    "plugins/batchsubmit/test_takeback.py": "which pilots are taken back, and in which order",
    "plugins/sched/test_declarations.py": "what each rule declares about itself",
    "plugins/sched/test_life_limits.py": "three rules with one table of numbers",
    "plugins/sched/test_properties.py": "what holds for every chain of rules",
    "plugins/sched/test_takeback.py": "which pilots a chain means with a negative number",
    "plugins/sched/test_vectors.py": "the arithmetic of 2.4, rule by rule, as it was measured there",
    "why/test_any_record.py": "a story comes of any record",
    "wrapper/test_end.py": "wrapper/payloads/glidein.sh: how it ends",
    "wrapper/test_payload_panda.py": "wrapper/payloads/panda.sh, and archives of command.sh",
    "wrapper/test_options.py": "wrapper/payloads/glidein.sh: its options",
    "wrapper/test_checks.py": "wrapper/checks/: on nodes as they are and as they should not be",
    "wrapper/test_pilot.py": "wrapper/main.sh: a pilot from start to end",
    "wrapper/test_reports.py": "wrapper/lib/report.sh and send.sh",
    "wrapper/test_shell.py": "wrapper/: all its shell code",
}
# Tests of what lies outside the package.
OUTSIDE = ("bin/", "docs/")
# Modules of more than LARGE lines without a test of their own, and which test (below tests/) runs them.
COVERED = {
    "api/breakers": "unit/cli/test_breakers.py",
    "breakers/options": "unit/cli/test_breakers.py",
    "accounting/driver": "unit/cycle/test_cycle.py",
    "accounting/protocol/accounts": "simulation/test_schedules.py",
    "accounting/protocol/sending": "simulation/test_schedules.py",
    "accounting/requests": "simulation/test_schedules.py",
    "plugins/batchstatus/exec": "grid/test_demo.py",
    "cycle/components": "unit/cycle/test_ways.py",
    "factory/assembly": "unit/factory/test_factory.py",
    "plugins/auth/files": "unit/plugins/auth/test_x509.py",
    "plugins/auth/oidc": "unit/plugins/auth/test_token.py",
    "plugins/auth/proxyoptions": "unit/plugins/auth/test_x509.py",
    "plugins/auth/tokenoptions": "unit/plugins/auth/test_token.py",
    "plugins/processes": "grid/test_demo.py",
    "sources/place": "unit/cycle/test_cycle.py",
    "cli/pilotplaces": "faults/test_book.py",
    "api/credentials": "unit/cli/test_credentials.py",
    "cli/confoption": "unit/cli/test_main.py",
    "cli/simulatework": "unit/cli/test_simulate.py",
    "cli/cric": "unit/plugins/queueconfig/test_cric.py",
    "cli/statustable": "unit/cli/test_status.py",
    "api/probes": "unit/cli/test_probe.py",
    "cli/onboard": "grid/test_probe.py",
    "factory/probes": "unit/cli/test_probe.py",
    "cli/sitelooks": "grid/test_site_check.py",
    "check/sites": "grid/test_site_check.py",
    "cli/why": "unit/cli/test_commands.py",
    "condor/dryrun": "grid/test_check_submission.py",
    "condor/errors": "unit/condor/test_diagnosis.py",
    "condor/process": "unit/condor/test_caller.py",
    "config/children": "unit/config/test_alternatives.py",
    "config/difftext": "unit/config/test_diff.py",
    "config/dump": "unit/cli/test_config_cmd.py",
    "config/effective": "unit/config/test_build.py",
    "config/factory": "unit/config/test_build.py",
    "config/legacy": "unit/config/test_keys.py",
    "config/model": "unit/config/test_build.py",
    "config/parts": "unit/config/test_build.py",
    "config/queues": "unit/config/test_build.py",
    "config/reference": "unit/cli/test_config_cmd.py",
    "config/referencepages": "unit/cli/test_config_cmd.py",
    "config/starter": "unit/cli/test_config_cmd.py",
    "control/protocol": "unit/control/test_server.py",
    "cric/agis": "unit/plugins/queueconfig/test_cric.py",
    "cric/store": "unit/plugins/queueconfig/test_cric.py",
    "cycle/inputs": "unit/cycle/test_cycle.py",
    "cycle/sender": "unit/cycle/test_cycle.py",
    "daemon/ownership": "unit/daemon/test_privileges.py",
    "daemon/pidfile": "unit/daemon/test_detach.py",
    "daemon/service": "unit/daemon/test_signals.py",
    "external/deadline": "unit/external/test_http.py",
    "notify/digest": "unit/notify/test_mail.py",
    "notify/monitors": "unit/factory/test_factory.py",
    "notify/trends": "unit/api/test_rows.py",
    "options/common": "unit/config/test_keys.py",
    "options/declare": "unit/options/test_binding.py",
    "plugins/base": "unit/plugins/sched/test_declarations.py",
    "plugins/batchstatus/condorhistory": "grid/test_factory_history.py",
    "plugins/batchsubmit/condordescription": "unit/plugins/batchsubmit/test_condorbase.py",
    "plugins/batchsubmit/condoroptions": "unit/plugins/batchsubmit/test_condorbase.py",
    "plugins/batchsubmit/exec": "unit/testing/test_plugin.py",
    "plugins/sched/forecast": "unit/plugins/sched/test_adaptive.py",
    "plugins/sched/maxpending": "unit/plugins/sched/test_vectors.py",
    "plugins/wmsstatus/pandademand": "unit/plugins/wmsstatus/test_pandaups.py",
    "plugins/wmsstatus/pandaserver": "unit/plugins/wmsstatus/test_panda.py",
    "plugins/wmsstatus/pandasites": "unit/plugins/wmsstatus/test_panda.py",
    "plugins/wmsstatus/pandastatistics": "unit/plugins/wmsstatus/test_panda.py",
    "plugins/wmsstatus/restpresets": "unit/plugins/wmsstatus/test_rest.py",
    "plugins/wmsstatus/slurm": "faults/test_sources_local.py",
    "simulate/jobs": "unit/simulate/test_world.py",
    "simulate/picture": "unit/cli/test_simulate.py",
    "simulate/pilots": "unit/simulate/test_world.py",
    "simulate/workloads/developing": "unit/simulate/test_workloads.py",
    "simulate/workloads/judging": "unit/simulate/test_workloads.py",
    "testing/batchsubmit": "unit/testing/test_plugin.py",
    "testing/monitor": "unit/testing/test_plugin.py",
    "testing/queueconfig": "unit/testing/test_plugin.py",
    "why/causes": "unit/why/test_explain.py",
    "why/chain": "unit/why/test_explain.py",
    "why/model": "unit/why/test_any_record.py",
    "web/pilotlooks": "unit/web/test_pages.py",
    "wrapper/modules": "unit/wrapper/test_compose.py",
    "wrapper/rules": "unit/wrapper/test_compose.py",
}


def modules() -> set[str]:
    return {str(p.relative_to(PACKAGE).with_suffix("")) for p in PACKAGE.rglob("*.py")}


def modules_of_tests() -> dict[str, str]:
    """Return the module that each test should be of, by the test's path."""
    found = {}
    for path in UNIT.rglob("test_*.py"):
        name = path.relative_to(UNIT)
        found[str(name)] = str(name.with_name(path.stem.removeprefix("test_")))
    return found


def test_every_test_has_its_module_or_is_named_here() -> None:
    known = modules()
    alone = {
        t for t, module in modules_of_tests().items() if module not in known and not t.startswith(OUTSIDE)
    }
    assert alone - set(ACROSS) == set(), "move it to where its module is, or say why not"
    assert set(ACROSS) - alone == set(), "named without need"


def test_every_large_module_has_its_test_or_is_named_here() -> None:
    tested = set(modules_of_tests().values())
    large = {
        m
        for m in modules() - tested
        if len((PACKAGE / f"{m}.py").read_text().splitlines()) > LARGE and not m.endswith("__init__")
    }
    assert large - set(COVERED) == set(), "write its test, or name the one that runs through it"


def test_what_is_named_here_exists() -> None:
    tests = UNIT.parent
    assert [t for t in COVERED.values() if not (tests / t).is_file()] == []
