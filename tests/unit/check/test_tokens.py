"""Tokens that others can read are told."""

import pytest
from click.testing import CliRunner

from autopyfactory.cli.main import cli


def check(tmp_path, url, mode):
    token = tmp_path / "token"
    token.write_text("abc")
    token.chmod(mode)
    (tmp_path / "queues.conf").write_text(
        "[Q]\nenabled = True\nwmsqueue = W\nexecutable = /bin/true\nwmsstatusplugin = REST\n"
        f"wmsstatus.rest.url = {url}\nwmsstatus.rest.tokenfile = {token}\nbatchstatusplugin = Exec\n"
        "batchsubmitplugin = Exec\nschedplugin = Ready, MaxPerCycle\nsched.maxpercycle.maximum = 3\n"
    )
    conf = tmp_path / "autopyfactory.conf"
    conf.write_text(
        f"[Factory]\nfactoryId = f\nbaseLogDir = {tmp_path}\nstatedir = {tmp_path}/s\n"
        f"queueConf = {tmp_path}/queues.conf\n"
    )
    return CliRunner().invoke(cli, ["check", "--conf", str(conf)]).output


@pytest.mark.parametrize(
    ("url", "mode", "told", "not_told"),
    [
        ("http://server.example.org/x", 0o600, "plain http", "other users can read it"),
        ("https://server.example.org/x", 0o644, "other users can read it (mode 0644)", "plain http"),
        ("https://server.example.org/x", 0o640, "0 errors", "other users"),
        ("http://127.0.0.1/x", 0o600, "0 errors", "plain http"),
    ],
)
def test_a_token_that_others_can_read_is_told(tmp_path, url, mode, told, not_told):
    said = check(tmp_path, url, mode)
    assert told in said and not_told not in said, said
