import pytest

from autopyfactory.options.binding import bind
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import QueueContext
from autopyfactory.plugins.batchsubmit.condorce import CondorCE, CondorCEOptions
from submitkit import described

KEY = "batchsubmit.condorce"


def resource(**keys: str) -> str:
    options, problems = bind(
        CondorCEOptions, Section.from_texts("Q", {f"{KEY}.{k}": v for k, v in keys.items()})
    )
    assert options is not None, [str(p) for p in problems]
    queue = QueueOptions(
        enabled=True, sched=("Null",), batchsubmit="CondorCE", executable="/w.sh", wmsqueue="W"
    )
    context = QueueContext("Q", queue, FactoryOptions(factory_id="f", base_log_dir="/logs"))
    return CondorCE(options, context).commands()["grid_resource"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"gridresource": "ce"}, "condor ce ce:9619"),
        ({"gridresource": "ce:9620"}, "condor ce ce:9620"),
        ({"gridresource": "ce", "port": "9621"}, "condor ce ce:9621"),
        ({"gridresource": "ce:9620", "port": "9621", "schedd": "s@ce"}, "condor s@ce ce:9620"),
        ({"gridresource": "2001:db8::1"}, "condor 2001:db8::1 [2001:db8::1]:9619"),
        ({"gridresource": "[2001:db8::1]:9620"}, "condor 2001:db8::1 [2001:db8::1]:9620"),
    ],
)
def test_the_ce_as_htcondor_wants_it(keys: dict[str, str], expected: str) -> None:
    assert resource(**keys) == expected


@pytest.mark.parametrize("text", ["https://ce/", "ce:", "ce:99999", "a,b", "ce/jobmanager-pbs", "a b"])
def test_what_is_no_ce_is_refused_where_it_is_written(text: str) -> None:
    options, (problem,) = bind(CondorCEOptions, Section.from_texts("Q", {f"{KEY}.gridresource": text}))
    assert options is None
    assert (problem.key, problem.value) == (f"{KEY}.gridresource", text)


def test_what_a_pilot_asks_for_in_the_words_of_routes() -> None:
    asked = {"cores": "8", "memory": "16000", "walltime": "90", "queue": "grid", "project": "atlas"}
    keys = {f"batchsubmit__{k}": v for k, v in asked.items()}
    d = described(CondorCE, batchsubmit__condorce__gridresource="ce", **keys)
    assert (d["+xcount"], d["+maxMemory"], d["+maxWallTime"]) == ("8", "16000", "90")  # cores, MB, minutes
    assert (d["+remote_queue"], d["+remote_BatchProject"]) == ('"grid"', '"atlas"')
    assert (d["request_cpus"], d["request_memory"]) == ("8", "16000")


def test_attributes_that_users_write_win() -> None:
    d = described(
        CondorCE,
        batchsubmit__condorce__gridresource="ce",
        batchsubmit__cores="8",
        **{"batchsubmit__condorce__condor_attributes__+xcount": "4"},
    )
    assert d["+xcount"] == "4"
