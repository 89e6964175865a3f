"""Debian packages become a folder of programs that run where they lie."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from patience import PATIENCE
from testbed import elf
from testbed.errors import TestbedError, Unavailable
from testbed.folder import Replace, _apply, folder

MISC = Path(__file__).parents[2] / "misc"
# bc needs a library (readline) beyond the C library, so it also shows that libraries are found.
MAKE = "import sys; from testbed.folder import folder; print(folder('bc', ['bc']))"


@pytest.mark.slow
def test_two_builders_at_once_make_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = os.environ | {"AUTOPYFACTORY_CACHE": str(tmp_path), "PYTHONPATH": str(MISC)}
    begin = time.monotonic()
    builders = [
        subprocess.Popen([sys.executable, "-c", MAKE], env=env, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = {builder.communicate(timeout=PATIENCE)[0].strip() for builder in builders}
    assert [builder.returncode for builder in builders] == [0, 0]
    print(f"\nbuilt in {time.monotonic() - begin:.1f} s")
    made = Path(answers.pop())
    assert not answers
    assert [path for path in tmp_path.iterdir() if path.name.endswith(".lock") is False] == [made]

    dynamic, interpreter = elf.inspect(made / "usr/bin/bc")
    assert dynamic
    assert interpreter
    assert interpreter.startswith(f"{made}/usr/lib")
    done = subprocess.run(
        [made / "usr/bin/bc"], input="6*7\n", capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.stdout == "42\n", done.stderr
    maps = subprocess.run([made / "usr/bin/bc"], input="", env={"LD_TRACE_LOADED_OBJECTS": "1"},
                          capture_output=True, text=True, timeout=PATIENCE).stdout  # fmt: skip
    libraries = [line.split("=> ")[1].split()[0] for line in maps.splitlines() if "=> " in line]
    assert libraries
    assert all(path.startswith(f"{made}/") for path in libraries)
    assert sorted(path.name for path in (made / "usr/bin").iterdir()) == ["bc"]
    assert made.stat().st_mode & 0o005 == 0o005

    monkeypatch.setenv("AUTOPYFACTORY_CACHE", str(tmp_path))
    monkeypatch.setenv("AUTOPYFACTORY_DEBIAN", "http://127.0.0.1:9/nowhere")
    assert folder("bc", ["bc"]) == made  # from the cache, without asking anybody


def test_a_failed_build_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOPYFACTORY_CACHE", str(tmp_path))
    monkeypatch.setenv("AUTOPYFACTORY_DEBIAN", "http://127.0.0.1:9/nowhere")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
        folder("bc", ["bc"])
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_what_is_no_program_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("#!/bin/sh\n")
    (tmp_path / "empty").touch()
    assert elf.inspect(tmp_path / "script") == (False, None)
    assert elf.inspect(tmp_path / "empty") == (False, None)
    assert elf.inspect(Path(os.path.realpath(sys.executable)))[0]


def test_fixups_change_old_text_accept_new_and_refuse_unknown(tmp_path: Path) -> None:
    file, fixup = tmp_path / "file", Replace("file", "old", "new")
    file.write_text("an old text, old indeed")
    _apply(fixup, tmp_path)
    assert file.read_text() == "an new text, new indeed"
    _apply(fixup, tmp_path)
    file.write_text("another")
    with pytest.raises(TestbedError, match="the package changed"):
        _apply(fixup, tmp_path)
