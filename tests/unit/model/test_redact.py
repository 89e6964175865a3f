import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.redact import hidden, hidden_value, shown


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


SECRET = "s3cr3t-Value"


@pytest.mark.parametrize(
    "text",
    [
        f"X=1 API_KEY={SECRET} Y=2",
        f"--token {SECRET} --queue q",
        f"--password={SECRET}",
        f"-token '{SECRET} with blanks'",
        f"https://h/x?a=1&apikey={SECRET}&b=2",
        f"https://h/x?access_token={SECRET}",
        f"https://user:{SECRET}@h/x",
        f"Authorization: Bearer {SECRET}",
        f"MY_SECRET={SECRET}",
        f"AWS_SECRET_ACCESS_KEY={SECRET}",
        f"db_passwd: {SECRET}",
        f"eyJhbGciOiJIUzI1NiJ9.{SECRET}abcdef.sig",
    ],
)
def test_what_looks_like_a_secret_is_not_shown(text: str) -> None:
    assert SECRET not in hidden(text)
    assert SECRET not in hidden(hidden(text))


@pytest.mark.parametrize(
    "text",
    [
        "--tokenfile /etc/tokens/t --queue q",
        "BEARER_TOKEN_FILE=/tmp/t",
        "-a 1 -b 2 --queue=ANALY_X",
        "the token is not there: renew it",
        "wmsqueue=TOKYO tokens",
        "https://h:80/x?queue=7",
    ],
)
def test_what_does_not_stays(text: str) -> None:
    assert hidden(text) == text


def test_a_keys_name_tells() -> None:
    assert hidden_value("wmsstatus.rest.header.Authorization", f"Bearer %{SECRET}") == "***"
    assert hidden_value("wmsqueue", "X") == "X"


@given(st.text("=:-tokenpasswordsecret ?&'", max_size=5000))
def test_looking_for_secrets_takes_no_time(text: str) -> None:
    hidden(text)
