"""The options that do not belong to a plugin: those of `[Factory]` and those every queue has."""

from __future__ import annotations

from typing import ClassVar, Literal

from autopyfactory.options.declare import HostAndPort, Lenient, NameList, Options, Scope, option
from autopyfactory.wrapper.compose import CHECKS

FACTORY: Scope = "factory"

# Names at other people's batch systems: nothing that a shell, XML or the submit language reads as more.
NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.+@:-]*$"


class FactoryOptions(Options):
    """`[Factory]` in autopyfactory.conf."""

    factory_id: str = option(
        key="factoryId",
        scope=FACTORY,
        applies="never",
        min_length=1,
        description="Name of this factory, unique in the world: in job ads, monitors and pilots' environment",
    )
    factory_user: str | None = option(
        None,
        key="factoryUser",
        scope=FACTORY,
        description="User in whose name pilots are sent; FACTORYUSER in their environment",
    )
    admin_email: NameList = option(
        (),
        key="factoryAdminEmail",
        scope=FACTORY,
        applies="start",
        description="Who gets mail when something needs a person",
    )
    smtp_server: HostAndPort | None = option(
        None,
        key="factorySMTPServer",
        scope=FACTORY,
        applies="start",
        description="Mail server, as host or host:port; no mail without it",
    )
    min_email_repeat: int = option(
        3600,
        key="factoryMinEmailRepeatSeconds",
        scope=FACTORY,
        applies="start",
        unit="s",
        ge=0,
        lenient=Lenient(0, 0),
        description="The same trouble is mailed again after this time at the earliest",
    )
    enable_queues: bool = option(
        True, key="enablequeues", scope=FACTORY, description="Master switch: when false no queue runs"
    )
    queue_conf: NameList = option(
        (), key="queueConf", scope=FACTORY, description="Files or URLs with queue sections; later ones win"
    )
    queue_dir_conf: str | None = option(
        None,
        key="queueDirConf",
        scope=FACTORY,
        description="Folder whose *.conf files are read after queueConf, in sorted order",
    )
    queue_defaults: str | None = option(
        None,
        key="queueConf.defaultsfile",
        scope=FACTORY,
        description="File on this host whose [DEFAULT] holds under every queue that comes from a URL",
    )
    queue_trust: Literal["limited", "full"] = option(
        "limited",
        key="queueConf.trust",
        scope=FACTORY,
        description="What configuration from URLs may set: limited: what names no program, file, folder or"
        " credential and adds no submit commands; full: everything, so that whoever runs the URL may run"
        " programs on this host",
    )
    queue_insecure: bool = option(
        False,
        key="queueConf.allowinsecure",
        scope=FACTORY,
        description="Whether configuration is taken over plain http too: anybody on the way can change it",
    )
    auth_conf: NameList = option(
        (), key="authConf", scope=FACTORY, legacy=("proxyConf",), description="Files with credential profiles"
    )
    monitor_conf: NameList = option(
        (), key="monitorConf", scope=FACTORY, description="Files with monitor sections"
    )
    mappings_conf: NameList = option(
        (),
        key="mappingsConf",
        scope=FACTORY,
        description="Files that change how other systems' states map to ours; built-in mappings otherwise",
    )
    queue_plugins: NameList = option(
        ("File",),
        key="config.queues.plugin",
        scope=FACTORY,
        legacy=("configplugin",),
        description="Where queue sections come from, merged in this order",
    )
    reconfig: bool = option(
        False,
        key="config.reconfig",
        scope=FACTORY,
        legacy=("reconfig",),
        description="Reload the configuration by itself, by interval",
    )
    reconfig_interval: int = option(
        3600,
        key="config.reconfig.interval",
        scope=FACTORY,
        unit="s",
        gt=0,
        lenient=Lenient(0, 60),
        description="Time between reloads when config.reconfig is true",
    )
    cycles: int | None = option(
        None,
        key="cycles",
        scope=FACTORY,
        applies="start",
        ge=0,
        lenient=Lenient(-1, 1),  # 2.4 counted a cycle, and then saw that there had been enough
        description="Each queue stops after so many cycles; unset: endless; 0: queues do not start",
    )
    sleep: float = option(
        30,
        key="factory.sleep",
        scope=FACTORY,
        unit="s",
        gt=0,
        lenient=Lenient(0, 1),
        description="Period of the factory's own housekeeping",
    )
    abort_no_queues: bool = option(
        False,
        key="abort_no_queues",
        scope=FACTORY,
        description="End the factory when no queue is left running",
    )
    base_log_dir: str = option(
        key="baseLogDir", scope=FACTORY, min_length=1, description="Root of the pilots' log tree"
    )
    base_log_dir_url: str = option(
        "",
        key="baseLogDirUrl",
        scope=FACTORY,
        description="Public URL of baseLogDir, without a trailing slash",
    )
    submit_files_published: bool = option(
        False,
        key="submitfiles.published",
        scope=FACTORY,
        description="Whether submit.<cluster>.jdl, with the pilots' arguments and environment, lies beside"
        " their logs also where baseLogDirUrl publishes these; else it is in <statedir>/submitted",
    )
    keep_days: int | None = option(
        None,
        key="cleanlogs.keepdays",
        scope=FACTORY,
        unit="days",
        ge=0,
        lenient=Lenient(0, 0),
        description="Pilot logs older than this are deleted, unless the queue says otherwise; unset: kept",
    )
    most_log_mb: int | None = option(
        None,
        key="cleanlogs.maxsize",
        scope=FACTORY,
        unit="MB",
        ge=1,
        description="When pilot logs take more, the oldest are deleted before their time; unset: no limit",
    )
    most_log_files: int | None = option(
        None,
        key="cleanlogs.maxfiles",
        scope=FACTORY,
        ge=1,
        description="When there are more files of pilots, the oldest are deleted before their time; unset: no"
        " limit",
    )
    compress_days: int | None = option(
        None,
        key="cleanlogs.compressdays",
        scope=FACTORY,
        unit="days",
        ge=1,
        description="Pilot logs of days longer ago than this are compressed (zstd); the factory's own pages"
        " show them as before, another web server would not; unset: never",
    )
    room_minimum: int = option(
        50,
        key="room.minimum",
        scope=FACTORY,
        ge=0,
        unit="MB",
        description="No queue sends while less is free where state, logs or pilots' logs are written",
    )
    room_inodes: int = option(
        1000,
        key="room.inodes",
        scope=FACTORY,
        ge=0,
        description="No queue sends while fewer files can be made there",
    )
    book_underway: float = option(
        120,
        key="book.underway",
        scope=FACTORY,
        unit="s",
        ge=30,
        description="A submission whose answer was lost may still arrive for so long after its schedd answers"
        " again: until then a look-up that does not find it says nothing",
    )
    book_apart: float = option(
        180,
        key="book.apart",
        scope=FACTORY,
        unit="s",
        ge=60,
        description="Pilots are written off when two look-ups so far apart have not found them; where the"
        " schedd keeps no history twice that. Longer than any lie of a schedd that is not itself",
    )
    book_lease: float = option(
        3600,
        key="book.lease",
        scope=FACTORY,
        unit="s",
        ge=0,
        description="Pilots whose job queue is gone, or answers no more under its name, count for so long: by"
        " then they have ended at their CEs",
    )
    log_dir: str | None = option(
        None,
        key="logdir",
        scope=FACTORY,
        applies="start",
        description="Folder of the queues' own logs (queues/<queue>.log); default: where the factory log is",
    )
    state_dir: str = option(
        "/var/lib/autopyfactory",
        key="statedir",
        scope=FACTORY,
        applies="never",
        description="Folder for what must survive a restart: ledger, history, pauses, last good copies",
    )
    socket: str | None = option(
        None,
        key="socket",
        scope=FACTORY,
        applies="never",
        description="Unix socket that answers the commands; default: <statedir>/control.sock",
    )
    history: bool = option(
        True,
        key="history.enabled",
        scope=FACTORY,
        applies="start",
        description="Whether cycles are kept for `why`, `status` and `history`",
    )
    history_url: str | None = option(
        None,
        key="history.url",
        scope=FACTORY,
        applies="start",
        secret=True,
        description="Database of the history: sqlite:///file or postgresql://user:password@host/name, which"
        " factories may share; default: <statedir>/history.db",
    )
    history_keep_days: float = option(
        90,
        key="history.keepdays",
        scope=FACTORY,
        applies="start",
        unit="days",
        gt=0,
        description="Cycles older than this are deleted",
    )
    history_detail_days: float = option(
        7,
        key="history.detaildays",
        scope=FACTORY,
        applies="start",
        unit="days",
        ge=0,
        description="Every cycle is kept for this time; after it one per outcome and ten minutes, after twice"
        " that (30 days at least) one per outcome and hour",
    )
    history_max_size: int = option(
        5000,
        key="history.maxsize",
        scope=FACTORY,
        applies="start",
        unit="MB",
        ge=1,
        description="When the history takes more, its oldest cycles are deleted",
    )
    socket_group: str | None = option(
        None,
        key="socket.group",
        scope=FACTORY,
        applies="start",
        description="Group whose members may command the factory too; default: its own user only",
    )


class QueueOptions(Options):
    """What every queue section has, whatever its plugins; what pilots ask for has two names for the same."""

    prefixes: ClassVar[tuple[str, ...]] = ("batchsubmit", "pilot")

    enabled: bool = option(False, key="enabled", description="Whether this queue runs")
    wmsqueue: str | None = option(
        None,
        remote=True,
        key="wmsqueue",
        description="Name of the queue or site in the WMS that the pilots work for",
    )
    batchqueue: str | None = option(
        None, remote=True, key="batchqueue", description="Name of the queue at the CE"
    )
    sleep: float = option(
        60,
        key="apfqueue.sleep",
        unit="s",
        gt=0,
        lenient=Lenient(0, 1),
        description="Time between two cycles of this queue",
    )
    most_taken_back: int = option(
        100,
        key="apfqueue.maxretire",
        ge=0,
        description="Pilots that are taken back in one cycle at most when there are too many; an order to"
        " drain has no limit",
    )
    sched: NameList = option(
        remote=True,
        key="schedplugin",
        min_length=1,
        description="The chain of scheduler plugins, applied in this order",
    )
    wmsstatus: str | None = option(
        None, remote=True, key="wmsstatusplugin", description="Where the amount of work is read"
    )
    batchstatus: str | None = option(
        None, remote=True, key="batchstatusplugin", description="Where the number of pilots is read"
    )
    batchsubmit: str = option(
        remote=True, key="batchsubmitplugin", min_length=1, description="How pilots are sent"
    )
    ces: NameList = option(
        (),
        remote=True,
        key="batchsubmit.ces",
        description="Several CEs instead of the one that the submit plugin's own option names, with what"
        " is different there: CE [OPTION=VALUE ...], separated by commas. Pilots are divided by how"
        " many of the queue's have started at each CE in the last hour",
    )
    children: NameList = option(
        (),
        key="childlist",
        description="Sections whose CEs this queue sends to, as batchsubmit.ces; they are no queues of their"
        " own, and what this one does not say is taken from the first",
    )
    ces_floor: float = option(
        10,
        key="batchsubmit.ces.floor",
        unit="%",
        gt=0,
        le=100,
        description="What a CE at which few or none start gets at least, of an even part: so it is noticed"
        " when it becomes faster",
    )
    monitors: NameList = option(
        (),
        remote=True,
        key="monitorsection",
        description="Sections of monitor.conf that are told about this queue",
    )
    breaker: bool = option(
        True,
        key="breaker.enabled",
        description="Whether pilots that go wrong stop this queue, and count for others at the same CE",
    )
    keep_days: int | None = option(
        None,
        key="cleanlogs.keepdays",
        unit="days",
        ge=0,
        lenient=Lenient(0, 0),
        description="Pilot logs of this queue older than this are deleted",
    )
    executable: str | None = option(
        None,
        key="executable",
        description="The wrapper that pilots run; unset where wrapper.payload composes one",
    )
    arguments: str | None = option(None, key="executable.arguments", description="Arguments of the wrapper")
    cores: int = option(
        1,
        key="{prefix}.cores",
        unit="cores",
        ge=1,
        description="Cores that one pilot of this queue asks for; MaxCores counts them",
    )
    memory_mb: int = option(
        0,
        key="{prefix}.memory",
        unit="MB",
        ge=0,
        description="Memory that one pilot of this queue asks for; MaxMemory counts it; 0: not said",
    )
    wall_minutes: int = option(
        0,
        key="{prefix}.walltime",
        unit="min",
        ge=0,
        description="Wall time that one pilot of this queue asks for; 0: not said",
    )
    gpus: int = option(
        0, key="{prefix}.gpus", unit="GPUs", ge=0, description="GPUs that one pilot of this queue asks for"
    )
    ce_queue: str | None = option(
        None,
        key="{prefix}.queue",
        remote=True,
        pattern=NAME,
        description="Queue or partition that pilots ask for at the CE or batch system; unset: its default",
    )
    project: str | None = option(
        None,
        key="{prefix}.project",
        remote=True,
        pattern=NAME,
        description="Project or account that the CE or batch system charges for the pilots",
    )

    wrapper_payloads: NameList = option(
        (),
        key="wrapper.payload",
        description="Compose the wrapper, with these payloads: glidein, panda, command, NAME=one of these, or"
        " the path of one's own; the first that fits the node runs",
    )
    wrapper_rules: str = option(
        "",
        key="wrapper.payload.rules",
        description="Which payload for which node: `gpus >= 1 -> training; 5% -> candidate; panda`",
    )
    wrapper_checks: NameList = option(
        CHECKS,
        key="wrapper.checks",
        description="What the wrapper checks: names, NAME=one of these, or paths of one's own; what a payload"
        " needs is added",
    )
    wrapper_files: NameList = option(
        (), key="wrapper.files", description="Files of a VO, grid or site that travel in the wrapper"
    )
    wrapper_options: dict[str, str] = option(
        key="wrapper.option.*",
        description="An option of a check or payload, as wrapper.option.<name>.<option>;"
        " `autopyfactory wrapper modules` lists them",
        default_factory=dict,
        files=("glidein.token",),
    )
    wrapper_lifetime: int = option(
        0,
        key="wrapper.lifetime",
        unit="s",
        ge=0,
        description="Time that a pilot has at this CE, if the node tells no less; 0: not said",
    )
    wrapper_grace: int = option(
        30, key="wrapper.grace", unit="s", ge=0, description="Time that a payload has between TERM and KILL"
    )
    wrapper_hold: int = option(
        1200,
        key="wrapper.hold",
        unit="s",
        ge=0,
        description="So long a pilot keeps the slot of a node at fault, that others do not fail there too",
    )
    wrapper_tell_empty: bool = option(
        False,
        key="wrapper.tellempty",
        description="A pilot without any payload ends with code 22 instead of 0",
    )
    wrapper_udp: HostAndPort | None = option(
        None,
        key="wrapper.udp",
        description="host:port that wrappers ping by UDP, for instance this factory's pings.listen",
    )
    wrapper_report: str | None = option(
        None,
        key="wrapper.report",
        pattern=r"^https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?$",
        description="URL that composed wrappers report to by HTTP: this factory's reports.listen,"
        " as nodes see it",
    )

    interpolation_only: ClassVar[tuple[str, ...]] = (
        "executable.defaultarguments",
        "vo",
        "grid",
        "cloud",
        "status",
        "override",
        "autofill",
        "req",
        "hold",
        "remove",
        "creamattr",
        "periodic_hold",
        "periodic_remove",
    )
