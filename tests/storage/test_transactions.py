"""Our bytes of a transaction are the SDK's, for both kinds of credentials; every kind of answer is understood."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.data.tables import UpdateMode
from hypothesis import given
from hypothesis import strategies as st

from messaging.storage.base import Delete, Insert, Merge, Operation, Upsert, Value
from messaging.storage.transactions import Refused, decode, encode
from tests.storage.recording import COLUMNS, CREDENTIALS, KEY, PARTITION, Sent, client, headers, plain

ETAG = "W/\"datetime'2026-11-24T14%3A01%3A01.7157516Z'\""
VALUES: dict[str, Value] = {
    "text": 'zürich "q" \n \u2028 😀',
    "number": -3,
    "whole": 2.0,
    "part": 1.5,
    "yes": True,
    "empty": "",
}

OPERATIONS: list[Operation] = [
    Insert("a~'ü b%+&", VALUES),
    Insert("pointer", {}),
    Upsert("b", VALUES),
    Merge("c", {"n": 1}),
    Merge("d~0001", VALUES, ETAG),
    Delete("e"),
    Delete("f", ETAG),
]


def in_sdk_words(operation: Operation) -> tuple[Any, ...]:
    """The operation as `submit_transaction` takes it."""
    names = {"PartitionKey": PARTITION, "RowKey": operation.key}
    condition: dict[str, Any] = {}
    if isinstance(operation, Merge | Delete) and operation.etag:
        condition = {"etag": operation.etag, "match_condition": MatchConditions.IfNotModified}
    if isinstance(operation, Delete):
        return ("delete", names, condition)
    entity = {**operation.values, **names}
    if isinstance(operation, Insert):
        return ("create", entity)
    if isinstance(operation, Upsert):
        return ("upsert", entity, {"mode": UpdateMode.REPLACE})
    return ("update", entity, {"mode": UpdateMode.MERGE, **condition})


async def both(credential: Any, operations: Sequence[Operation]) -> tuple[Any, Any]:
    """What leaves the pipeline of our request, and of the SDK's."""
    async with client(credential) as table:
        with pytest.raises(Sent) as ours:
            await table._client.send_request(encode(table, PARTITION, operations), stream=True)
        with pytest.raises(Sent) as sdks:
            await table.submit_transaction([in_sdk_words(operation) for operation in operations])
    return ours.value.request, sdks.value.request


@pytest.mark.parametrize("credential", CREDENTIALS.values(), ids=CREDENTIALS)
async def test_our_request_is_the_sdks(credential: Any) -> None:
    ours, sdks = await both(credential, OPERATIONS)
    assert (ours.method, ours.url) == (sdks.method, sdks.url)
    assert headers(ours) == headers(sdks)
    assert headers(ours)["authorization"].startswith(
        ("SharedKey account:", "Bearer token for https://storage.azure")
    )
    assert plain(ours.content.decode()) == plain(sdks.data.decode())


@given(st.lists(st.tuples(KEY, COLUMNS), min_size=1, max_size=5))
async def test_it_is_for_any_rows(rows: list[tuple[str, Mapping[str, Any]]]) -> None:
    ours, sdks = await both(CREDENTIALS["shared key"], [Upsert(key, values) for key, values in rows])
    assert plain(ours.content.decode()) == plain(sdks.data.decode())


class Answer:
    """What the pipeline answers with."""

    def __init__(self, body: str, status: int = 202, **headers: str) -> None:
        self.status_code = status
        self.reason = ""
        self.request: Any = None
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self._body = body.replace("\n", "\r\n").encode()

    async def read(self) -> bytes:
        return self._body

    def text(self) -> str:
        return self._body.decode()


def answered(*parts: str) -> Answer:
    """A transaction's answer as Azure writes it."""
    head = "Content-Type: application/http\nContent-Transfer-Encoding: binary\n\n"
    inner = "".join(f"--changesetresponse_9b\n{head}{part}\n" for part in parts)
    return Answer(
        "--batchresponse_4c\nContent-Type: multipart/mixed; boundary=changesetresponse_9b\n\n"
        f"{inner}--changesetresponse_9b--\n--batchresponse_4c--\n"
    )


def refusal(status: str, code: str) -> str:
    body = f'{{"odata.error":{{"code":"{code}","message":{{"lang":"en-US","value":"0:No.\\nRequestId:1"}}}}}}'
    return f"HTTP/1.1 {status}\nX-Content-Type-Options: nosniff\nContent-Type: application/json\n\n{body}\n"


CREATED = f'HTTP/1.1 201 Created\nContent-Type: application/json\nETag: {ETAG}\n\n{{"text":"HTTP/1.1 500"}}\n'
MERGED = f"HTTP/1.1 204 No Content\nDataServiceVersion: 1.0;\nETag: {ETAG}\n\n"
DELETED = "HTTP/1.1 204 No Content\nDataServiceVersion: 1.0;\n\n"


async def decoded(answer: Any, count: int) -> list[str]:
    return await decode(answer, count)


async def test_the_new_etags_come_in_the_order_of_the_operations() -> None:
    assert await decoded(answered(CREATED, MERGED, DELETED), 3) == [ETAG, ETAG, ""]


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (answered(refusal("409 Conflict", "EntityAlreadyExists")), 409, "EntityAlreadyExists"),
        (answered(refusal("412 Precondition Failed", "ConditionNotMet")), 412, "ConditionNotMet"),
        (answered(refusal("404 Not Found", "TableNotFound")), 404, "TableNotFound"),
        (answered("HTTP/1.1 503 Service Unavailable\n\n<html>\n"), 503, ""),
        (answered(CREATED), 500, "UnreadableAnswer"),
        (answered("not HTTP\n\n"), 500, ""),
        (Answer("<html>a proxy's page</html>"), 500, "UnreadableAnswer"),
    ],
)  # fmt: skip
async def test_a_refused_operation_refuses_all(answer: Answer, status: int, code: str) -> None:
    with pytest.raises(Refused) as refused:
        await decoded(answer, 2)
    assert (refused.value.status_code, refused.value.error_code) == (status, code)


@pytest.mark.parametrize(
    "answer",
    [
        Answer("", 403, x_ms_error_code="AuthenticationFailed"),
        Answer('{"odata.error":{"code":"AuthenticationFailed"}}', 403),
    ],
)
async def test_a_request_that_was_not_looked_at_is_no_refusal(answer: Answer) -> None:
    with pytest.raises(HttpResponseError) as failed:
        await decoded(answer, 1)
    assert not isinstance(failed.value, Refused)
    assert (failed.value.status_code, failed.value.error_code) == (403, "AuthenticationFailed")  # type: ignore[attr-defined]
