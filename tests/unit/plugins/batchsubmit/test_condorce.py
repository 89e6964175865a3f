import pytest

from autopyfactory.options.binding import bind
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import QueueContext
from autopyfactory.plugins.batchsubmit.condorce import CondorCE, CondorCEOptions

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
