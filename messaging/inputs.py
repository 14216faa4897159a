"""What callers send, with the rules that hold for it at every door.

Unknown fields are refused, and nothing is guessed from another type. Source: concept, "Datenmodell".
"""

from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from messaging.models import MessagingChannel, is_subscription_id


def _subscription_id(text: str) -> str:
    if not is_subscription_id(text):
        raise ValueError("must be 1 to 64 letters and underscores, at least one of them a letter")
    return text


SubscriptionId = Annotated[
    str,
    AfterValidator(_subscription_id),
    Field(json_schema_extra={"pattern": "^(?=.*[A-Za-z])[A-Za-z_]{1,64}$"}),
]
Label = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    Field(json_schema_extra={"pattern": r"\S"}),  # white space alone is stripped to nothing
]
Description = Annotated[str, StringConstraints(max_length=2000)]
Schedule = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    Field(
        description="When it is executed by itself, as NCRONTAB: second, minute, hour, day, month, weekday. "
        "Once a minute at most. Five fields mean second 0.",
        examples=["0 30 8 * * Mon-Fri"],
    ),
]
TimeZone = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    Field(description="The time zone of `schedule`, by its IANA name.", examples=["Europe/Zurich"]),
]
ChannelConfig = Annotated[str, StringConstraints(min_length=1, max_length=320)]


class _Input(BaseModel):
    """What a caller sends: unknown fields are refused, nothing is guessed from another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


_EMPTIED = {"description", "schedule"}


class _Change(_Input):
    """Fields to be changed; only `description` and `schedule` may be emptied, with null."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        for name, told in handler.resolve_ref_schema(schema)["properties"].items():
            if name not in _EMPTIED:
                told |= next(one for one in told.pop("anyOf") if one != {"type": "null"})
                del told["default"]
        return schema

    @model_validator(mode="after")
    def _no_null(self) -> Self:
        for name in self.model_fields_set - _EMPTIED:
            if getattr(self, name) is None:
                raise ValueError(f"{name} must not be null")
        return self

    def given(self) -> dict[str, Any]:
        """The fields that the caller named."""
        return self.model_dump(exclude_unset=True)


class SubscriptionData(_Input):
    """A new subscription. Only an Admin makes system subscriptions."""

    subscriptionId: SubscriptionId = Field(examples=["SystemErrors"])
    subscriptionLabel: Label = Field(examples=["System errors"])
    description: Description | None = None
    isSystemSubscription: bool = False
    enabled: bool = True
    schedule: Schedule | None = None
    timeZone: TimeZone = "UTC"


class SubscriptionChange(_Change):
    """The fields of a subscription that may change; those not given stay."""

    subscriptionLabel: Label | None = None
    description: Description | None = None
    enabled: bool | None = None
    schedule: Schedule | None = None
    timeZone: TimeZone | None = None


class RegistrationData(_Input):
    """How a person wants to be reached: an e-mail address, a phone number, a Teams user id."""

    channel: Annotated[MessagingChannel, Field(strict=False, examples=["email"])]
    channelConfig: ChannelConfig = Field(examples=["alice@example.com"])


class RegistrationChange(_Change):
    """The fields of a registration that may change; those not given stay."""

    channelConfig: ChannelConfig | None = None
    enabled: bool | None = None
