import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.redact import shown


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("/etc/queues.conf", "/etc/queues.conf"),
        ("queues.conf", "queues.conf"),
        ("https://example.org/x.conf", "https://example.org/x.conf"),
        ("https://me:pass@example.org:8443/x?token=s#f", "https://example.org:8443/x"),
        ("HTTPS://me@example.org", "HTTPS://example.org"),
        ("http://me:a@b@example.org/x", "http://example.org/x"),
        ("http://me:a/b@example.org/x", "http://example.org/x"),
        ("http://example.org:99999/x", "http://example.org:99999/x"),
        (
            "postgresql+psycopg://apf:pass@db:5432/history?password=pass",
            "postgresql+psycopg://db:5432/history",
        ),
        ("sqlite:////var/lib/history.db", "sqlite:////var/lib/history.db"),
    ],
)
def test_shown(source: str, text: str) -> None:
    assert shown(source) == text


@given(st.text("abc:@/?#[]. ", max_size=12), st.sampled_from(["/x", "", "?q", "#f"]))
def test_no_password_is_shown(password: str, rest: str) -> None:
    assert "SECRET" not in shown(f"https://me:{password}SECRET{password}@example.org{rest}")
