"""The key scheme: order, ranges, and that no key can reach into another's range."""

from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from messaging import ids
from messaging.models import is_subscription_id
from messaging.storage import keys
from messaging.storage.base import check_key

TIMES = st.floats(min_value=1_000_000_000, max_value=4_000_000_000)
USERS = st.text(min_size=1, max_size=256).filter(lambda text: text.isprintable() or text)
SUBSCRIPTIONS = st.from_regex(r"[A-Za-z_]{1,64}", fullmatch=True).filter(is_subscription_id)


def within(key: str, span: keys.Span) -> bool:
    return span[0] <= key < span[1]


@given(st.lists(TIMES, min_size=2, max_size=5, unique_by=lambda time: int(time * 1000)), SUBSCRIPTIONS)
def test_newest_comes_first_in_every_list(times: list[float], subscriptionId: str) -> None:
    newest_first = [ids.execution_id(time) for time in sorted(times, reverse=True)]
    for key in (keys.execution, keys.delivery, lambda id: keys.subscription_execution(subscriptionId, id)):
        assert sorted(map(key, newest_first)) == [key(id) for id in newest_first]


@given(TIMES, st.uuids(), st.integers(0, 50))
def test_a_delivery_lies_in_its_executions_range_and_in_no_other(
    time: float, registration: object, n: int
) -> None:
    executionId, other = ids.execution_id(time), ids.execution_id(time + 0.002)
    key = keys.delivery(ids.delivery_id(executionId, str(registration), n))
    assert within(key, keys.deliveries(executionId))
    assert within(key, keys.below("d"))
    assert not within(key, keys.deliveries(other))


def test_the_batches_of_a_page_are_in_order_and_apart_from_other_pages() -> None:
    executionId = ids.execution_id(1_800_000_000)
    expected = [keys.batch(executionId, page, number) for page in (1, 2, 10, 1000) for number in (0, 1, 20, 999)]
    assert sorted(expected) == expected
    assert [key for key in expected if within(key, keys.batches(executionId, 1))] == expected[:4]
    assert all(within(key, keys.batches(executionId)) for key in expected)
    assert not within(keys.batch(ids.execution_id(1), 1, 0), keys.batches(executionId))


@given(USERS, USERS, st.sampled_from(["email", "sms", "whatsapp", "teams_chat"]))
def test_any_user_id_makes_a_valid_key_that_is_only_theirs(one: str, other: str, channel: str) -> None:
    subscription, delivery = str(uuid4()), ids.execution_id(1_800_000_000)
    for key in (
        keys.registration(subscription, one, channel),
        keys.person_registration(one, subscription, channel),
        keys.person_delivery(one, delivery),
    ):
        check_key(key)
    assert within(keys.registration(subscription, one, channel), keys.registrations(subscription))
    assert within(keys.person_registration(one, subscription, channel), keys.person_registrations(one))
    mine = within(keys.person_registration(other, subscription, channel), keys.person_registrations(one))
    assert mine == (one == other)


def test_ids_of_one_function_file_share_a_key() -> None:
    assert keys.function_name("SystemErrors") == "SystemErrors"
    assert keys.function_name("audit_login") == "AuditLogin"
    assert keys.subscription("audit_login") == keys.subscription("AuditLogin") != keys.subscription("auditlogin")


def test_an_idempotency_key_is_bound_to_its_subscription() -> None:
    assert keys.idempotency("A", "k") != keys.idempotency("B", "k")
    check_key(keys.idempotency("A", "any / key \\ at # all ?\n"))


@given(st.text(alphabet="abc~!0-", min_size=1, max_size=8), st.text(alphabet="abc~!0-", min_size=1, max_size=8))
def test_a_list_goes_on_after_the_last_key(last: str, other: str) -> None:
    assert keys.after(last) > last
    if last < other and not other.startswith(last):
        assert keys.after(last) < other


@given(st.lists(TIMES, min_size=2, max_size=5, unique_by=lambda time: round(time * 1000)), st.text(), st.text())
def test_audit_events_are_newest_first_and_since_takes_exactly_the_later_ones(
    times: list[float], source: str, eventId: str
) -> None:
    moments = [round(time, 3) for time in sorted(times, reverse=True)]
    rows = [keys.audit(moment, source, eventId) for moment in moments]
    assert sorted(rows) == rows
    for row in rows:
        check_key(row)
        assert within(row, keys.audits(None))
    for number, moment in enumerate(moments):
        assert [within(row, keys.audits(moment)) for row in rows] == [n <= number for n in range(len(rows))]


@given(st.floats(min_value=-62_135_596_800, max_value=253_402_300_799))
def test_any_time_that_can_be_written_makes_a_valid_audit_key(time: float) -> None:
    check_key(keys.audit(time, "/idp", "e1"))
    assert within(keys.audit(time, "/idp", "e1"), keys.audits(None))


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_an_event_has_one_pointer_by_source_and_id(one: tuple[str, str], other: tuple[str, str]) -> None:
    check_key(keys.audit_pointer(*one))
    assert not within(keys.audit_pointer(*one), keys.audits(None))
    if "\n" not in "".join(one + other):  # events.py takes no line feed
        assert (keys.audit_pointer(*one) == keys.audit_pointer(*other)) == (one == other)
