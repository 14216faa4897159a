"""No recipient and no secret stays in a text; what an operator needs to find the cause does."""

from base64 import b64encode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from messaging.ids import execution_id
from messaging.redaction import redacted

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.QmFzZTY0LXVybC1zaWduYXR1cmU"
KEY = "c2VjcmV0LXRoYXQtbXVzdC1ub3QtYmUtc2hvd24tYW55d2hlcmU="

TABLE = [
    ("to alice@example.com failed", "to [address] failed"),
    ("<bob.o'hara+news@mail.example.co.uk>", "<[address]>"),
    ("GET /users?mail=alice%40example.com", "GET [address]"),
    ("user zoë@exämple.ch", "user [address]"),
    ("alice@localhost", "[address]"),
    ("29:1XJKJMvc5GBtc2JwZq0oj8tHZmzrQgFmB25ATiQWA85gQtHieVkKilBZ9XHoq9j7", "[address]"),
    ("Not a number: +41 79 123 45 67.", "Not a number: [number]."),
    ("whatsapp:+41791234567", "whatsapp:[number]"),
    ("To=%2B41791234567&Body=", "To=[number]&Body="),
    ("+1 (555) 123-4567", "[number]"),
    ("wa_id 41791234567", "wa_id [number]"),
    ("call 079 123 45 67 now", "call [number] now"),
    ("call (555) 123-4567 now", "call [number] now"),
    (f"Authorization: Bearer {JWT}", "Authorization: [secret]"),
    (f"{{'Authorization': 'Bearer {JWT}'}}", "{'Authorization': '[secret]'}"),
    (f"token is {JWT}, refused", "token is [token], refused"),
    ("bearer abc.def", "bearer [secret]"),
    ("Basic QUMxMjM6c2VjcmV0", "Basic [secret]"),
    ("SharedKey devstoreaccount1:abc/def=", "SharedKey [secret]"),
    (f"endpoint=https://x.communication.azure.com/;accesskey={KEY}", None),
    (f"DefaultEndpointsProtocol=https;AccountName=acme;AccountKey={KEY};EndpointSuffix=x", None),
    ("https://acme.blob.core.windows.net/c?sv=2022&sig=a%2Fb%3D&se=1", None),
    ("https://app/api/x?code=abcdEFGH1234==", "https://app/api/x?code=[secret]"),
    ("https://user:pass@example.com/path", "https://[secret]@example.com/path"),
    ("password: hunter2, user: bob", "password: [secret], user: bob"),
    ('{"client_secret": "a b c", "grant": "x"}', '{"client_secret": [secret], "grant": "x"}'),
    ("MESSAGING_TWILIO_AUTH_TOKEN=0123abc", "MESSAGING_TWILIO_AUTH_TOKEN=[secret]"),
    ("x-functions-key: abc", "x-functions-key: [secret]"),
    (f"key {KEY} refused", "key [secret] refused"),
    ("0123456789abcdef0123456789abcdef is wrong", "[secret] is wrong"),
    ("key 3Yh-aB12_cD34eF56gH78iJ90kL12mN34oP56qR78sT90", "key [secret]"),
    ("-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\nx", "[secret]\nx"),
    ("object 7f0e6d0a-1f6b-4c43-9d4b-1c0b8f3f6f10", "object [id]"),
]


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_recipients_and_secrets_become_a_word_in_brackets(text: str, expected: str | None) -> None:
    found = redacted(text)
    assert expected is None or found == expected
    for secret in (KEY, JWT, "a%2Fb%3D", "alice", "41791234567", "hunter2"):
        assert secret not in found


KEPT = [
    "Execution fe5df358-d456-8c30-8274-f184d0469581 of SystemErrors ends",
    "Twilio 20003: Authenticate",
    "2026-11-24 08:26:32Z +01:00 took 12345.678 ms, 1795501740.123",
    '  File "/home/site/wwwroot/.python_packages/lib/site-packages/azure/core/pipeline/transport.py", line 341',
    "TimeoutError: no answer of 10.0.0.4:10002 within 30 s",
    "test_a_function_that_has_a_long_name_but_is_no_secret_at_all",
    "The token has expired; the secret of the app is wrong",
    "Basic authentication is off",
    "Mandate acme-corp_1: storage answers 503 (batch 000001~0004)",
]


@pytest.mark.parametrize("text", KEPT)
def test_what_helps_an_operator_stays(text: str) -> None:
    assert redacted(text) == text


around = st.sampled_from(["", " ", "'", '"', "(", "<", ": ", ", ", "\n", "to=", "é "])
PHONES = st.from_regex(r"\+[1-9][0-9]{7,14}", fullmatch=True)
TOKENS = st.from_regex(r"eyJ[A-Za-z0-9_-]{10,40}\.[A-Za-z0-9_-]{10,40}\.[A-Za-z0-9_-]{10,40}", fullmatch=True)
KEYS = (
    st.sampled_from([32, 64])
    .flatmap(lambda n: st.binary(min_size=n, max_size=n))
    .map(lambda raw: b64encode(raw).decode())
)


@given(secret=st.emails() | PHONES | TOKENS | KEYS, before=around, after=around, text=st.text(max_size=30))
@example(secret="a@b.cd", before="to=", after="'", text="")
def test_no_recipient_and_no_token_stays_whatever_stands_around_it(
    secret: str, before: str, after: str, text: str
) -> None:
    found = redacted(f"{text}{before or ' '}{secret}{after or ' '}{text}")
    assert secret not in found


@given(st.text(max_size=300))
def test_what_is_redacted_stays_so(text: str) -> None:
    once = redacted(text)
    assert redacted(once) == once


@given(st.floats(min_value=0, max_value=4e9))
def test_our_own_ids_stay(now: float) -> None:
    text = f"execution {execution_id(now)} ends"
    assert redacted(text) == text
