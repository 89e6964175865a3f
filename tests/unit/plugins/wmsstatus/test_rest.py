import ssl

import pytest

from autopyfactory.model.info import WMSQueueInfo
from autopyfactory.options.binding import bind
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import SourceError
from autopyfactory.plugins.wmsstatus.rest import REST, RESTOptions
from servers import certificates, rest
from servers.base import HttpServer, Reply
from servers.context import context
from servers.sources import bound


class Any(HttpServer):
    def __init__(self, value):
        super().__init__()
        self.value = value

    def answer(self, request):
        return Reply.of(self.value)


def source(url, wmsqueue="A", **texts):
    texts = {f"wmsstatus.rest.{k.replace('__', '.')}": v for k, v in texts.items()}
    return bound(REST, context(wmsqueue=wmsqueue), **{"wmsstatus.rest.url": url, **texts})


def ready(plugin, *queues):
    """Poll once and tell the ready work of `queues` as plugins for them see it."""
    status = plugin.fetch()
    found = []
    for queue in queues:
        texts = {"preset": plugin.options.preset} if plugin.options.preset else {}
        info = source(plugin.options.url, queue, **texts).queue_info(status)
        found.append(None if info is None else info.ready)
    return found


@pytest.fixture
def token(tmp_path):
    path = tmp_path / "token"
    path.write_text("good\n")
    return str(path)


@pytest.mark.parametrize(
    ("value", "texts", "expected"),
    [
        ({"A": {"ready": 2, "running": 1}}, {}, WMSQueueInfo(ready=2, running=1)),
        ({"A": 7}, {}, WMSQueueInfo(ready=7)),
        ({"data": {"queues": {"A": {"Q": 2}}}}, {"counts": "data.queues", "status__Q": "ready"}, None),
        ([{"q": "A", "n": 2}, {"q": "A", "n": 3}], {"queue": "q", "number": "n"}, WMSQueueInfo(ready=5)),
        ([{"queue": "A"}, {"queue": "B"}, {"queue": "A"}], {"queue": "queue"}, WMSQueueInfo(ready=2)),
        (
            [{"q": ["A", "B"], "n": 2}, {"q": "*", "n": 3}],
            {"queue": "q", "number": "n"},
            WMSQueueInfo(ready=5),
        ),
        (
            {"jobs": [{"q": "A", "s": "R"}, {"q": "A", "s": "held"}]},
            {
                "counts": "jobs",
                "queue": "q",
                "statusof": "s",
                "status__R": "running",
                "status__held": "notready",
            },
            WMSQueueInfo(running=1, notready=1),
        ),
        ({"ok": True, "n": {"A": 1}}, {"success": "ok", "counts": "n"}, WMSQueueInfo(ready=1)),
    ],
)
def test_maps_and_lists_are_read_by_expressions(value, texts, expected):
    with Any(value) as server:
        plugin = source(server.url, **texts)
        assert plugin.queue_info(plugin.fetch()) == (expected or WMSQueueInfo(ready=2))


@pytest.mark.parametrize(
    ("value", "texts", "told"),
    [
        ({"ok": False, "message": "database is away"}, {"success": "ok"}, "not a success .*database is away"),
        ({}, {"success": "ok"}, "not a success"),
        ({"A": {"ready": -1}}, {}, "negative"),
        ({"A": "many"}, {}, "not a number"),
        ({"a": 1}, {"counts": "nothing.here"}, "neither a map nor a list"),
        ([{"q": "A"}], {"queue": "nosuch"}, "an item without queue"),
        ([{"q": "A"}], {"queue": "q", "number": "n"}, "None is not a number"),
        ({"A": 1}, {"counts": "length(A)"}, "does not fit the answer"),
    ],
)
def test_what_does_not_fit_is_no_answer(value, texts, told):
    with Any(value) as server, pytest.raises(SourceError, match=told):
        source(server.url, **texts).fetch()


def test_broken_expressions_and_unknown_counts_are_configuration_errors():
    for key, value in {"counts": "a[", "success": "(", "status.X": "rady"}.items():
        texts = {"wmsstatus.rest.url": "http://127.0.0.1", f"wmsstatus.rest.{key}": value}
        options, problems = bind(RESTOptions, Section.from_texts("Q", texts))
        assert options is None
        assert "JMESPath" in problems[0].message or "no such count" in problems[0].message


def test_dirac_counts_the_task_queues_a_site_could_match():
    with rest.Dirac() as server:
        plugin = source(server.url, preset="dirac")
        assert ready(plugin, "LCG.CERN.ch", "LCG.RAL.uk", "LCG.PIC.es") == [14, 9, 2]
        server.queues = {}
        assert ready(plugin, "LCG.CERN.ch") == [0]
        server.ok = False
        with pytest.raises(SourceError, match="Can't connect to TaskQueueDB"):
            plugin.fetch()


def test_dirac_with_a_certificate(tmp_path):
    certs = certificates.make(tmp_path)
    with rest.Dirac(certs.server(ssl.CERT_REQUIRED)) as server:
        plugin = source(server.url, preset="dirac", capath=certs.ca_file, certfile=certs.client)
        assert plugin.fetch().queues["LCG.CERN.ch"].ready == 12
        assert server.requests[0].client_cert


def test_diracx_waiting_jobs_by_site(token):
    with rest.DiracX() as server:
        plugin = source(server.url, preset="diracx", tokenfile=token)
        assert ready(plugin, "LCG.CERN.ch", "LCG.RAL.uk") == [15, 3]
        server.summary = []
        assert ready(plugin, "LCG.CERN.ch") == [0]
        server.token = "other"
        with pytest.raises(SourceError, match=r"401.*Invalid JWT"):
            plugin.fetch()


def test_slurmrestd_pending_jobs_that_could_run(tmp_path):
    (tmp_path / "jwt").write_text("jwt")
    with rest.SlurmRest() as server:
        texts = {"tokenfile": str(tmp_path / "jwt"), "header__X-SLURM-USER-NAME": "pilot"}
        plugin = source(server.url, preset="slurmrestd", **texts)
        status = plugin.fetch()
        assert status.queues["grid"] == WMSQueueInfo(ready=6, notready=1, running=1)
        assert server.requests[0].headers["X-SLURM-USER-NAME"] == "pilot"
        server.errors = [{"error": "Unable to contact slurm controller"}]
        with pytest.raises(SourceError, match="Unable to contact"):
            plugin.fetch()


def test_kubernetes_unschedulable_pods_over_all_pages(token):
    with rest.Kubernetes() as server:
        plugin = source(server.url, preset="kubernetes", tokenfile=token)
        assert plugin.fetch().queues == {
            "a": WMSQueueInfo(ready=2, notready=1),
            "gpu": WMSQueueInfo(ready=1),
            "b": WMSQueueInfo(notready=1),
        }
        assert len(server.requests) == 3
        server.expired = True
        with pytest.raises(SourceError, match="410"):
            plugin.fetch()
        server.pods = []
        assert ready(plugin, "a") == [0]


def test_endless_pages_are_given_up():
    class Endless(Any):
        def answer(self, request):
            return Reply.of({"A": 1, "next": "again"})

    with Endless(None) as server, pytest.raises(SourceError, match="more than 1000 pages"):
        source(server.url, next="next", nextparam="p", counts="{A: A}").fetch()


def test_a_preset_gives_way_to_what_the_queue_says():
    with rest.Dirac() as server:
        plugin = source(server.url, "lhcb_user", preset="dirac", queue="OwnerGroup")
        assert plugin.queue_info(plugin.fetch()).ready == 7


def test_queues_with_different_questions_do_not_share():
    keys = {
        source("http://127.0.0.1:1").source_key(),
        source("http://127.0.0.1:2").source_key(),
        source("http://127.0.0.1:1", preset="dirac").source_key(),
        source("http://127.0.0.1:1", header__X="1").source_key(),
        source("http://127.0.0.1:1", status__X="ready").source_key(),
        source("http://127.0.0.1:1", sleep="7").source_key(),
    }
    assert len(keys) == 6
    assert source("http://127.0.0.1:1", "A").source_key() == source("http://127.0.0.1:1", "B").source_key()
