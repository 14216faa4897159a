"""Every setting, read once from the environment. Nothing else in the product reads it.

A missing or wrong value is named at start. A channel without its settings is "not configured": registering for it
is refused with a clear message, everything else works. docs/settings.md tells what each one means.
"""

import os
import re
from base64 import b64decode
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from messaging import ncrontab
from messaging.errors import ConfigurationError
from messaging.models import MANDATE_ID, MandateId, MessagingChannel
from messaging.service_urls import service_url

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def _url(text: str) -> str:
    if urlsplit(text).query:
        raise ValueError("must be a URL of the form https://host/path")
    return _keys_url(text).rstrip("/")


def _keys_url(text: str) -> str:
    """A URL as it is; Entra's may say in its query for which app the keys are."""
    parts = urlsplit(text)
    if not parts.hostname or parts.username or parts.fragment:
        raise ValueError("must be a URL of the form https://host/path")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError("must be https (http only on this machine)")
    return text


def _https_url(text: str) -> str:
    if not text.startswith("https:"):
        raise ValueError("must be https, on this machine too")
    return _url(text)


def _acs_connection(secret: SecretStr) -> SecretStr:
    try:
        endpoint, key = split_acs(secret)
        usable = bool(_url(endpoint) and b64decode(key, validate=True))
    except (KeyError, ValueError):
        usable = False
    if not usable:
        raise ValueError("must have the form endpoint=https://…;accesskey=… with a base64 key")
    return secret


def _bearer_key(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", secret.get_secret_value()):
        raise ValueError("must be a token: visible ASCII characters without white space")
    return secret


def _ncrontab(text: str) -> str:
    ncrontab.parse(text)
    return text


def _counted_in(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"table|memory|async\+rediss?://([^@/]*@)?[\w.-]+:\d+(/\d*)?", secret.get_secret_value()):
        raise ValueError("must be table, memory or async+redis[s]://[user:password@]host:port")
    return secret


Url = Annotated[str, AfterValidator(_url)]
KeysUrl = Annotated[str, AfterValidator(_keys_url)]
BearerKey = Annotated[SecretStr, AfterValidator(_bearer_key)]
HttpsUrl = Annotated[str, AfterValidator(_https_url)]
ServiceUrl = Annotated[str, AfterValidator(service_url)]
Guid = Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")]

AcsConnection = Annotated[SecretStr, AfterValidator(_acs_connection)]
Ncrontab = Annotated[str, AfterValidator(_ncrontab)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


DIGEST_MARGIN = 300.0
"""Seconds after which no error is written any more under so old a time: a digest looks no further."""


def split_acs(secret: SecretStr) -> tuple[str, str]:
    """Endpoint and access key of an ACS connection string."""
    parts = dict(part.split("=", 1) for part in secret.get_secret_value().split(";") if part)
    return parts["endpoint"].rstrip("/"), parts["accesskey"]


class Settings(BaseModel):
    """The configuration of one process, frozen."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    environment: str = Field("Production", alias="AZURE_FUNCTIONS_ENVIRONMENT")
    azure_instance: str = Field(
        "", validation_alias=AliasChoices("WEBSITE_INSTANCE_ID", "WEBSITE_POD_NAME", "LEGION_SERVICE_HOST")
    )
    """Set on Azure only: the last two where Flex Consumption runs the app."""

    storage_connection: SecretStr | None = Field(None, alias="AzureWebJobsStorage")
    storage_account: str | None = Field(None, alias="AzureWebJobsStorage__accountName")
    storage_client_id: str | None = Field(None, alias="AzureWebJobsStorage__clientId")
    http_proxy: Url | None = Field(None, alias="MESSAGING_HTTP_PROXY")

    auth: Literal["jwt", "easyauth", "local"] = Field("jwt", alias="MESSAGING_AUTH")
    jwt_issuer: str | None = Field(None, alias="MESSAGING_JWT_ISSUER")
    jwt_audience: str | None = Field(None, alias="MESSAGING_JWT_AUDIENCE")
    jwt_jwks_url: KeysUrl | None = Field(None, alias="MESSAGING_JWT_JWKS_URL")
    easyauth_enabled: bool = Field(False, alias="WEBSITE_AUTH_ENABLED")
    local_key: SecretStr | None = Field(None, alias="MESSAGING_LOCAL_KEY", min_length=32)
    claim_user: str = Field("", alias="MESSAGING_CLAIM_USER")
    claim_mandate: str = Field("mandateId", alias="MESSAGING_CLAIM_MANDATE")
    claim_roles: str = Field("roles", alias="MESSAGING_CLAIM_ROLES")
    docs: Literal["on", "off"] = Field("on", alias="MESSAGING_DOCS")

    acs_connection_string: AcsConnection | None = Field(None, alias="MESSAGING_ACS_CONNECTION_STRING")
    acs_sender_email: str | None = Field(None, alias="MESSAGING_ACS_SENDER_EMAIL")
    acs_endpoint: Url | None = Field(None, alias="MESSAGING_ACS_ENDPOINT")

    twilio_account_sid: str | None = Field(None, alias="MESSAGING_TWILIO_ACCOUNT_SID", pattern=r"^AC[0-9a-f]{32}$")
    twilio_auth_token: SecretStr | None = Field(None, alias="MESSAGING_TWILIO_AUTH_TOKEN")
    twilio_from_number: str | None = Field(
        None, alias="MESSAGING_TWILIO_FROM_NUMBER", pattern=r"^(\+[1-9][0-9]{6,14}|MG[0-9a-f]{32})$"
    )
    twilio_base_url: Url | None = Field(None, alias="MESSAGING_TWILIO_BASE_URL")

    whatsapp_api_key: BearerKey | None = Field(None, alias="MESSAGING_WHATSAPP_API_KEY")
    whatsapp_phone_number_id: str | None = Field(
        None, alias="MESSAGING_WHATSAPP_PHONE_NUMBER_ID", pattern=r"^[0-9]{1,32}$"
    )
    whatsapp_base_url: Url = Field("https://graph.facebook.com", alias="MESSAGING_WHATSAPP_BASE_URL")
    teams_app_id: Guid | None = Field(None, alias="MESSAGING_TEAMS_APP_ID")
    teams_app_secret: SecretStr | None = Field(None, alias="MESSAGING_TEAMS_APP_SECRET")
    teams_tenant_id: Guid | None = Field(None, alias="MESSAGING_TEAMS_TENANT_ID")
    teams_service_url: ServiceUrl = Field(
        "https://smba.trafficmanager.net/teams", alias="MESSAGING_TEAMS_SERVICE_URL"
    )
    teams_login_url: HttpsUrl = Field("https://login.microsoftonline.com", alias="MESSAGING_TEAMS_LOGIN_URL")
    rate_limit_storage: Annotated[SecretStr, AfterValidator(_counted_in)] = Field(
        SecretStr("table"), alias="MESSAGING_RATE_LIMIT_STORAGE"
    )
    rate_limit_session: int = Field(60, alias="MESSAGING_RATE_LIMIT_SESSION", ge=1)
    rate_limit_trigger: int = Field(60, alias="MESSAGING_RATE_LIMIT_TRIGGER", ge=1)

    error_digest_schedule: Ncrontab = Field("0 0 6 * * *", alias="MESSAGING_ERROR_DIGEST_SCHEDULE")
    error_digest_margin_seconds: Seconds = Field(DIGEST_MARGIN, alias="MESSAGING_ERROR_DIGEST_MARGIN_SECONDS")
    system_mandate: MandateId | None = Field(
        None, alias="MESSAGING_SYSTEM_MANDATE", pattern=f"^{MANDATE_ID.pattern}$"
    )

    lease_seconds: Seconds = Field(120, alias="MESSAGING_LEASE_SECONDS")
    provider_timeout_seconds: Seconds = Field(10, alias="MESSAGING_PROVIDER_TIMEOUT_SECONDS")
    retry_first_seconds: Seconds = Field(30, alias="MESSAGING_RETRY_FIRST_SECONDS")
    give_up_seconds: Seconds = Field(86_400, alias="MESSAGING_GIVE_UP_SECONDS")
    pause_seconds: Seconds = Field(60, alias="MESSAGING_PAUSE_SECONDS")
    sweep_after_seconds: Seconds = Field(900, alias="MESSAGING_SWEEP_AFTER_SECONDS")

    @classmethod
    def from_environment(cls) -> Self:
        """Read the environment. Raises ConfigurationError naming every setting that is missing or wrong.

        An empty value is none.
        """
        try:
            return cls.model_validate({name: value for name, value in os.environ.items() if value})
        except ValidationError as error:
            lines = [
                f"{e['loc'][0] if e['loc'] else 'settings'}: {e['msg'].removeprefix('Value error, ')}"
                for e in error.errors()
            ]
            raise ConfigurationError("; ".join(lines)) from None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not (self.storage_connection or self.storage_account):
            raise ValueError("AzureWebJobsStorage or AzureWebJobsStorage__accountName must be set")
        self._check_auth()
        if self.provider_timeout_seconds >= self.lease_seconds:
            raise ValueError("MESSAGING_PROVIDER_TIMEOUT_SECONDS must be less than MESSAGING_LEASE_SECONDS")
        if self.error_digest_margin_seconds < DIGEST_MARGIN and self.environment != "Development":
            raise ValueError(
                f"MESSAGING_ERROR_DIGEST_MARGIN_SECONDS may be less than {DIGEST_MARGIN:.0f} "
                "only where AZURE_FUNCTIONS_ENVIRONMENT=Development"
            )
        return self

    def _check_auth(self) -> None:
        if self.auth == "jwt":
            names = ("jwt_issuer", "jwt_audience", "jwt_jwks_url")
            missing = [str(type(self).model_fields[name].alias) for name in names if not getattr(self, name)]
            if missing:
                raise ValueError(f"MESSAGING_AUTH=jwt needs {', '.join(missing)}")
        elif self.auth == "easyauth":
            if not self.easyauth_enabled:
                raise ValueError("MESSAGING_AUTH=easyauth works only where Azure's login is on")
        elif self.environment != "Development" or self.azure_instance:
            raise ValueError("MESSAGING_AUTH=local works only where AZURE_FUNCTIONS_ENVIRONMENT=Development")
        elif not self.local_key:
            raise ValueError("MESSAGING_AUTH=local needs MESSAGING_LOCAL_KEY, 32 characters or more")

    def configured(self, channel: MessagingChannel) -> bool:
        """Whether the channel has all the settings that it needs to send."""
        return not self.missing(channel)

    def missing(self, channel: MessagingChannel) -> list[str]:
        """The names of the settings that the channel still needs."""
        needed = _NEEDED.get(channel)
        if needed is None:
            return ["a connector"]
        return [str(type(self).model_fields[name].alias) for name in needed if getattr(self, name) is None]


_NEEDED: dict[MessagingChannel, tuple[str, ...]] = {
    MessagingChannel.EMAIL: ("acs_connection_string", "acs_sender_email"),
    MessagingChannel.SMS: ("twilio_account_sid", "twilio_auth_token", "twilio_from_number"),
    MessagingChannel.WHATSAPP: ("whatsapp_api_key", "whatsapp_phone_number_id"),
    MessagingChannel.TEAMS_CHAT: ("teams_app_id", "teams_app_secret", "teams_tenant_id"),
}
