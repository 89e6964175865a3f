"""What `[Factory]` says about trust in URLs, told each time that the configuration is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from autopyfactory.config.fetch import is_url
from autopyfactory.model.redact import shown
from autopyfactory.options.common import FactoryOptions
from autopyfactory.options.problem import Problem, Severity
from autopyfactory.options.section import Section


def takes_credentials(options: FactoryOptions, source: str) -> bool:
    """Whether credential profiles are taken from `source`: from a URL only when it is trusted in full."""
    return not is_url(source) or options.queue_trust == "full"


def problems(options: FactoryOptions, section: Section) -> Iterator[Problem]:
    """Yield a warning for each way in which others may decide, and an error for what is not taken."""
    urls = [s for s in _sources(options) if is_url(s)]
    if options.queue_trust == "full" and urls:
        message = f"whoever runs {_listed(urls)} may run programs on this host and send its credentials"
        yield _at(section, "queueConf.trust", "warning", message)
    plain = [s for s in urls if s.lower().startswith("http://")]
    if options.queue_insecure and plain:
        message = f"anybody on the way from {_listed(plain)} may change what it says"
        yield _at(section, "queueConf.allowinsecure", "warning", message)
    for source in options.auth_conf:
        if not takes_credentials(options, source):
            message = f"credential profiles are not taken from a URL ({shown(source)})"
            yield _at(section, "authConf", "error", message, "keep them on this host")


def _sources(options: FactoryOptions) -> Iterable[str]:
    return (*options.queue_conf, *options.monitor_conf, *options.auth_conf, *options.mappings_conf)


def _listed(sources: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(shown(s) for s in sources))


def _at(section: Section, key: str, severity: Severity, message: str, hint: str | None = None) -> Problem:
    value = section.values.get(key)
    return Problem(severity, message, value.where if value else section.where, section.name, key, hint=hint)
