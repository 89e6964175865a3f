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
        f'{{"access_token": "{SECRET}", "expires_in": 3600}}',  # how an issuer answers
        f"{{'client_secret':'{SECRET}'}}",
        f"password = {SECRET}",
        f'token = "{SECRET} with blanks"',
        f"Authorization: Negotiate {SECRET}",
        f"Proxy-Authorization: Basic {SECRET}",
        f'Authorization: Digest username="me", response="{SECRET}"',
        f"curl -H 'Authorization: Bearer {SECRET}' https://h",
        f"Cookie: a=1; session={SECRET}; b=2",
        f"Set-Cookie: id={SECRET}; Path=/",
        f"http://me:a@{SECRET}@h/x",
        f"https://h/x?X-Amz-Signature={SECRET}",
        f"mysql -u me pwd={SECRET}",
        f"--token {SECRET}.token+x",
        f"TOKEN={SECRET}.pem=",
        f"--password {SECRET}.tokens",
    ],
)
def test_what_looks_like_a_secret_is_not_shown(text: str) -> None:
    assert SECRET not in hidden(text)
    assert SECRET not in hidden(hidden(text))


@pytest.mark.parametrize(
    "text",
    [
        "--tokenfile /etc/tokens/t --queue q",
        "--token pool.token --condor /opt",
        "PANDA_AUTH_TOKEN=panda.token X=1",
        "--token /etc/autopyfactory/pool.jwt",
        "token: ~/tokens/ce.token, and more",
        "BEARER_TOKEN_FILE=/tmp/t",
        "-a 1 -b 2 --queue=ANALY_X",
        "the token is not there: renew it",
        "wmsqueue=TOKYO tokens",
        "https://h:80/x?queue=7",
        "https://h:80/x and me@h",
        "requirements = token == undefined",
        "x509userproxy = /tmp/x509up_u0",
        "scitokens_file = /tmp/t",
        "see the cookies of the page",
        "https://example.org/token/x",
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


def test_what_stands_beside_a_secret_stays() -> None:
    assert hidden("X=1 API_KEY=abc Y=2") == "X=1 API_KEY=*** Y=2"
    assert hidden("curl -H 'Cookie: a=b; c=d' https://h") == "curl -H 'Cookie: ***' https://h"
    assert hidden("Cookie: a=b; c=d\nAccept: x") == "Cookie: ***\nAccept: x"
    assert hidden('{"token": "abc", "queue": "q"}') == '{"token": ***, "queue": "q"}'
    assert hidden("http://me:pass@h:80/x y@z") == "http://me:***@h:80/x y@z"


@given(st.sampled_from(["TOKEN=", "--password ", "token: ", '"secret": ', "Cookie: "]), st.text(max_size=40))
def test_hiding_twice_is_hiding_once(lead: str, text: str) -> None:
    once = hidden(lead + text)
    assert hidden(once) == once


@given(
    st.sampled_from(["PASSWORD", "api_key", "X-Auth-Token", "client-secret", "privatekey", "credentials"]),
    st.sampled_from(["=", " = ", ": ", ":", '": ', "' : "]),
    st.sampled_from(["{}", '"{}"', "'{}'", "Bearer {}"]),
    st.text("abcdefgh/+._-", min_size=8, max_size=30),
)
def test_however_it_is_assigned_it_is_not_shown(name: str, sign: str, form: str, secret: str) -> None:
    assert secret not in hidden(f"before {name}{sign}{form.format(secret)} after")


@given(st.text("a:/@.pwd= \"'", max_size=5000))
def test_looking_for_passwords_in_urls_takes_no_time(text: str) -> None:
    hidden(text)
