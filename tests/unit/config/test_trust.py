"""Configuration from URLs is text, not power."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from autopyfactory.config import build
from autopyfactory.config.registry import KINDS, all_of
from autopyfactory.options.common import QueueOptions
from autopyfactory.options.declare import specs

GOOD = """[Q]
enabled = True
wmsqueue = ANALY
batchqueue = ANALY
wmsstatusplugin = Condor
batchstatusplugin = Condor
batchsubmitplugin = CondorCE
batchsubmit.condorce.gridresource = ce.example.org
schedplugin = Ready, MaxPending
sched.maxpending.maximum = 5
apfqueue.sleep = 77
"""


@pytest.fixture
def site(tmp_path):
    """A server of `site.text`; `site.load(lines)` loads a factory whose queues come from there."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(site.text.encode())

        def log_message(self, *args):
            pass

    class Site:
        text = GOOD

        def load(self, lines="queueConf.allowinsecure = True\n", sources=None, named=None):
            defaults = tmp_path / "defaults.conf"
            if not defaults.exists():
                defaults.write_text(
                    "[DEFAULT]\nexecutable = /bin/true\n"
                    "executable.arguments = --queue %(batchqueue)s --site %(wmsqueue)s\n"
                )
            conf = tmp_path / "autopyfactory.conf"
            conf.write_text(
                f"[Factory]\nfactoryId = f\nbaseLogDir = {tmp_path}\nstatedir = {tmp_path}/state\n"
                f"queueConf = {sources or self.url}\nqueueConf.defaultsfile = {named or defaults}\n{lines}"
            )
            return build.load([str(conf)])

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    site = Site()
    site.url = f"http://127.0.0.1:{server.server_port}/queues.conf"
    yield site
    server.shutdown()
    server.server_close()


def told(configuration):
    return "\n".join(str(p) for p in configuration.problems)


def test_a_queue_from_a_url_runs_with_what_this_host_gives_it(site):
    configuration = site.load()
    queue = configuration.queues["Q"].options
    assert (queue.executable, queue.arguments) == ("/bin/true", "--queue ANALY --site ANALY")
    assert queue.sleep == 77
    assert "anybody on the way" in told(configuration)


def test_the_defaults_of_this_host_are_meant_from_the_file_that_names_them(site, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    configuration = site.load(named="defaults.conf")
    assert configuration.queues["Q"].options.executable == "/bin/true", told(configuration)


def test_plain_http_is_refused_unless_allowed(site):
    configuration = site.load("")
    assert configuration.queues == {} and "plain http" in told(configuration)


POWER = {
    "executable = /tmp/evil": "executable",
    "executable.arguments = -c id": "executable.arguments",
    "batchsubmit.condorce.condor_attributes = +Owner = root": "condor_attributes",
    "batchsubmit.condorce.condor_attributes.hook = x": "condor_attributes.hook",
    "batchsubmit.condorbase.environ = LD_PRELOAD=/tmp/x": "environ",
    "batchsubmit.condorce.proxyfile = /root/x": "proxyfile",
    "batchsubmit.condorce.tokenfile = /etc/shadow": "tokenfile",
    "batchstatus.condor.collector = evil.example.org": "collector",
    "batchstatus.condor.tokendir = /tmp/x": "tokendir",
    "wmsstatusplugin = Command\nwmsstatus.command.command = id": "Command cannot be chosen from a URL",
    "wmsstatusplugin = File\nwmsstatus.file.path = /etc/passwd": "File cannot be chosen from a URL",
    "wmsstatusplugin = Slurm\nwmsstatus.slurm.squeue = /tmp/x": "Slurm cannot be chosen from a URL",
    "batchsubmitplugin = Exec\nbatchstatusplugin = Exec": "Exec cannot be chosen from a URL",
    "wmsstatusplugin = REST\nwmsstatus.rest.url = https://evil\nwmsstatus.rest.tokenfile = /x": "tokenfile",
    "wmsstatusplugin = REST\nwmsstatus.rest.url = https://evil.example.org": "wmsstatus.rest.url",
    "wmsqueue = X --exec /tmp/evil": "is no plain name",
    "batchqueue = ../../x": "is no plain name",
    "wmsqueue = %(a)s\na = x y": "is no plain name",
}


@pytest.mark.parametrize("lines", POWER)
@pytest.mark.parametrize("place", ["Q", "DEFAULT"])
def test_a_url_names_no_program_file_or_credential(site, lines, place):
    keys = {line.partition(" =")[0] for line in lines.splitlines()}
    kept = "\n".join(x for x in GOOD.splitlines() if x.partition(" =")[0] not in keys)
    site.text = f"{kept}\n{lines}\n" if place == "Q" else f"[DEFAULT]\n{lines}\n{kept}\n"
    configuration = site.load()
    assert configuration.queues == {}
    assert POWER[lines] in told(configuration)
    assert "not taken from a URL" in told(configuration) or POWER[lines] in told(configuration)


@pytest.mark.parametrize("lines", ["executable = /bin/false", "batchsubmit.condorce.proxyfile = /tmp/p"])
def test_trust_in_full_takes_everything_and_says_so(site, lines):
    site.text = f"{GOOD}{lines}\n"
    configuration = site.load("queueConf.allowinsecure = True\nqueueConf.trust = full\n")
    assert "Q" in configuration.queues
    assert f"whoever runs {site.url} may run programs on this host" in told(configuration)


def test_what_this_host_says_about_the_same_queue_wins(site, tmp_path):
    site.text = f"{GOOD}executable = /tmp/evil\n"
    (tmp_path / "local.conf").write_text("[Q]\nexecutable = /bin/cat\n")
    configuration = site.load(sources=f"{site.url}, {tmp_path}/local.conf")
    assert configuration.queues["Q"].options.executable == "/bin/cat"


def test_credentials_and_monitors_are_not_taken_from_a_url(site):
    lines = f"queueConf.allowinsecure = True\nauthConf = {site.url}\nmonitorConf = {site.url}\n"
    site.text = "[P]\nplugin = X509\nmonitorplugin = APF\nmonitorURL = http://evil.example.org\n"
    configuration = site.load(lines)
    assert configuration.auth == {} and configuration.monitors == {}
    assert "credential profiles are not taken from a URL" in told(configuration)


def test_defaults_that_cannot_be_read_stop_the_queues_above_them(site, tmp_path):
    (tmp_path / "defaults.conf").write_text("[DEFAULT\n")
    assert site.load().queues == {}


NAMES = ("file", "path", "dir", "cert", "key", "token", "proxy", "command", "url", "executable",
         "arguments", "environ", "attributes", "secret", "password", "header", "conf")  # fmt: skip


def test_no_option_that_names_something_is_declared_safe():
    every = [QueueOptions, *(f.cls.Options for kind in KINDS for f in all_of(kind) if f.cls is not None)]
    loose = {
        s.keys[0]
        for cls in every
        for s in specs(cls)
        if s.remote and s.scope != "factory" and "str" in str(s.annotation)
        if any(name in s.keys[0].rpartition(".")[2] for name in NAMES)
    }
    assert not loose
