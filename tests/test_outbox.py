"""What a subscription's function sends into: accepted or refused at once, with final ids."""

from typing import Any

import pytest

from messaging import ids
from messaging.content import Content
from messaging.errors import InvalidInput, MessagingError, UnsupportedOption
from messaging.models import MessagingChannel, MessagingSubscriptionRegistration
from messaging.outbox import Outbox

EXECUTION = ids.execution_id(1_800_000_000)


class Channels:
    """E-mail takes everything, SMS no template, WhatsApp is not configured."""

    def check(self, channel: MessagingChannel, content: Content) -> None:
        if channel is MessagingChannel.WHATSAPP:
            raise InvalidInput("channel", "whatsapp is not configured")
        if channel is MessagingChannel.SMS and content.template:
            raise UnsupportedOption("template", "the channel sms has no templates")


def registration(id: str = "r1", channel: str = "email") -> MessagingSubscriptionRegistration:
    return MessagingSubscriptionRegistration(
        id=id,
        subscriptionId="S",
        userId="alice",
        channel=MessagingChannel(channel),
        channelConfig="alice@example.com",
        creationDate=1.0,
        lastModified=1.0,
    )


def outbox(*registrations: MessagingSubscriptionRegistration) -> Outbox:
    return Outbox(EXECUTION, registrations or (registration(),), Channels())


def test_an_accepted_message_has_its_final_id() -> None:
    box = outbox()
    results = [box.sendMessage("s", f"m{n}", registration()) for n in range(3)]
    assert all(result.success for result in results)
    assert [result.deliveryId for result in results] == [ids.delivery_id(EXECUTION, "r1", n) for n in range(3)]
    assert [message.deliveryId for message in box.messages] == [result.deliveryId for result in results]


def test_preparing_again_gives_the_same_ids() -> None:
    assert outbox().sendMessage("s", "m", registration()) == outbox().sendMessage("s", "m", registration())


def test_ordinals_count_within_one_registration() -> None:
    box = outbox(registration("r1"), registration("r2"))
    box.sendMessage("s", "m", registration("r1"))
    assert box.sendMessage("s", "m", registration("r2")).deliveryId == ids.delivery_id(EXECUTION, "r2", 0)


def test_one_content_for_many_people_is_kept_once() -> None:
    people = [registration(f"r{n}") for n in range(100)]
    box = outbox(*people)
    for person in people:
        box.sendMessage("s", "the same", person)
    box.sendMessage("s", "another", people[0])
    assert len(box.contents()) == 2 and len(box.messages) == 101
    assert {message.content for message in box.messages} == set(box.contents())


@pytest.mark.parametrize(
    ("message", "whom", "reason"),
    [
        ("", registration(), "message: is empty"),
        ("m", registration("another"), "not one of those that this execution was given"),
        ("m", registration("w", "whatsapp"), "whatsapp is not configured"),
        ("\ud800", registration(), "surrogate"),
        (["m"], registration(), "message: must be text, not list"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_the_reason(
    message: Any, whom: MessagingSubscriptionRegistration, reason: str
) -> None:
    box = outbox(registration(), registration("w", "whatsapp"))
    result = box.sendMessage("s", message, whom)
    assert not result.success and result.deliveryId is None
    assert result.errorMessage and reason in result.errorMessage
    assert box.messages == [] and box.contents() == {}


def test_a_changed_copy_of_a_registration_does_not_redirect_the_message() -> None:
    box = outbox()
    box.sendMessage("s", "m", registration().model_copy(update={"channelConfig": "mallory@example.com"}))
    assert box.messages[0].registration.channelConfig == "alice@example.com"


def test_an_option_without_use_raises() -> None:
    with pytest.raises(UnsupportedOption, match="has no templates"):
        outbox(registration("s", "sms")).sendMessage("", "m", registration("s", "sms"), template={"name": "t"})


def test_after_its_time_nothing_is_taken() -> None:
    box = outbox()
    box.close()
    with pytest.raises(MessagingError, match="time is over"):
        box.sendMessage("s", "m", registration())
