"""Submissions, quoting and actions against a real schedd and real jobs."""

import json
import random
import time
from pathlib import Path

import pytest

from autopyfactory.condor.client import CondorClient, Identity, Submitted
from autopyfactory.condor.errors import LimitReached, Refused, Unreachable
from autopyfactory.condor.quoting import attr, constraint_string, macro, words
from autopyfactory.condor.target import Target
from patience import PATIENCE, until
from testbed.pool import SITE, Pool

DEADLINE = PATIENCE
IDLE_JOB = {"executable": "/bin/true", "initialdir": "/", "requirements": "false"}
NASTY = [
    "", " ", "  two  blanks ", "'", "''", '"', '""', "it's", 'say "hi"', "\\", "a\\", "\\\\", '\\"',
    "a\\b\\\\c", "$", "$$", "$(Cluster)", "$HOME", "${HOME}", "$ENV(HOME)", "$(x)$(y)", "a$", "#no comment",
    "a=b", "-n", "--", "*", "~", "`id`", ";exit", "|", "&&", "<>", "tab\there", "ünïcode ✓ 🙂", "%s %d",
    "@=end", "queue 5", "$RANDOM_CHOICE(1,2)", "x" * 2000, "\x01\x1f\x7f", ",", "a,b", "()", "[x]", "{y}",
    "=?= undefined",
]  # fmt: skip


@pytest.fixture(scope="module")
def site(make_pool) -> Pool:
    return make_pool("site", SITE)


@pytest.fixture(scope="module")
def client(site: Pool):
    client = CondorClient(Target(site.schedd, site.collector))
    yield client
    client.close()


def ad(client: CondorClient, cluster: int, *names: str) -> dict:
    (row,) = client.query(f"ClusterId == {cluster} && ProcId == 0", names, deadline=DEADLINE)
    return row


def test_a_submission_is_one_cluster(site, client):
    done = client.submit(IDLE_JOB | {"+ApfSubmission": attr("tag-1")}, 7, deadline=DEADLINE)
    assert (done.first_proc, done.count) == (0, 7)
    out = site.run_client("condor_q", "-all", "-constraint", 'ApfSubmission == "tag-1"', "-af:j", "Cmd")
    assert out.stdout.splitlines() == [f"{done.cluster}.{proc} /bin/true" for proc in range(7)]
    assert client.submit(IDLE_JOB, 1, deadline=DEADLINE) == Submitted(done.cluster + 1, 0, 1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"universe": "grid", "grid_resource": "cream x"}, "Invalid value 'cream' for grid type"),
        ({"initialdir": "/no/such/place"}, "No such directory"),
        ({"hold": "perhaps"}, "hold=perhaps is invalid"),
        ({"+Broken": "3 +"}, "Parse error in expression"),
        ({"executable": ""}, "executable"),
    ],
)
def test_a_bad_description_is_refused_and_leaves_nothing(client, change, says):
    before = client.counts(["JobStatus"], "true", deadline=DEADLINE)
    with pytest.raises(Refused, match=says):
        client.submit(IDLE_JOB | change, 1, deadline=DEADLINE)
    assert client.counts(["JobStatus"], "true", deadline=DEADLINE) == before
    assert client.submit(IDLE_JOB, 1, deadline=DEADLINE).count == 1, "the next one is not affected"


def test_too_many_at_once_or_in_all_are_refused_whole(make_pool):
    pool = make_pool("limited", MAX_JOBS_PER_OWNER="5", MAX_JOBS_PER_SUBMISSION="4")
    client = CondorClient(Target(pool.schedd, pool.collector))
    with pytest.raises(
        LimitReached, match=r"MAX_JOBS_PER_SUBMISSION \(4\) of the schedd leaves room for 4 more"
    ):
        client.submit(IDLE_JOB, 5, deadline=DEADLINE)
    assert client.counts(["JobStatus"], "true", deadline=DEADLINE) == []
    client.submit(IDLE_JOB, 4, deadline=DEADLINE)
    with pytest.raises(LimitReached) as told:
        client.submit(IDLE_JOB, 2, deadline=DEADLINE)
    assert (told.value.limit, told.value.value, told.value.room) == ("MAX_JOBS_PER_OWNER", 5, 1)
    assert client.counts(["JobStatus"], "true", deadline=DEADLINE) == [{"JobStatus": 1, "JobCount": 4}]
    client.close()


class TestQuoting:
    def test_job_attributes_arrive_as_they_are(self, client):
        texts = [text for text in [*NASTY, *scrambled(400)] if quotable(attr, text)]
        assert len(texts) > 300
        description = IDLE_JOB | {f"+Text{number}": attr(text) for number, text in enumerate(texts)}
        done = client.submit(description, 1, deadline=DEADLINE)
        row = ad(client, done.cluster, *(f"Text{number}" for number in range(len(texts))))
        assert list(row.values()) == texts

    def test_macro_values_arrive_as_they_are(self, client):
        """A macro of our own, read back through an attribute; there quotes would end the string."""
        texts = [text.replace('"', "").strip() for text in NASTY + scrambled(400)]
        texts = [text for text in texts if text and "$$(" not in text and quotable(macro, text)]
        assert len(texts) > 200
        description = IDLE_JOB.copy()
        for number, text in enumerate(texts):
            description[f"Text{number}"] = macro(text)
            description[f"+Text{number}"] = f'"$(Text{number})"'
        done = client.submit(description, 1, deadline=DEADLINE)
        row = ad(client, done.cluster, *(f"Text{number}" for number in range(len(texts))))
        assert list(row.values()) == texts

    def test_constraints_find_exactly_their_text(self, client):
        texts = [text for text in NASTY + scrambled(100) if quotable(constraint_string, text)]
        texts = list(dict.fromkeys(text for text in texts if quotable(attr, text)))
        assert len(texts) > 80
        cluster = client.submit(
            IDLE_JOB | {f"+Text{n}": attr(text) for n, text in enumerate(texts)}, 1, deadline=DEADLINE
        ).cluster
        for number, text in enumerate(texts):
            this = f"ClusterId == {cluster} && Text{number} =?= {constraint_string(text)}"
            assert len(client.query(this, ["ClusterId"], deadline=DEADLINE)) == 1, text
            assert client.counts(["ClusterId"], this, deadline=DEADLINE)[0]["JobCount"] == 1, text
            other = f"ClusterId == {cluster} && Text{number - 1} =?= {constraint_string(text)}"
            assert client.query(other, ["ClusterId"], deadline=DEADLINE) == [], text

    def test_a_job_sees_its_arguments_and_environment_as_they_are(self, site, client, place):
        """The job itself writes down what it was started with."""
        arguments = [
            text for text in [*NASTY, "$$(Arch)", "$$([1+1])", "a$$(b)c"] if quotable(words_of, text)
        ]
        values = {f"APF_TEST_{number}": text for number, text in enumerate(arguments)}
        job = Path(place) / "job.py"
        job.write_text(
            "#!/usr/bin/python3\nimport json, os, sys\n"
            "env = {k: v for k, v in os.environb.items() if k.startswith(b'APF_TEST_')}\n"
            "args = [os.fsencode(arg) for arg in sys.argv[1:]]\n"
            "env = {k.decode(): v.decode() for k, v in env.items()}\n"
            "print(json.dumps([[a.decode() for a in args], env]))\n"
        )
        job.chmod(0o755)
        description = {
            "executable": str(job), "initialdir": str(place), "output": "job.out", "error": "job.err",
            "arguments": words(arguments), "should_transfer_files": "yes",
            "environment": words(f"{name}={value}" for name, value in values.items()),
        }  # fmt: skip
        done = client.submit(description, 1, deadline=DEADLINE)
        until(lambda: finished(client, done.cluster), "the job's end")
        seen, environment = json.loads((Path(place) / "job.out").read_text())
        assert seen == arguments
        assert environment == values


def words_of(text: str) -> str:
    return words([text])


def quotable(quote, text: str) -> bool:
    try:
        quote(text)
    except ValueError:
        return False
    return True


def scrambled(number: int) -> list[str]:
    parts = [*list("$()\\\"' aF#=@\t[]"), "$(", "$$", "$ENV(X)", "é", "DOLLAR", '\\"']
    chance = random.Random(4711)
    return ["".join(chance.choices(parts, k=chance.randint(1, 9))) for _ in range(number)]


def finished(client: CondorClient, cluster: int) -> bool:
    rows = client.query(f"ClusterId == {cluster}", ["JobStatus", "HoldReason"], deadline=DEADLINE)
    assert all(row["JobStatus"] != 5 for row in rows), rows
    return not rows


class TestActions:
    @pytest.fixture
    def tagged(self, client, request):
        tag = f"{request.node.name}-{time.time_ns()}"
        client.submit(IDLE_JOB | {"+Tag": attr(tag)}, 3, deadline=DEADLINE)
        return f"Tag == {constraint_string(tag)}"

    def status(self, client, constraint):
        rows = client.counts(["JobStatus"], constraint, deadline=DEADLINE)
        return {row["JobStatus"]: row["JobCount"] for row in rows}

    def test_hold_release_remove(self, client, tagged):
        totals = client.act("hold", tagged, reason='too slow, "they" said; $(x)', deadline=DEADLINE)
        assert totals["TotalSuccess"] == 3
        assert self.status(client, tagged) == {5: 3}
        (row, *_) = client.query(tagged, ["HoldReason"], deadline=DEADLINE)
        assert row["HoldReason"].startswith("too slow, 'they' said; $(x)")
        assert client.act("hold", tagged, deadline=DEADLINE)["TotalAlreadyDone"] == 3
        assert client.act("release", tagged, deadline=DEADLINE)["TotalSuccess"] == 3
        assert self.status(client, tagged) == {1: 3}
        assert client.act("remove", f"{tagged} && ProcId == 1", deadline=DEADLINE)["TotalSuccess"] == 1
        until(lambda: self.status(client, tagged) == {1: 2}, "one job gone")
        assert client.act("removex", tagged, deadline=DEADLINE)["TotalSuccess"] == 0, "not removed yet"
        assert client.act("remove", tagged, deadline=DEADLINE)["TotalSuccess"] == 2
        until(lambda: self.status(client, tagged) == {}, "all jobs gone")

    def test_removex_drops_what_a_remove_leaves_behind(self, client):
        description = IDLE_JOB | {"leave_in_queue": "true", "+Tag": attr("stays")}
        client.submit(description, 2, deadline=DEADLINE)
        client.act("remove", 'Tag == "stays"', reason='over "there"', deadline=DEADLINE)
        assert self.status(client, 'Tag == "stays"') == {3: 2}
        (row, _) = client.query('Tag == "stays"', ["RemoveReason"], deadline=DEADLINE)
        assert row["RemoveReason"].startswith("over 'there'")
        assert client.act("removex", 'Tag == "stays"', deadline=DEADLINE)["TotalSuccess"] == 2
        until(lambda: self.status(client, 'Tag == "stays"') == {}, "all jobs gone")

    def test_a_constraint_with_or_keeps_its_meaning(self, client, tagged):
        assert client.act("hold", f"{tagged} && ProcId == 0 || false", deadline=DEADLINE)["TotalSuccess"] == 1
        assert self.status(client, tagged) == {1: 2, 5: 1}

    def test_matching_nothing_is_no_error(self, client):
        totals = client.act("remove", "ClusterId == -1", deadline=DEADLINE)
        assert sum(totals.values()) == 0

    def test_what_looks_like_a_job_id_is_no_constraint(self, client, tagged):
        """The bindings would take "12.0" for a job; to us it is an expression, which matches what is true."""
        (row, *_) = client.query(tagged, ["ClusterId"], deadline=DEADLINE)
        client.act("hold", f"{row['ClusterId']} == 0", deadline=DEADLINE)
        assert self.status(client, tagged) == {1: 3}

    def test_unknown_actions_and_broken_constraints(self, client):
        with pytest.raises(ValueError, match="no such action"):
            client.act("explode", "true", deadline=DEADLINE)
        with pytest.raises(ValueError, match="not a ClassAd expression"):
            client.act("remove", "true) || (", deadline=DEADLINE)


@pytest.fixture(scope="module")
def strict(make_pool) -> Pool:
    """A schedd that knows tokens only, and only one identity that may write."""
    return make_pool("strict", methods=("IDTOKENS",), members=("pilot@grid.test",))


class TestPermission:
    def target(self, pool: Pool, place: Path, identity: str | None) -> Target:
        directory = Path(place) / f"tokens-{identity}"
        directory.mkdir(mode=0o700, exist_ok=True)
        if identity:
            pool.write_secret(directory / "token", pool.token(identity) + "\n")
        return Target(pool.schedd, pool.collector, (("SEC_TOKEN_DIRECTORY", str(directory)),))

    def test_who_may(self, strict, place):
        client = CondorClient(self.target(strict, place, "pilot"))
        assert client.ping(deadline=DEADLINE) == Identity("pilot@grid.test", "IDTOKENS")
        client.close()

    def test_who_may_not(self, strict, place):
        client = CondorClient(self.target(strict, place, "stranger"))
        for call in self.writes(client):
            with pytest.raises(Refused, match=r"DENIED.*stranger@grid\.test"):
                call()
        assert client.counts(["JobStatus"], "true", deadline=DEADLINE) == [], "reading is allowed"
        client.close()

    def test_who_cannot_say_who_he_is(self, strict, place):
        client = CondorClient(self.target(strict, place, None))
        for call in self.writes(client):
            with pytest.raises(Unreachable, match="authenticate"):
                call()
        client.close()

    def writes(self, client):
        return [
            lambda: client.ping(deadline=DEADLINE),
            lambda: client.submit(IDLE_JOB, 1, deadline=DEADLINE),
            lambda: client.act("remove", "true", deadline=DEADLINE),
        ]

    def test_the_default_is_the_file_system(self, site, client):
        assert client.ping(deadline=DEADLINE) == Identity(f"{site.owner}@grid.test", "FS")


class TestMany:
    def test_a_recycled_child_loses_nothing(self, site):
        client = CondorClient(Target(site.schedd, site.collector), recycle_after=20)
        pids = set()
        for _ in range(70):
            client.submit(IDLE_JOB | {"+Many": attr("recycled")}, 1, deadline=DEADLINE)
            pids.add(client.pid)
        (row,) = client.counts(["Many"], 'Many == "recycled"', deadline=DEADLINE)
        assert row["JobCount"] == 70
        assert len(pids - {None}) == 4
        client.act("remove", 'Many == "recycled"', deadline=DEADLINE)
        client.close()

    @pytest.mark.slow
    def test_one_child_survives_thousands_of_submissions(self, ap):
        """Uncompensated, interpreters before 3.12 abort after about five thousand."""
        client = CondorClient(Target(ap.schedd, ap.collector), recycle_after=10**9)
        client.locate(deadline=DEADLINE)
        pid, number = client.pid, 6500
        for _ in range(number):
            client.submit(IDLE_JOB, 1, deadline=DEADLINE)
        assert client.pid == pid
        (row,) = client.counts(["JobStatus"], "true", deadline=DEADLINE)
        assert row == {"JobStatus": 1, "JobCount": number}
        client.close()
