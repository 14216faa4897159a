"""Magic recipients and senders: addresses whose messages the providers refuse. Every other address is
accepted.

The Twilio numbers marked "Twilio's own" are those of its test credentials
(https://www.twilio.com/docs/iam/test-credentials); the rest is ours. The WhatsApp numbers are from the range
+1 202 555 01xx, which belongs to nobody. An e-mail address is magic if its local part begins with the word.
Columns: provider, recipient (or sender, marked "From"), the provider's error code, meaning.
"""

from typing import NamedTuple

type Code = int | str


class Magic(NamedTuple):
    """One magic address: `code` is the provider's error code, `meaning` one sentence for people."""

    provider: str
    address: str
    code: Code
    meaning: str


MAGIC = (
    Magic("acs", "refused@", "InvalidEmailAddress", "400: ACS does not take the address as one."),
    Magic("acs", "forbidden@", "Forbidden", "403: ACS does not let this resource send."),
    Magic("acs", "throttled@", "TooManyRequests", "429 with Retry-After: the resource's quota is used up."),
    Magic("acs", "broken@", "InternalServerError", "500: ACS fails, nothing is accepted."),
    Magic(
        "acs",
        "suppressed@",
        "EmailDroppedAllRecipientsSuppressed",
        "202, then the operation has failed: the address is on the suppression list.",
    ),
    Magic("acs", "running@", "Running", "202, and the operation stays Running: no result yet."),
    Magic("acs", "From unlinked@", "DomainNotLinked", "404: the sender's domain is not linked to the resource."),
    Magic("twilio", "+15005550001", 21211, "Twilio's own: not a valid phone number."),
    Magic("twilio", "+15005550002", 21612, "Twilio's own: no route to this number."),
    Magic("twilio", "+15005550003", 21408, "Twilio's own: sending to this region is not enabled."),
    Magic("twilio", "+15005550004", 21610, "Twilio's own: the recipient has opted out (STOP)."),
    Magic("twilio", "+15005550009", 21614, "Twilio's own: not a mobile number, cannot receive SMS."),
    Magic("twilio", "+15005550429", 20429, "429: too many requests."),
    Magic("twilio", "+15005550500", 20500, "500: Twilio fails, nothing is accepted."),
    Magic("twilio", "From +15005550001", 21212, "Twilio's own: as a sender, not a valid number."),
    Magic("twilio", "From +15005550007", 21606, "Twilio's own: as a sender, not a number of this account."),
    Magic("twilio", "From +15005550008", 21611, "Twilio's own: as a sender, its queue is full."),
    Magic("meta", "+12025550126", 131026, "The message cannot be delivered: no WhatsApp there."),
    Magic("meta", "+12025550130", 131030, "The number is not in the list of allowed recipients."),
    Magic(
        "meta", "+12025550147", 131047, "Free text is always outside the 24-hour window; a template is accepted."
    ),
    Magic("meta", "+12025550150", 131050, "The person has stopped marketing messages."),
    Magic("meta", "+12025550131", 131031, "The business account is locked."),
    Magic("meta", "+12025550129", 130429, "429: the rate limit is reached."),
    Magic("meta", "+12025550156", 131056, "429: too many messages to this one person."),
    Magic("meta", "+12025550100", 131000, "500: something went wrong at Meta."),
    Magic(
        "teams",
        "00000000-0000-4000-8000-000000000403",
        "ForbiddenOperationException",
        "403 when the chat is opened: the person has not installed the app.",
    ),
    Magic(
        "teams",
        "00000000-0000-4000-8000-000000000209",
        "MessageWritesBlocked",
        "403 on sending: the person has blocked or removed the app.",
    ),
    Magic(
        "teams",
        "00000000-0000-4000-8000-000000000440",
        "ConversationBlockedByUser",
        "403 on sending: the person has blocked the chat.",
    ),
    Magic(
        "teams",
        "00000000-0000-4000-8000-000000000430",
        "BotNotInConversationRoster",
        "403 on sending: the bot is not part of the chat.",
    ),
    Magic(
        "teams",
        "00000000-0000-4000-8000-000000000404",
        "ConversationNotFound",
        "404 on sending: the chat is gone.",
    ),
    Magic("teams", "00000000-0000-4000-8000-000000000429", "TooManyRequests", "429 with Retry-After on sending."),
)

__doc__ = (__doc__ or "") + "".join(f"\n{m.provider:8}{m.address:38}{m.code!s:37}{m.meaning}" for m in MAGIC)


def recipients(provider: str) -> dict[str, Code]:
    """Recipient to error code, for one provider."""
    return {m.address: m.code for m in MAGIC if m.provider == provider and not m.address.startswith("From ")}


def senders(provider: str) -> dict[str, Code]:
    """Sender to error code, for one provider."""
    return {m.address[5:]: m.code for m in MAGIC if m.provider == provider and m.address.startswith("From ")}
