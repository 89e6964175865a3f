import json
import logging
import ssl

import pytest
import requests

from autopyfactory.config.jobstates import PANDA
from autopyfactory.config.jobstates import Mapping as StatusMapping
from autopyfactory.model.info import SiteInfo, WMSQueueInfo
from autopyfactory.options.binding import bind
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import SourceError
from autopyfactory.plugins.wmsstatus import panda, pandaserver, pandasites, pandastatistics
from autopyfactory.plugins.wmsstatus.panda import Panda
from patience import PATIENCE
from servers import certificates
from servers.context import context
from servers.panda import PandaServer, Token
from servers.sources import bound

A = WMSQueueInfo(ready=30, notready=7, running=12)


@pytest.fixture
def server():
    with PandaServer() as it:
        yield it


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("certs"))


def source(server, queue="TEST_SITE_A", factory=None, mappings=None, **texts):
    texts = {k.replace("panda__", "wmsstatus.panda."): v for k, v in texts.items()}
    given = {"wmsstatus.panda.url": server.url, **texts}
    return bound(Panda, context(wmsqueue=queue, mappings=mappings), factory, **given)


def asked(server):
    return [r.path.removeprefix("/api/v1/") for r in server.requests]


def test_one_question_answers_for_all_queues(server):
    plugin = source(server, panda__sites="off")
    status = plugin.fetch()
    assert status.queues == {"TEST_SITE_A": A, "TEST_SITE_B": WMSQueueInfo(ready=4)}
    assert plugin.queue_info(status) == A
    assert asked(server) == [panda.DETAILED]


def test_site_absent_from_a_good_answer_is_zero_and_no_wmsqueue_is_unknown(server):
    status = source(server).fetch()
    assert source(server, "NO_JOBS_THERE").queue_info(status) == WMSQueueInfo()
    assert source(server, None).queue_info(status) is None


@pytest.mark.parametrize(
    ("selection", "ready"),
    [
        ({}, 30),
        ({"panda__labels": "managed"}, 25),
        ({"panda__labels": "user"}, 5),
        ({"panda__labels": "managed, user"}, 30),
        ({"panda__resourcetypes": "SCORE"}, 5),
        ({"panda__resourcetypes": "MCORE", "panda__labels": "managed"}, 25),
        ({"panda__resourcetypes": "MCORE", "panda__labels": "user"}, 0),
        ({"panda__labels": "ptest"}, 0),
    ],
)
def test_queues_of_one_poll_take_different_labels_and_types(server, selection, ready):
    status = source(server).fetch()
    plugin = source(server, **selection)
    assert plugin.source_key() == source(server).source_key()
    assert plugin.queue_info(status).ready == ready


def test_site_status_and_cloud_come_from_site_specs_of_all_types(server):
    plugin = source(server)
    status = plugin.fetch()
    assert plugin.site_info(status).status == "online"
    assert plugin.site_info(status).cloud == "US"
    assert plugin.site_info(status).attributes["capability"] == "ucore"
    assert source(server, "TEST_SITE_B").site_info(status).status == "test"
    assert source(server, "TEST_SITE_C").site_info(status).status == "offline"
    assert source(server, "NOWHERE").site_info(status) is None
    assert server.requests[1].query == {"type": ["all"]}
    plugin.fetch()
    assert asked(server).count(pandasites.SPECS) == 1  # sites change slowly


def test_counts_go_on_without_site_data_whose_age_has_a_limit(server, monkeypatch, caplog):
    now = [1000.0]
    monkeypatch.setattr(panda.time, "monotonic", lambda: now[0])
    plugin = source(server)
    assert plugin.site_info(plugin.fetch()).status == "online"
    server.state.sites = ["what is this"]
    monkeypatch.setattr(server, "_get_site_specs", lambda type: (False, "Database failure", {}))
    now[0] += 700
    status = plugin.fetch()
    assert plugin.queue_info(status) == A
    assert plugin.site_info(status).status == "online"
    assert "site status cannot be read" in caplog.text
    now[0] += 3600
    assert plugin.site_info(plugin.fetch()) is None


def test_a_success_without_any_site_is_a_server_without_its_database(server, monkeypatch, caplog):
    now = [1000.0]
    monkeypatch.setattr(panda.time, "monotonic", lambda: now[0])
    plugin = source(server)
    assert plugin.site_info(plugin.fetch()).status == "online"
    server.state.database = False
    now[0] += 600
    with pytest.raises(SourceError, match="with resource_type and prodsourcelabel"):
        plugin.fetch()
    statistics = server._statistics
    monkeypatch.setattr(server, "_statistics", lambda data, of="": (True, "", data))  # these work again
    status = plugin.fetch()
    assert plugin.site_info(status).status == "online", "what was known stays known"
    assert "no site in the answer" in caplog.text
    server.state.database = True
    monkeypatch.setattr(server, "_statistics", statistics)
    server.state.sites["TEST_SITE_A"]["status"] = "offline"
    now[0] += 61
    assert plugin.site_info(plugin.fetch()).status == "offline", "it is asked again after a minute"


@pytest.mark.parametrize("kind", ["file", "url"])
def test_site_status_from_schedconfig_or_cric(server, tmp_path, kind):
    records = {"TEST_SITE_A": {"status": "brokeroff", "cloud": "CERN", "queues": []}, "X": {"status": None}}
    (tmp_path / "schedconfig.all.json").write_text(json.dumps(records))
    where = str(tmp_path / "schedconfig.all.json")
    if kind == "url":
        from servers.base import HttpServer, Reply

        class Cache(HttpServer):
            def answer(self, request):
                assert "Authorization" not in request.headers  # the token is for PanDA only
                return Reply.of(records)

        cache = Cache().start()
        where = f"{cache.url}/cache/schedconfig/schedconfig.all.json"
    token = tmp_path / "token"
    token.write_text("good")
    server.state.tokens["good"] = Token()
    plugin = source(server, panda__sites=where, panda__tokenfile=str(token), panda__origin="atlas")
    status = plugin.fetch()
    assert status.sites == {"TEST_SITE_A": SiteInfo("brokeroff", "CERN")}
    assert pandasites.SPECS not in asked(server)
    if kind == "url":
        cache.stop()


def test_older_server_is_noticed_remembered_and_looked_at_again(server, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(panda.time, "monotonic", lambda: now[0])
    server.state.detailed = False
    plugin = source(server, panda__sites="off")
    status = plugin.fetch()
    assert plugin.queue_info(status) == A
    assert status.axes == {}
    now[0] += 60
    plugin.fetch()
    assert asked(server) == [panda.DETAILED, panda.PLAIN, panda.PLAIN]
    server.state.detailed = True
    now[0] += 3600
    assert plugin.fetch().axes
    # a queue that takes only some jobs cannot be served from counts that do not tell them apart
    assert source(server, panda__labels="managed").queue_info(status) is None
    assert source(server, "ABSENT", panda__labels="managed").queue_info(status) == WMSQueueInfo()


def test_server_with_neither_method_is_an_error(server):
    server.state.detailed = server.state.plain = False
    with pytest.raises(SourceError, match=r"403.*method active_job_stats_by_site is forbidden"):
        source(server).fetch()


@pytest.mark.parametrize("trouble", ["database", "empty"])
def test_no_job_anywhere_and_a_broken_database_are_no_information(server, trouble):
    if trouble == "database":
        server.state.database = False
    else:
        server.state.jobs = {}
    plugin = source(server)
    with pytest.raises(SourceError, match="Database failure getting the job statistics"):
        plugin.fetch()
    server.state.__init__()
    assert plugin.queue_info(plugin.fetch()) == A


def test_success_with_nothing_in_it_is_no_information(server, monkeypatch):
    monkeypatch.setattr(server, "_active_job_detailed_stats_by_site", lambda: (True, "", {}))
    with pytest.raises(SourceError, match="without any job of any site"):
        source(server).fetch()


def test_a_server_that_refuses_is_left_in_peace_for_a_minute(server, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(panda.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(pandaserver, "_on_this_machine", lambda url: False)
    plugin = source(server, factory={"wmsstatus.panda.sleep": "5"})
    assert plugin.interval == 60
    server.state.database = False
    for _ in range(5):
        with pytest.raises(SourceError, match="Database failure"):
            plugin.fetch()
    assert len(server.requests) == 1
    server.state.database = True
    now[0] += 61
    assert plugin.queue_info(plugin.fetch()) == A


def test_the_stand_in_insists_on_the_exact_accept_as_the_real_server_does(server):
    url = f"{server.url}/api/v1/{panda.DETAILED}"
    for accept in ("*/*", "application/json, */*", "application/json;q=1"):
        got = requests.get(url, headers={"Accept": accept}, timeout=PATIENCE)
        assert got.status_code == 200
        assert got.text.startswith("{'success': True")
        assert "Decimal('25')" in got.text
    good = requests.get(url, headers={"Accept": "application/json"}, timeout=PATIENCE)
    assert good.headers["Content-Type"] == "text/plain"
    assert good.json()["data"]["TEST_SITE_B"]["SCORE"]["rc_test"] == {
        "activated": 4,
        "assigned": 0,
        "running": 0,
    }
    for path in (f"/api/latest/{panda.DETAILED}", f"/api/v1/{panda.DETAILED}/", "/server/panda/isAlive"):
        assert requests.get(server.url + path, timeout=PATIENCE).status_code == 403


@pytest.mark.parametrize("origin", ["atlas", "atlas.production", "atlas:production"])
def test_token_and_origin_are_sent_and_the_token_is_read_anew(server, tmp_path, origin):
    token = tmp_path / "token"
    token.write_text("old\n")
    server.state.tokens = {"old": Token(expired=True), "new": Token()}
    plugin = source(server, panda__tokenfile=str(token), panda__origin=origin)
    with pytest.raises(SourceError, match=r"403.*Signature has expired"):
        plugin.fetch()
    token.write_text("new\n")
    assert plugin.queue_info(plugin.fetch()) == A


def test_token_without_origin_is_a_configuration_error():
    section = Section.from_texts("Q", {"wmsstatus.panda.tokenfile": "/t"})
    options, problems = bind(panda.PandaOptions, section)
    assert options is None
    assert "needs wmsstatus.panda.origin" in problems[0].message


def test_tls_with_client_certificate(certs):
    with PandaServer(certs.server(ssl.CERT_REQUIRED)) as server:
        trust = {"panda__capath": certs.ca_file}
        plugin = source(server, panda__certfile=certs.client, **trust)
        assert plugin.queue_info(plugin.fetch()) == A
        with pytest.raises(SourceError, match=r"TLS failed.*verify failed"):
            source(server, panda__certfile=certs.client, panda__capath=certs.other_ca_file).fetch()
        with pytest.raises(SourceError, match=r"our certificate .*expired.pem ended 2020-01-01"):
            source(server, panda__certfile=certs.expired_client, **trust).fetch()
        with pytest.raises(SourceError, match=r"TLS failed|wants another certificate"):
            source(server, **trust).fetch()


def test_mappings_conf_is_obeyed_and_new_statuses_are_warned_of_once(server, caplog):
    server.state.jobs["TEST_SITE_B"]["SCORE"]["rc_test"]["quantum"] = 3
    table = {"PANDAWMSSTATUS-JOBSSTATISTICSPERSITE2INFO": {"assigned": "ready"}}
    plugin = source(server, mappings=table)
    with caplog.at_level(logging.WARNING):
        status = plugin.fetch()
        plugin.fetch()
    assert status.queues["TEST_SITE_A"] == WMSQueueInfo(ready=33, notready=4, running=12)
    assert status.queues["TEST_SITE_B"] == WMSQueueInfo(ready=4, unknown=3)
    assert len([r for r in caplog.records if "quantum" in r.getMessage()]) == 1
    assert plugin.source_key() != source(server).source_key()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"S": {"T": {"managed": {"activated": -4}}}}, "'S', 'T', 'managed': .*negative"),
        ({"S": {"T": {"managed": {"activated": 10**15}}}}, "impossible"),
        ({"S": {"T": {"managed": {"activated": "4"}}}}, "not a number"),
        ({"S": {"T": {"managed": 4}}}, "not an object"),
        ({"S": {"activated": 4}}, "not an object"),
        ([1], "not an object"),
        ("text", "not an object"),
    ],
)
def test_what_cannot_be_is_no_information(server, monkeypatch, data, told):
    monkeypatch.setattr(server, "_active_job_detailed_stats_by_site", lambda: (True, "", data))
    with pytest.raises(SourceError, match=told):
        source(server).fetch()


@pytest.mark.parametrize("record", [None, [], 4, {"T": None}, {"T": {"managed": {"activated": None}}}])
def test_one_sites_null_or_nonsense_does_not_silence_the_others(server, monkeypatch, caplog, record):
    """Nothing is known of that one, which is not zero: its queue sends nothing, the others go on."""
    good = {"T": {"managed": {"activated": 4}}}
    data = {"BAD": record, "GOOD": good}
    monkeypatch.setattr(server, "_active_job_detailed_stats_by_site", lambda: (True, "", data))
    plugin = source(server, "GOOD")
    status = plugin.fetch()
    assert plugin.queue_info(status) == WMSQueueInfo(ready=4)
    assert source(server, "BAD").queue_info(status) is None
    assert source(server, "BAD", panda__labels="managed").queue_info(status) is None
    assert source(server, "NOT_THERE").queue_info(status) == WMSQueueInfo()
    plugin.fetch()
    assert len([r for r in caplog.records if "'BAD'" in r.message]) == 1


def test_one_sites_null_is_that_sites_alone_with_older_servers_and_in_site_data_too():
    mapping = StatusMapping.load(PANDA)
    counted = pandastatistics.plain({"BAD": None, "GOOD": {"activated": 4}}, mapping)
    assert (set(counted.spoilt), counted.queues) == ({"BAD"}, {"GOOD": WMSQueueInfo(ready=4)})
    found = pandastatistics.sites({"BAD": None, "ODD": {"status": None}, "GOOD": {"status": "online"}})
    assert {name: info.status for name, info in found.items()} == {"GOOD": "online"}


def test_names_may_be_any_text(server):
    server.state.jobs = {"Zürich ☂": {"null": {"Undefined": {"activated": 2}}}}
    plugin = source(server, "Zürich ☂", panda__labels="Undefined")
    assert plugin.queue_info(plugin.fetch()) == WMSQueueInfo(ready=2)


def test_url_may_name_the_api_and_unchanged_answers_are_not_sent_again(server, monkeypatch):
    from servers.base import Reply

    answer = server.answer

    def conditional(request):
        if request.headers.get("If-None-Match") == '"7"':
            return Reply(304)
        reply = answer(request)
        reply.headers["ETag"] = '"7"'
        return reply

    monkeypatch.setattr(server, "answer", conditional)
    plugin = source(server, panda__sites="off", panda__url=f"{server.url}/api/v1/")
    assert plugin.queue_info(plugin.fetch()) == A
    assert plugin.queue_info(plugin.fetch()) == A
    assert server.requests[1].headers["If-None-Match"] == '"7"'


def test_queues_with_other_servers_or_identities_do_not_share(server):
    keys = {
        source(server).source_key(),
        source(server, panda__url="http://127.0.0.1:1").source_key(),
        source(server, panda__certfile="/x").source_key(),
        source(server, panda__tokenfile="/x", panda__origin="atlas").source_key(),
        source(server, panda__sites="off").source_key(),
    }
    assert len(keys) == 5
