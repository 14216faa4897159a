"""Where a person can be reached: one spelling of what is right, a clear rule for what is not."""

import pytest

from messaging.errors import InvalidInput
from messaging.models import MessagingChannel
from messaging.recipients import normalise

EMAIL, SMS = MessagingChannel.EMAIL, MessagingChannel.SMS
WHATSAPP, TEAMS = MessagingChannel.WHATSAPP, MessagingChannel.TEAMS_CHAT
GUID = "5a4d0000-0000-4000-8000-00000000ABCD"

RIGHT = [
    (EMAIL, "Alice@Example.com", "Alice@example.com"),
    (EMAIL, "alice+news@example.com", "alice+news@example.com"),
    (EMAIL, "a@müller.de", "a@xn--mller-kva.de"),
    (SMS, "+41791234567", "+41791234567"),
    (SMS, "+41 79 123 45 67", "+41791234567"),
    (SMS, "+1 (415) 555-2671", "+14155552671"),
    (SMS, "+15005550006", "+15005550006"),
    (WHATSAPP, "+41445551234", "+41445551234"),
    (TEAMS, GUID, GUID.lower()),
    (TEAMS, "29:1bSnHZ7Js2STWrgk6ScEErLk1Lp2zQuD5H2qQ9nEvq8", "29:1bSnHZ7Js2STWrgk6ScEErLk1Lp2zQuD5H2qQ9nEvq8"),
]

WRONG = [
    (EMAIL, "alice", "not an e-mail address"),
    (EMAIL, "a@exam ple.com", "not an e-mail address"),
    (EMAIL, "a@example.test", "not an e-mail address"),
    (EMAIL, "a@example.com\r\nBcc: b@example.com", "not an e-mail address"),
    (EMAIL, "a@example.com,b@example.com", "not an e-mail address"),
    (EMAIL, '"a"@example.com', "not an e-mail address"),
    (EMAIL, "a\x00@example.com", "not an e-mail address"),
    (EMAIL, "a\u200b@example.com", "not an e-mail address"),
    (EMAIL, "x" * 65 + "@example.com", "not an e-mail address"),
    (EMAIL, "ä@example.com", "not an e-mail address"),
    (EMAIL, "Alice <alice@example.com>", "not an e-mail address"),
    (SMS, "0791234567", "country code"),
    (SMS, "+41 44 555 12 34", "landline"),
    (SMS, "+19002345678", "premium-rate"),
    (WHATSAPP, "+19002345678", "premium-rate"),
    (SMS, "+4918012345678", "shared-cost"),
    (SMS, "+18002345678", "toll-free"),
    (SMS, "+410791234567890", "not a phone number"),
    (SMS, "+41079123456", "not a phone number"),
    (SMS, "+999123456789", "country code"),
    (SMS, "whatsapp:+41791234567", "country code"),
    (SMS, "tel:+41791234567", "country code"),
    (SMS, "+41791234567;ext=3", "country code"),
    (SMS, "+41791234567 ext. 3", "country code"),
    (SMS, "+٤١٧٩١٢٣٤٥٦٧", "country code"),
    (SMS, "+1800FLOWERS", "country code"),
    (SMS, "alice@example.com", "country code"),
    (TEAMS, "alice@example.com", "addresses are not supported"),
    (TEAMS, "29:short", "Teams user id"),
    (TEAMS, GUID + "x", "Teams user id"),
    (TEAMS, "٥a4d0000-0000-4000-8000-00000000abcd", "Teams user id"),
]


@pytest.mark.parametrize(("channel", "given", "stored"), RIGHT)
def test_what_is_right_has_one_spelling(channel: MessagingChannel, given: str, stored: str) -> None:
    assert normalise(channel, given) == stored
    assert normalise(channel, stored) == stored


@pytest.mark.parametrize(("channel", "given", "rule"), WRONG)
def test_what_is_wrong_names_the_rule(channel: MessagingChannel, given: str, rule: str) -> None:
    with pytest.raises(InvalidInput, match=rule) as refused:
        normalise(channel, given)
    assert refused.value.field == "channelConfig"
