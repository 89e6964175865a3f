import dataclasses
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.record import CycleRecord, FactoryEvent, Sent
from autopyfactory.notify.digest import (
    GATHER,
    MAX_CAUSES,
    Digest,
    Notice,
    cause_of,
    codes_of,
    compose,
    notice_of,
)
from autopyfactory.notify.mail import LAST_RETRY, Mailer, MailOptions
from autopyfactory.options.binding import bind
from autopyfactory.options.section import Section
from autopyfactory.why.problems import problems
from fakes import FakeClock
from patience import PATIENCE, SOON, until
from servers import certificates, faulty
from servers.base import at_a_port
from servers.context import factory_options

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REPEAT = 3600


class Inbox:
    """What a real SMTP server took."""

    def __init__(self):
        self.mails = []
        self.refuse = {}

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope, session))
        return "250 taken"

    @property
    def texts(self):
        return [e.content.decode() for e, _ in self.mails]

    @property
    def subjects(self):
        return [next(li for li in t.splitlines() if li.startswith("Subject:")) for t in self.texts]


@pytest.fixture
def inbox():
    return Inbox()


@pytest.fixture
def serve(inbox):
    running = []

    def start(**kwargs):
        def listen(port):
            controller = Controller(inbox, hostname="127.0.0.1", port=port, ready_timeout=PATIENCE, **kwargs)
            controller.start()
            running.append(controller)
            return port

        port = kwargs.pop("port", None)
        return listen(port) if port else at_a_port(listen)

    start.running = running
    yield start
    for controller in running:
        controller.stop()


def make(port, host="127.0.0.1", **options):
    factory = factory_options(
        admin_email="neo@example.org, trinity@example.org",
        smtp_server=f"{host}:{port}",
        min_email_repeat=REPEAT,
    )
    given = {"sender": "apf@example.org", "timeout": SOON, **options}
    return Mailer(factory, MailOptions(**given), FakeClock())


def notice(cause="c", subject="the proxy is old", text="it ends at 12:07", at=NOW):
    return Notice(cause, subject, text, at)


def add(mailer, *args, **kwargs):
    """Give a notice without starting the thread: the tests take the steps."""
    mailer._digest.add(notice(*args, **kwargs), mailer.clock.monotonic())


def test_a_new_trouble_is_mailed_after_a_short_while(inbox, serve):
    mailer = make(serve())
    add(mailer)
    assert mailer.step() == GATHER
    assert inbox.mails == []
    mailer.clock.advance(GATHER)
    assert mailer.step() is None
    (envelope, _), text = inbox.mails[0], inbox.texts[0]
    assert envelope.rcpt_tos == ["neo@example.org", "trinity@example.org"]
    assert envelope.mail_from == "apf@example.org"
    assert inbox.subjects == ["Subject: [test-factory] the proxy is old"]
    assert "it ends at 12:07" in text
    assert "Auto-Submitted: auto-generated" in text


def test_one_failure_with_many_faces_is_one_mail(inbox, serve):
    mailer = make(serve())
    for i in range(80):
        add(mailer, f"cause {i}", f"queue {i} is held back")
    mailer.clock.advance(GATHER)
    mailer.step()
    assert inbox.subjects == ["Subject: [test-factory] queue 0 is held back (and 79 more)"]
    assert "queue 49 is held back" in inbox.texts[0]
    assert "... and 30 other troubles" in inbox.texts[0]


def test_what_goes_on_is_told_in_digests(inbox, serve):
    """A proxy that is looked at each minute for a day: 1 mail and one digest an hour, not 1440."""
    mailer = make(serve())
    for minute in range(24 * 60):
        at = NOW + timedelta(minutes=minute)
        add(mailer, text=f"{at:%H:%M}: it ended", at=at)
        mailer.step()
        mailer.clock.advance(60)
    assert 23 <= len(inbox.mails) <= 25
    assert "times since 2026-11-22 12:00:00 UTC" in inbox.texts[1]


def test_what_was_over_and_comes_again_is_news(inbox, serve):
    mailer = make(serve())
    for wait in (GATHER, 3 * REPEAT, GATHER):
        if wait == GATHER:
            add(mailer)
        mailer.clock.advance(wait)
        mailer.step()
    assert len(inbox.mails) == 2
    assert "times since" not in inbox.texts[1]


def test_a_server_that_is_away_costs_no_notice(inbox, serve):
    port = serve()
    serve.running.pop().stop()
    mailer = make(port)
    add(mailer, "a", "first trouble")
    pauses = []
    for _ in range(9):
        mailer.clock.advance(pauses[-1] if pauses else GATHER)
        pauses.append(mailer.step())
    assert "refused" in mailer.status().last_error
    assert mailer.status().failures == 9
    assert pauses == sorted(pauses)
    assert pauses[-1] == LAST_RETRY
    add(mailer, "b", "second trouble")
    serve(port=port)
    mailer.clock.advance(LAST_RETRY)
    mailer.step()
    assert len(inbox.mails) == 1
    assert "first trouble" in inbox.texts[0]
    assert "second trouble" in inbox.texts[0]
    assert mailer.status().last_error is None


@pytest.mark.parametrize("behaviour", [faulty.silent, faulty.reset, faulty.drip_head])
def test_a_server_that_hangs_is_left_after_the_time_limit(behaviour):
    def drip(conn, server):
        conn.sendall(b"220-")
        while not server.stopping.wait(0.1):
            conn.sendall(b"x")

    with faulty.FaultyServer(drip if behaviour is faulty.drip_head else behaviour) as server:
        mailer = make(server.port, timeout=0.7)
        add(mailer)
        mailer.clock.advance(GATHER)
        started = time.monotonic()
        mailer.step()
        assert time.monotonic() - started < SOON
        assert mailer.status().failures == 1


def test_notify_never_waits_for_the_server():
    with faulty.FaultyServer(faulty.silent) as server:
        mailer = make(server.port)
        mailer._digest.repeat = 0
        started = time.monotonic()
        for i in range(1000):
            mailer.notify(notice(f"c{i}"))
        assert time.monotonic() - started < SOON
        mailer.clock.advance(GATHER)
        mailer.notify(notice())
        mailer.close(0.1)
        assert time.monotonic() - started < SOON


def test_the_thread_sends(inbox, serve, monkeypatch):
    monkeypatch.setattr("autopyfactory.notify.digest.GATHER", 0.05)
    mailer = make(serve())
    mailer.clock = type("Real", (), {"monotonic": staticmethod(time.monotonic)})()
    mailer.report(FactoryEvent("problem", NOW, "the disk is full", None, {"cause": "disk"}))
    mailer.report(FactoryEvent("started", NOW, "12 queues"))
    until(lambda: inbox.mails)
    mailer.close()
    assert inbox.subjects == ["Subject: [test-factory] the disk is full"]


def test_starttls_and_login(inbox, serve, tmp_path):
    certs = certificates.make(tmp_path)
    logins = []

    def authenticate(server, session, envelope, mechanism, data):
        logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"secret", handled=False)

    port = serve(
        tls_context=certs.server(), require_starttls=True, authenticator=authenticate, auth_required=True
    )
    (tmp_path / "password").write_text("secret\n")
    login = {"user": "apf", "password_file": str(tmp_path / "password"), "security": "starttls"}
    mailer = make(port, "localhost", ca=certs.ca_file, **login)
    add(mailer)
    mailer.clock.advance(GATHER)
    mailer.step()
    assert len(inbox.mails) == 1, mailer.status().last_error
    assert logins == [(b"apf", b"secret")]
    for options, told in (
        ({"ca": certs.other_ca_file, **login}, "certificate verify failed"),
        ({"ca": certs.ca_file, "security": "starttls"}, "uthentication required"),
        ({}, "STARTTLS"),
    ):
        refused = make(port, "localhost", **options)
        add(refused)
        refused.clock.advance(GATHER)
        refused.step()
        assert told in refused.status().last_error
    (tmp_path / "password").write_text("wrong")
    mailer = make(port, "localhost", ca=certs.ca_file, **login)
    add(mailer)
    mailer.clock.advance(GATHER)
    mailer.step()
    assert "535" in mailer.status().last_error
    assert "wrong" not in mailer.status().last_error
    assert len(inbox.mails) == 1


def test_one_recipient_that_is_refused_does_not_cost_the_other_his_mail(inbox, serve, caplog):
    inbox.refuse = {"neo@example.org": "550 nobody here"}
    mailer = make(serve())
    add(mailer)
    mailer.clock.advance(GATHER)
    mailer.step()
    assert len(inbox.mails) == 1
    assert "neo@example.org" in caplog.text
    inbox.refuse["trinity@example.org"] = "550 nobody here"
    add(mailer, "other")
    mailer.clock.advance(GATHER)
    mailer.step()
    assert "nobody here" in mailer.status().last_error


@pytest.mark.parametrize("subject", ["two\nlines\r\nBcc: all@example.org", "ü" * 500, "", "\x00"])
def test_no_text_can_break_the_headers(inbox, serve, subject):
    mailer = make(serve())
    add(mailer, subject=subject, text="a\r\n.\r\nMAIL FROM:<x>")
    mailer.clock.advance(GATHER)
    mailer.step()
    assert len(inbox.mails) == 1, mailer.status().last_error
    assert inbox.mails[0][0].rcpt_tos == ["neo@example.org", "trinity@example.org"]
    assert "\nBcc:" not in inbox.texts[0]


def test_passwords_are_not_sent_in_clear():
    for texts, told in (
        ({"mail.user": "u", "mail.passwordfile": "/p"}, "not sent in clear"),
        ({"mail.user": "u"}, "set both or none"),
    ):
        options, problems = bind(MailOptions, Section("Factory"), Section.from_texts("Factory", texts))
        assert options is None
        assert told in problems[0].message


def cycle(**given):
    return CycleRecord("Q", 1, NOW, **{"outcome": "nothing", "reason": "", **given})


def test_what_is_worth_a_mail():
    assert notice_of(cycle()) is None
    assert notice_of(cycle(outcome="held back", reason="old")) is None
    first = notice_of(cycle(outcome="failed", reason="schedd refused 12 pilots at 12:01:07"))
    again = notice_of(cycle(outcome="failed", reason="schedd refused 9 pilots at 12:02:09"))
    other = notice_of(cycle(outcome="failed", reason="no folder for the logs"))
    assert first.cause == again.cause != other.cause
    credential = notice_of(cycle(credential="atlas-pilot ended 02:12"))
    assert credential.cause == notice_of(cycle(credential="atlas-pilot ended 03:30")).cause
    assert notice_of(cycle(breaker="5 of 5 pilots failed")).subject == "queue Q: pilots fail"
    assert cause_of("a 12:07 b 3.5 c 2026-11-22") == "a # b # c #"


def test_memory_is_bounded():
    digest = Digest(REPEAT)
    for i in range(3 * MAX_CAUSES):
        digest.add(notice(f"c{i}"), float(i))
    assert len(digest.causes) == MAX_CAUSES
    assert digest.forgotten == 2 * MAX_CAUSES


def test_compose_is_one_line_and_a_text():
    digest = Digest(REPEAT)
    digest.add(notice(subject="x " * 300), 0)
    subject, text = compose(digest.due(GATHER), "f")
    assert len(subject) <= 200
    assert text.endswith("\n")


def test_a_name_server_that_says_nothing_holds_up_nobody_who_has_news(serve, inbox, monkeypatch):
    """Queue threads give notices while the mail thread asks for this host's name: once, and in no lock."""
    asked, free = threading.Event(), threading.Event()

    def name():
        asked.set()
        assert free.wait(PATIENCE)
        return "host.example.org"

    monkeypatch.setattr("autopyfactory.notify.mail.host_name", name)
    mailer = make(serve(), sender=None)
    add(mailer)
    mailer.clock.advance(GATHER)
    step = threading.Thread(target=mailer.step)
    step.start()
    assert asked.wait(PATIENCE)
    told = threading.Thread(target=lambda: (add(mailer, "another"), mailer.status()))
    told.start()
    told.join(SOON)
    assert not told.is_alive()
    free.set()
    step.join(PATIENCE)
    assert len(inbox.mails) == 1
    assert "@host.example.org" in inbox.texts[0]
    assert inbox.mails[0][1].host_name == "host.example.org"  # smtplib asks the name server if it is not told


# --- what somebody has taken on -------------------------------------------------------------------


FAILED = {
    "outcome": "failed",
    "reason": "submission failed: no",
    "sent": (Sent("tag", "schedd", "ce", 0, error="no"),),
}


class TakenOn:
    """Who has taken on what, by queue."""

    def __init__(self):
        self.codes = {}

    def __call__(self, queue):
        return self.codes.get(queue, ())


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"credential": "it ended"}, ["credential"]),
        ({"breaker": "5 of 5 pilots failed"}, ["breaker-open"]),
        (FAILED, ["submission-failed"]),
    ],
)
def test_what_somebody_has_taken_on_is_not_mailed_again_until_that_ends(inbox, serve, changes, codes):
    mailer = make(serve())
    taken = TakenOn()
    mailer = Mailer(mailer.factory, mailer.options, mailer.clock, taken)
    event = cycle(**changes)
    assert [c.code for c in problems(event)] == codes, "these are what `acknowledge` takes"

    def pass_by(times):
        for _ in range(times):
            if (found := notice_of(event, taken)) is not None:
                mailer._digest.add(found, mailer.clock.monotonic())
            mailer.step()
            mailer.clock.advance(60)

    pass_by(10)
    assert len(inbox.mails) == 1
    taken.codes["Q"] = codes
    pass_by(3 * REPEAT // 60)
    assert len(inbox.mails) == 1, "also what was noticed before it was taken on"
    assert mailer.status().waiting == 0
    taken.codes.clear()
    pass_by(3)
    assert len(inbox.mails) == 2, "it is over, and still wrong"


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "credential": st.just("it ended"),
            "breaker": st.just("5 of 5 pilots failed"),
            "caps": st.lists(st.sampled_from(["MAX_JOBS_PER_OWNER 10", "factory cap 5", "GRIDMANAGER_ 1"])),
            "outcome": st.sampled_from(["failed", "sent", "nothing", "held back", "retired"]),
            "reason": st.sampled_from(["internal error: x", "the rule X failed: y", "cannot be taken back"]),
            "sent": st.sampled_from([FAILED["sent"], (Sent("t", "s", "ce", 1),)]),
        },
    )
)
def test_whatever_of_a_cycle_is_mailed_can_be_taken_on_and_is_quiet_then(changes):
    event = cycle(**changes)
    if (found := notice_of(event)) is not None:
        assert found.codes and found.codes <= codes_of(event)
    assert notice_of(event, lambda queue: codes_of(event)) is None
    others = codes_of(event) - {c.code for c in problems(event)}
    assert others <= {"not-taken-back"}, "what is not wrong by `why`, since nobody has to act on it"


def test_a_credentials_trouble_is_quiet_when_all_its_queues_have_it_acknowledged():
    taken, queues = TakenOn(), ["Q", "R"]
    facts = {"code": "credential", "credential": "atlas for ce"}
    event = FactoryEvent("problem", NOW, "credential atlas for ce: it ended", None, facts)

    def mailed():
        return notice_of(event, taken, {"atlas for ce": queues}.get) is not None

    assert mailed()
    taken.codes["Q"] = ["credential"]
    assert mailed(), "R has nobody"
    taken.codes["R"] = ["wms-down"]
    assert mailed()
    taken.codes["R"] = ["wms-down", "credential"]
    assert not mailed()
    queues.clear()
    assert mailed(), "without a queue nobody can have taken it on"


def test_what_else_goes_wrong_there_and_the_same_elsewhere_is_mailed():
    taken = TakenOn()
    taken.codes["Q"] = ["credential"]
    both = cycle(credential="it ended", breaker="5 of 5 pilots failed")
    assert notice_of(both, taken).cause == "breaker Q"
    assert notice_of(cycle(credential="it ended"), taken) is None
    elsewhere = notice_of(dataclasses.replace(cycle(credential="it ended"), queue="R"), taken)
    assert elsewhere.cause == notice_of(cycle(credential="it ended")).cause
    held = FactoryEvent("problem", NOW, "pilots are held: x", "Q", {"code": "credential"})
    assert notice_of(held, taken) is None
    assert notice_of(dataclasses.replace(held, queue="R"), taken) is not None
    assert notice_of(dataclasses.replace(held, facts={}), taken) is not None, "who knows what it is"
