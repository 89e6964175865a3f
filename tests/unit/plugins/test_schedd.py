import pytest

from autopyfactory.condor.target import Target
from autopyfactory.options.binding import bind
from autopyfactory.options.declare import specs
from autopyfactory.options.section import Section
from autopyfactory.plugins.schedd import ScheddOptions
from autopyfactory.plugins.wmsstatus.condor import CondorOptions

KEY = "batchstatus.condor"


def target(**keys: str) -> Target:
    options, problems = bind(
        ScheddOptions, Section.from_texts("Q", {f"{KEY}.{k}": v for k, v in keys.items()})
    )
    assert options is not None, [str(p) for p in problems]
    return options.target()


@pytest.mark.parametrize(
    ("keys", "schedd", "collector"),
    [
        ({}, None, None),
        ({"schedd": "localhost", "collector": "localhost"}, None, None),
        ({"schedd": "ap", "collector": "cm"}, "ap", "cm"),
        ({"scheddhost": "ap", "collectorhost": "cm", "collectorport": "9620"}, "ap", "cm:9620"),
        ({"collector": "cm:9618", "collectorport": "9620"}, None, "cm:9618"),
        ({"collector": "2001:db8::1", "collectorport": "9620"}, None, "[2001:db8::1]:9620"),
        ({"collector": "127.0.0.1", "collectorport": "9620"}, None, "127.0.0.1:9620"),
        ({"collector": "cm:9618?sock=collector"}, None, "cm:9618?sock=collector"),
        ({"collector": "<127.0.0.1:9618?sock=c>"}, None, "<127.0.0.1:9618?sock=c>"),
        ({"queryargs": "-name ap -pool cm"}, "ap", "cm"),
        ({"queryargs": "-name ap -pool cm", "schedd": "other"}, "other", "cm"),
    ],
)
def test_the_schedd_that_options_name(
    keys: dict[str, str], schedd: str | None, collector: str | None
) -> None:
    assert target(**keys) == Target(schedd, collector)


@pytest.mark.parametrize("text", ["https://cm/", "cm:", "cm:99999", "a,b", "<cm:x>"])
def test_a_collector_that_cannot_be_is_refused(text: str) -> None:
    options, (problem,) = bind(ScheddOptions, Section.from_texts("Q", {f"{KEY}.collector": text}))
    assert options is None
    assert problem.key == f"{KEY}.collector"


def test_a_pool_in_queryargs_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a port"):
        target(queryargs="-pool cm:99999")


def test_users_schedd_has_the_same_options_under_its_own_name() -> None:
    pilots = {k for s in specs(ScheddOptions) for k in s.keys + s.legacy}
    users = {k for s in specs(CondorOptions) for k in s.keys + s.legacy}
    assert {k.replace("batchstatus.", "wmsstatus.") for k in pilots} < users
    assert not any(k.startswith("batchstatus") for k in users)
