"""Where a person can be reached: the rule for `channelConfig`, channel by channel.

Sources: email-validator and phonenumbers (the libphonenumber port); Teams: Bot Connector takes an Entra object
id or the bot's own `29:` id, never an address (msteams-docs, "Send proactive messages").
"""

import re

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import PhoneNumberType

from messaging.errors import InvalidInput
from messaging.models import MessagingChannel

_PHONE = re.compile(r"\+[1-9][0-9 ()./-]{4,30}")
_TEAMS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|29:[\w-]{10,200}", re.ASCII | re.IGNORECASE)

_REFUSED = {
    PhoneNumberType.PREMIUM_RATE: "is a premium-rate number, to which nothing is sent",
    PhoneNumberType.SHARED_COST: "is a shared-cost number, to which nothing is sent",
    PhoneNumberType.TOLL_FREE: "is a toll-free number, which receives no messages",
    PhoneNumberType.UAN: "is a company-wide number, which receives no messages",
    PhoneNumberType.PAGER: "is a pager",
    PhoneNumberType.VOICEMAIL: "is a voicemail number",
}
_LANDLINE = {PhoneNumberType.FIXED_LINE: "is a landline; a mobile number is needed"}


def normalise(channel: MessagingChannel, channelConfig: str) -> str:
    """The one spelling in which a recipient is stored. Raises InvalidInput with the rule that is broken."""
    match channel:
        case MessagingChannel.EMAIL:
            return _email(channelConfig)
        case MessagingChannel.SMS:
            return _phone(channelConfig, _REFUSED | _LANDLINE)
        case MessagingChannel.WHATSAPP:
            return _phone(channelConfig, _REFUSED)
        case MessagingChannel.TEAMS_CHAT:
            return _teams(channelConfig)


def _email(text: str) -> str:
    try:
        found = validate_email(text, strict=True, allow_smtputf8=False, check_deliverability=False)
    except EmailNotValidError as error:
        raise InvalidInput("channelConfig", f"is not an e-mail address: {error}") from None
    return found.ascii_email or found.normalized


def _phone(text: str, refused: dict[int, str]) -> str:
    rule = "must be a phone number with country code, such as +41791234567"
    if not _PHONE.fullmatch(text):
        raise InvalidInput("channelConfig", rule)
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        raise InvalidInput("channelConfig", rule) from None
    if not phonenumbers.is_valid_number(number):
        raise InvalidInput("channelConfig", "is not a phone number that exists in its country's numbering plan")
    reason = refused.get(phonenumbers.number_type(number))
    if reason:
        raise InvalidInput("channelConfig", reason)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _teams(text: str) -> str:
    if not _TEAMS.fullmatch(text):
        rule = "must be a Teams user id: an Entra object id (a GUID) or 29:…; addresses are not supported"
        raise InvalidInput("channelConfig", rule)
    return text.lower() if not text.startswith("29:") else text
