"""No secret is shown: by `check`, `config dump`, the log or a program's last words."""

import sys

import pytest
from click.testing import CliRunner

from autopyfactory.cli.main import cli
from autopyfactory.external import program

SECRET = "s3cr3tValue"
KEYS = [
    f"wmsstatus.rest.header.X-Custom = %{SECRET}",
    f"wmsstatus.rest.header.Authorization = Bearer %{SECRET}",
    f"wmsstatus.rest.header.X-Custom = {SECRET}",
    f"wmsstatus.rest.param.key = {SECRET}",
    f"wmsstatus.rest.body = {SECRET}",
    f"wmsstatus.rest.url = https://127.0.0.1/x?apikey={SECRET}",
    f"executable.arguments = --token {SECRET}",
    f"batchsubmit.condorlocal.environ = API_KEY={SECRET}",
    f"batchsubmit.condorlocal.condor_attributes = +MyPassword={SECRET}",
]


@pytest.mark.parametrize("line", KEYS)
@pytest.mark.parametrize("command", [["check"], ["config", "dump"], ["config", "dump", "--json"]])
def test_no_command_shows_a_secret(tmp_path, line, command):
    url = "" if ".url" in line else "wmsstatus.rest.url = https://127.0.0.1/x\n"
    (tmp_path / "queues.conf").write_text(
        "[Q]\nenabled = True\nwmsqueue = W\nwmsstatusplugin = REST\nbatchstatusplugin = Condor\n"
        f"batchsubmitplugin = CondorLocal\nschedplugin = Ready, MaxPending\n{url}{line}\n"
    )
    conf = tmp_path / "autopyfactory.conf"
    conf.write_text(
        f"[Factory]\nfactoryId = f\nbaseLogDir = {tmp_path}\nstatedir = {tmp_path}/s\n"
        f"queueConf = {tmp_path}/queues.conf\n"
    )
    done = CliRunner().invoke(cli, [*command, "--conf", str(conf)])
    assert "Q" in done.output or "queue" in done.output
    assert SECRET not in done.output


def test_a_programs_last_words_are_told_without_secrets():
    code = f"import sys; sys.exit('refused: password={SECRET} \\x1b[2J')"
    with pytest.raises(program.ProgramError) as caught:
        program.run([sys.executable, "-c", code], 20)
    assert SECRET not in str(caught.value) and "\x1b" not in str(caught.value)
    assert "refused" in str(caught.value)
