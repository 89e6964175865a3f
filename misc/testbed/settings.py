"""HTCondor configuration of a test pool: loopback only, one ordinary user, quick instead of economical."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from testbed.condor import Condor

DOMAIN = "grid.test"  # reserved for tests, so it can never be somebody's

DIRECTORIES = ("log", "spool", "execute", "lock", "run", "etc", "tmp", "cred", "passwords.d", "tokens.d")
SECRET = ("cred", "passwords.d", "tokens.d")

PLACES = """
RELEASE_DIR = {condor.release}
BIN = {condor.bin}
SBIN = {condor.sbin}
LIB = {condor.lib}
LIBEXEC = {condor.libexec}
LOCAL_DIR = {directory}
LOCAL_CONFIG_FILE =
LOCAL_CONFIG_DIR =
USER_CONFIG_FILE =
LOG = $(LOCAL_DIR)/log
SPOOL = $(LOCAL_DIR)/spool
EXECUTE = $(LOCAL_DIR)/execute
LOCK = $(LOCAL_DIR)/lock
RUN = $(LOCAL_DIR)/run
ETC = $(LOCAL_DIR)/etc
TMP_DIR = $(LOCAL_DIR)/tmp
CRED_STORE_DIR = $(LOCAL_DIR)/cred
MAIL = /bin/true
MAX_DEFAULT_LOG = 50 Mb
"""

NETWORK = """
CONDOR_HOST = 127.0.0.1
COLLECTOR_HOST = {collector}
NETWORK_INTERFACE = 127.0.0.1
BIND_ALL_INTERFACES = False
ENABLE_IPV6 = False
NO_DNS = True
DEFAULT_DOMAIN_NAME = {domain}
UID_DOMAIN = {domain}
FILESYSTEM_DOMAIN = {name}.{domain}
TRUST_DOMAIN = {name}.{domain}
# With a shared port the schedd's address file first names port 0, which nobody can use.
USE_SHARED_PORT = False
"""

DAEMONS = """
DAEMON_LIST = {daemons}
MASTER_NAME = {name}@{domain}
SCHEDD_NAME = {name}@{domain}
STARTD_NAME = {name}
SCHEDD_ADDRESS_FILE = $(SPOOL)/.schedd_address
SCHEDD_SUPER_ADDRESS_FILE = $(SPOOL)/.schedd_address.super
COLLECTOR_ADDRESS_FILE = $(LOG)/.collector_address
DISCARD_SESSION_KEYRING_ON_STARTUP = False
MASTER_NEW_BINARY_RESTART = NEVER
SHUTDOWN_FAST_TIMEOUT = 5
MASTER_BACKOFF_CONSTANT = 1
"""

# Only the user who runs the pool (FS), its own daemons (the pool's signing key) and the identities it makes
# tokens for may change anything: other users of the same machine authenticate by FS as well, as themselves.
SECURITY = """
SEC_DEFAULT_AUTHENTICATION = REQUIRED
SEC_READ_AUTHENTICATION = OPTIONAL
SEC_CLIENT_AUTHENTICATION = OPTIONAL
SEC_DEFAULT_AUTHENTICATION_METHODS = {methods}
SEC_CLIENT_AUTHENTICATION_METHODS = FS, IDTOKENS
SEC_FS_ENFORCE_CHANNEL_BINDING = False
SEC_PASSWORD_DIRECTORY = $(LOCAL_DIR)/passwords.d
SEC_TOKEN_POOL_SIGNING_KEY_FILE = $(LOCAL_DIR)/passwords.d/POOL
SEC_TOKEN_DIRECTORY = $(LOCAL_DIR)/tokens.d
SEC_TOKEN_SYSTEM_DIRECTORY = $(LOCAL_DIR)/tokens.d
SEC_ENABLE_MATCH_PASSWORD_AUTHENTICATION = True
TESTBED_SELF = {user}@{domain}, condor@{domain}, condor@{name}.{domain}, condor_pool@*, condor@password, condor@child, condor@parent, condor@family
TESTBED_MEMBERS = {members}
ALLOW_READ = *
ALLOW_WRITE = $(TESTBED_SELF), $(TESTBED_MEMBERS)
ALLOW_ADVERTISE_STARTD = $(ALLOW_WRITE)
ALLOW_ADVERTISE_MASTER = $(ALLOW_WRITE)
ALLOW_ADVERTISE_SCHEDD = $(ALLOW_WRITE)
ALLOW_DAEMON = $(ALLOW_WRITE)
ALLOW_NEGOTIATOR = $(TESTBED_SELF)
ALLOW_ADMINISTRATOR = $(TESTBED_SELF)
ALLOW_CONFIG = $(TESTBED_SELF)
ALLOW_OWNER = $(TESTBED_SELF)
QUEUE_SUPER_USERS = {user}, condor
"""  # noqa: E501

QUICK = """
SCHEDD_INTERVAL = 1
SCHEDD_MIN_INTERVAL = 1
NEGOTIATOR_INTERVAL = 1
NEGOTIATOR_CYCLE_DELAY = 1
NEGOTIATOR_MIN_INTERVAL = 1
UPDATE_INTERVAL = 5
MASTER_UPDATE_INTERVAL = 5
NEGOTIATOR_UPDATE_INTERVAL = 15
PERIODIC_EXPR_INTERVAL = 2
"""

# The access point's side of the grid universe (HTCondor-G).
GRID_UNIVERSE = """
CONDOR_GAHP = $(SBIN)/condor_c-gahp
C_GAHP_WORKER_THREAD = $(SBIN)/condor_c-gahp_worker_thread
C_GAHP_LOG = $(LOG)/CGAHPLog
C_GAHP_LOCK = $(LOCK)/CGAHPLock
ARC_GAHP_LOG = $(LOG)/ArcGahpLog
EC2_GAHP_LOG = $(LOG)/EC2GahpLog
GCE_GAHP_LOG = $(LOG)/GceGahpLog
C_GAHP_WORKER_THREAD_LOG = $(LOG)/CGAHPWorkerLog
C_GAHP_WORKER_THREAD_LOCK = $(LOCK)/CGAHPWorkerLock
GRIDMANAGER_LOG = $(LOG)/GridmanagerLog
GRIDMAP =
GRIDMANAGER_SELECTION_EXPR =
GRIDMANAGER_LOG_APPEND_SELECTION_EXPR = False
BATCH_GAHP = $(BIN)/blahpd
BLAHPD_LOCATION = $(RELEASE_DIR)
GRIDMANAGER_JOB_PROBE_INTERVAL = 2
GRIDMANAGER_RESOURCE_PROBE_INTERVAL = 5
GRIDMANAGER_CONTACT_SCHEDD_DELAY = 1
GRIDMANAGER_CONNECT_FAILURE_RETRY_INTERVAL = 1
GRIDMANAGER_COLLECTOR_UPDATE_INTERVAL = 5
GRIDMANAGER_CHECKPROXY_INTERVAL = 5
GRIDMANAGER_MINIMUM_PROXY_TIME = 0
CONDOR_JOB_POLL_INTERVAL = 2
C_GAHP_CONTACT_SCHEDD_DELAY = 1
CGAHP_SCHEDD_INTERACTION_TIME = 1
# Delegating a proxy fails with this HTCondor on OpenSSL 3.5 (it asks for a certificate request of version 2).
DELEGATE_JOB_GSI_CREDENTIALS = False
"""

# Eight slots on whatever processor there is: pilots mostly sleep.
SLOTS = """
NUM_CPUS = 8
MEMORY = 16000
NUM_SLOTS = 8
NUM_SLOTS_TYPE_1 = 8
SLOT_TYPE_1 = cpus=1
SLOT_TYPE_1_PARTITIONABLE = False
START = True
SUSPEND = False
PREEMPT = False
KILL = False
RUNBENCHMARKS = 0
BENCHMARKS_JOBLIST =
JAVA =
VM_TYPE =
MACHINE_RESOURCE_INVENTORY_GPUS =
STARTD_HAS_BAD_UTMP = False
STARTER_UPDATE_INTERVAL = 5
"""

# All that a client of the pool needs.  Not the pool's signing key: whoever can read it is let in as the pool.
CLIENT = """
LOCAL_CONFIG_FILE =
LOCAL_CONFIG_DIR =
USER_CONFIG_FILE =
RELEASE_DIR = {condor.release}
BIN = {condor.bin}
SBIN = {condor.sbin}
LIB = {condor.lib}
LIBEXEC = {condor.libexec}
LOCAL_DIR = {directory}/client
LOG = $(LOCAL_DIR)
SPOOL = $(LOCAL_DIR)
SCHEDD_HOST = {name}@{domain}
# Slots share the disk of this machine: the gigabyte that newer clients ask for by themselves may be too much.
JOB_DEFAULT_REQUESTDISK = 1024
SEC_CLIENT_AUTHENTICATION_METHODS = FS, IDTOKENS
SEC_CLIENT_AUTHENTICATION = OPTIONAL
SEC_FS_ENFORCE_CHANNEL_BINDING = False
SEC_TOKEN_DIRECTORY = $(LOCAL_DIR)/tokens.d
SEC_TOKEN_SYSTEM_DIRECTORY = $(LOCAL_DIR)/tokens.d
SEC_PASSWORD_DIRECTORY = $(LOCAL_DIR)/passwords.d
SEC_TOKEN_POOL_SIGNING_KEY_FILE = $(LOCAL_DIR)/passwords.d/POOL
"""


def daemon_config(
    condor: Condor,
    directory: Path,
    name: str,
    collector: str,
    user: str,
    daemons: Sequence[str],
    methods: Sequence[str],
    members: Sequence[str],
    extra: Mapping[str, str],
) -> str:
    """The configuration of the pool's daemons; `extra` has the last word."""
    parts = [PLACES, NETWORK, DAEMONS, SECURITY, QUICK, GRID_UNIVERSE]
    parts += [SLOTS] if "STARTD" in daemons else []
    text = "".join(parts).format(
        condor=condor, directory=directory, name=name, collector=collector, user=user, domain=DOMAIN,
        daemons=" ".join(daemons), methods=", ".join(methods), members=", ".join(members),
    )  # fmt: skip
    return text + assignments(extra)


def client_config(condor: Condor, directory: Path, name: str, collector: str) -> str:
    """The configuration of the pool's clients."""
    return (CLIENT + NETWORK).format(
        condor=condor, directory=directory, name=name, collector=collector, domain=DOMAIN
    )


def assignments(settings: Mapping[str, str]) -> str:
    """Settings as lines of configuration."""
    for key, value in settings.items():
        if "\n" in key + value:
            raise ValueError(f"a line break in setting {key!r}")
    return "".join(f"{key} = {value}\n" for key, value in settings.items())
