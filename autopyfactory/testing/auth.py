"""What every plugin of kind `auth` must do."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autopyfactory.credentials.credential import Credential, CredentialError, Presented
from autopyfactory.options.common import FactoryOptions
from autopyfactory.plugins.base import AuthContext
from autopyfactory.testing.plugin import PluginContract

CE = "ce.example.org:9619"


class AuthContract(PluginContract):
    """Keeps one credential profile.

    `working` gets an empty folder and returns the keys with which there is a good credential, or one can be
    made; `broken` those with which there is none and none can be made. `secrets` yields texts that those keys
    or files hold and that nobody may see.
    """

    kind = "auth"

    def working(self, folder: Path) -> Mapping[str, str]:
        """Return keys with which there is, or can be made, a good credential."""
        raise NotImplementedError("say with which keys the profile has a credential")

    def broken(self, folder: Path) -> Mapping[str, str]:
        """Return keys with which there is none, and none can be made."""
        raise NotImplementedError("say with which keys the profile has none")

    def secrets(self, folder: Path) -> Iterator[str]:
        """Yield texts that nobody may see."""
        return iter(())

    def profile(self, folder: Path, keys: Mapping[str, str]) -> Any:
        """Return the plugin as the factory makes it."""
        factory = FactoryOptions(factory_id="contract", base_log_dir=str(folder), state_dir=str(folder))
        return self.plugin(self.options(keys), AuthContext("p", factory, folder / "credentials"))

    def make(self, queue: str = "QUEUE", keys: Mapping[str, str] | None = None) -> Any:
        """Return the plugin with the keys of the class."""
        return self.profile(Path("/nowhere"), self.keys if keys is None else keys)

    def test_what_it_hands_out_is_said_without_reading_anything(self, tmp_path: Path) -> None:
        """A cycle asks for it: it may not wait."""
        plugin = self.profile(tmp_path, self.working(tmp_path))
        variant = plugin.variant(CE)
        assert variant in ("", CE)
        assert isinstance(plugin.presented(variant), Presented)
        assert os.path.isabs(plugin.file(variant))
        assert plugin.checktime > 0
        assert isinstance(plugin.renews, bool)

    def test_a_credential_is_read_or_made_and_private(self, tmp_path: Path) -> None:
        """It holds now, and its file is its owner's alone."""
        plugin = self.profile(tmp_path, self.working(tmp_path))
        variant = plugin.variant(CE)
        if plugin.renews:
            plugin.renew(variant)
        found = plugin.look(variant)
        assert isinstance(found, Credential)
        assert found.kind
        assert found.left(datetime.now(UTC)) > 0
        assert plugin.minlife(found) >= 0
        assert found.file == plugin.file(variant)
        assert stat.S_IMODE(Path(found.file).stat().st_mode) & 0o077 == 0

    def test_what_is_not_there_is_told_and_replaces_nothing(self, tmp_path: Path) -> None:
        """The words are for everybody: they hold no secret."""
        plugin = self.profile(tmp_path, self.broken(tmp_path))
        variant = plugin.variant(CE)
        for act in (plugin.look, *((plugin.renew,) if plugin.renews else ())):
            before = _content(plugin.file(variant))
            try:
                act(variant)
            except CredentialError as err:
                assert str(err).strip()
                assert not [s for s in self.secrets(tmp_path) if s in str(err)]
            else:
                raise AssertionError(f"{act.__name__} did not say that there is none")
            assert _content(plugin.file(variant)) == before


def _content(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except OSError:
        return None
