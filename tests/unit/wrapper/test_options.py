"""What the wrapper understands, and what it refuses before it does anything."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from wrapperkit import Wrapper

Run = Callable[..., Wrapper]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bogus", "1"], "unknown option '--bogus'"),
        (["--bogus=1"], "unknown option '--bogus=1'"),
        (["pool"], "unknown option 'pool'"),
        (["--pool label", "x"], "unknown option '--pool label'"),
        (["--idle"], "--idle needs a value"),
        (["--idle", "soon"], "--idle must be a whole number"),
        (["--idle", ""], "--idle must be a whole number"),
        (["--idle=-1"], "--idle must be a whole number"),
        (["--cpus", "08"], "--cpus must be a whole number"),
        (["--cpus", "0"], "--cpus must be at least 1"),
        (["--cpus", "a[$(touch ../broken)]"], "--cpus must be a whole number"),
        (["--lifetime", "99999999999"], "--lifetime must be a whole number"),
        (["--lifetime", "10", "--retire", "10"], "--retire leaves nothing"),
        (["--pool", "host"], "--pool must be HOST:PORT"),
        (["--pool", "host:port"], "--pool must be HOST:PORT"),
        (["--pool", "host:1\nSTART = True"], "--pool must be HOST:PORT"),
        (["--label", ""], "--label must be given"),
        (["--label", 'a" || True || "'], "--label must be given, without"),
        (["--label", "a\nSTART = True"], "--label must be given, without"),
        (["--label", "$(LOG)"], "--label must be given, without"),
        (["--attribute", "A B"], "'A B' cannot name an attribute"),
        (["--start-expr", "True\nSTART = True"], "--start-expr must be one line"),
        (["--token", ""], "--token is missing"),
        (["--config", "/nonexistent"], "cannot read --config"),
        (["--ccb", "maybe"], "--ccb must be yes or no"),
    ],
)
def test_bad_usage_ends_with_2_and_a_word(
    run: Run, tmp_path: Path, arguments: list[str], message: str
) -> None:
    result = run(*arguments).end(20)
    assert result.code == 2
    assert message in result.output and result.output.count("\n") <= 2
    assert not (tmp_path / "broken").exists()


@pytest.mark.parametrize("missing", ["--pool", "--label", "--token"])
def test_what_has_no_default_must_be_given(run: Run, missing: str) -> None:
    needed = {"--pool": "h:1", "--label": "mc", "--token": "t"}
    arguments = [f"{name}={value}" for name, value in needed.items() if name != missing]
    result = run(*arguments, bare=True).end(20)
    assert result.code == 2 and f"{missing} " in result.output


def test_help_names_every_option(run: Run) -> None:
    result = run("--help", bare=True).end(20)
    assert result.code == 0
    options = re.findall(r"^  --([a-z0-9-]+) ", result.output, re.MULTILINE)
    assert len(options) == len(set(options)) == 20
    for option in options:
        assert "unknown" in run(f"--{option}x", "1").end(20).output
        assert "needs a value" in run(f"--{option}").end(20).output


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("JOIN", "--join must be"),
        ("RETIRE", "--retire must be"),
        ("MEMORY", "--memory must be"),
        ("SCRATCH", "can't cd to surely not a number|No such file"),
    ],
)
def test_further_values_come_from_the_environment_too(run: Run, variable: str, message: str) -> None:
    result = run(**{f"APF_WRAPPER_{variable}": "surely not a number"}).end(20)
    assert result.code == (16 if variable == "SCRATCH" else 2)
    assert re.search(message, result.output)


def test_values_reach_htcondor_from_the_environment_and_the_command_line_wins(
    run: Run, release: Path, fake: Path, tmp_path: Path, shell: list[str]
) -> None:
    extra = tmp_path / "extra"
    extra.write_text("NETWORK_INTERFACE = eth7\n")
    environment = {
        "POOL": "env.test:1", "LABEL": "of env", "ATTRIBUTE": "APF_Label", "START_EXPR": "TARGET.X > 1",
        "TOKEN": str(tmp_path / "token"), "CONDOR": str(release), "CPUS": "3", "IDLE": "77",
        "LIFETIME": "1000", "GRACE": "9", "CONFIG": str(extra), "CCB": "yes",
    }  # fmt: skip
    variables = {f"APF_WRAPPER_{name}": value for name, value in environment.items()}
    result = run("--label=a=b", "--idle", "78", bare=True, shell=shell, **variables).end(20)
    assert result.code == 0, result.output
    config = settings(fake)
    start = config.pop("START")
    assert re.fullmatch(r'\(TARGET\.APF_Label =\?= "a=b"\) && time\(\) < \d+ && \(TARGET\.X > 1\)', start)
    expected = {
        "COLLECTOR_HOST": "env.test:1", "NUM_CPUS": "3", "MEMORY": "6000", "STARTD_NOCLAIM_SHUTDOWN": "78",
        "MachineMaxVacateTime": "9", "NETWORK_INTERFACE": "eth7", "CCB_ADDRESS": "env.test:1",
        "RELEASE_DIR": str(release),
    }  # fmt: skip
    assert {name: config[name] for name in expected} == expected
    assert int(config["APF_END_AT"]) - int(config["APF_RETIRE_AT"]) == 250


def test_nothing_of_an_outer_htcondor_reaches_the_inner_one(run: Run, fake: Path, shell: list[str]) -> None:
    outer = {
        "_CONDOR_SCRATCH_DIR": "/x",
        "_condor_START": "False",
        "CONDOR_INHERIT": "1",
        "CONDOR_IDS": "0.0",
    }
    lines = {"TRICK": "a\nCONDOR_LINE=1\nb"}
    assert run(shell=shell, **outer, **lines).end(20).code == 0
    names = [line.split("=")[0] for line in (fake / "env").read_text().splitlines()]
    ours = [name for name in names if re.match("_?condor_", name, re.IGNORECASE) and name != "CONDOR_LINE"]
    assert ours == ["CONDOR_CONFIG"]


def test_what_the_factory_sent_is_shown_and_advertised(run: Run, fake: Path, shell: list[str]) -> None:
    sent = {"APFCID": '1.0"\nSTART = True', "FACTORYQUEUE": "q$(LOG)\\", "GTAG": "http://logs/1.out"}
    result = run(shell=shell, **sent).end(20)
    config = settings(fake)
    assert config["APFCID"] == '"1.0START = True"'
    assert config["FACTORYQUEUE"] == '"q$(DOLLAR)(LOG)"'
    assert "  GTAG=http://logs/1.out\n" in result.output
    assert re.search(r"^  node: \d+ cores, \d+ MB memory, \d+ MB free on disk$", result.output, re.MULTILINE)


def test_a_pool_on_loopback_gets_a_pilot_on_loopback(run: Run, fake: Path) -> None:
    assert run("--pool", "127.0.0.1:9618").end(20).code == 0
    config = settings(fake)
    assert (config["NETWORK_INTERFACE"], config["BIND_ALL_INTERFACES"]) == ("127.0.0.1", "False")


def settings(fake: Path) -> dict[str, str]:
    """The configuration that the master was given."""
    lines = (fake / "config").read_text().splitlines()
    pairs = [line.split(" =", 1) for line in lines if " =" in line and not line.startswith("#")]
    return {name: value.strip() for name, value in pairs}
