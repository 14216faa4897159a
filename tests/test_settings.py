"""Settings: what is missing or wrong is named at start, and no value ever stands in the message."""

import pytest

from messaging.errors import ConfigurationError
from messaging.models import MessagingChannel
from messaging.settings import Settings

SECRET = "c2VjcmV0LXRoYXQtbXVzdC1ub3QtYmUtc2hvd24tYW55d2hlcmU="
GOOD = {
    "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
    "AzureWebJobsStorage": f"AccountKey={SECRET}",
    "MESSAGING_AUTH": "local",
    "MESSAGING_LOCAL_KEY": SECRET,
    "MESSAGING_ACS_CONNECTION_STRING": f"endpoint=https://x/;accesskey={SECRET}",
    "MESSAGING_ACS_SENDER_EMAIL": "a@example.com",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WEBSITE_INSTANCE_ID", "WEBSITE_POD_NAME", "LEGION_SERVICE_HOST", "MESSAGING_HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def test_the_environment_is_read_once_and_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.from_environment()
    assert settings.lease_seconds == 120 and settings.acs_sender_email == "a@example.com"
    assert SECRET not in repr(settings)
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, "lease_seconds", 1)  # noqa: B010 - mypy knows that it is frozen


WRONG = [
    ("AzureWebJobsStorage", "", "AzureWebJobsStorage or AzureWebJobsStorage__accountName"),
    ("MESSAGING_AUTH", "none", "MESSAGING_AUTH"),
    ("AZURE_FUNCTIONS_ENVIRONMENT", "Production", "MESSAGING_AUTH=local"),
    ("WEBSITE_INSTANCE_ID", "a1b2", "MESSAGING_AUTH=local"),
    ("WEBSITE_POD_NAME", "a1b2", "MESSAGING_AUTH=local"),
    ("LEGION_SERVICE_HOST", "a1b2", "MESSAGING_AUTH=local"),
    (
        "MESSAGING_AUTH",
        "",
        "MESSAGING_AUTH=jwt needs MESSAGING_JWT_ISSUER, MESSAGING_JWT_AUDIENCE",
    ),
    ("MESSAGING_AUTH", "easyauth", "only where Azure's login is on"),
    ("MESSAGING_JWT_JWKS_URL", "http://example.com/keys", "MESSAGING_JWT_JWKS_URL: must be https"),
    ("MESSAGING_JWT_JWKS_URL", "https://me@example.com/keys", "MESSAGING_JWT_JWKS_URL: must be a URL"),
    ("MESSAGING_LOCAL_KEY", "", "MESSAGING_LOCAL_KEY"),
    ("MESSAGING_LOCAL_KEY", "short", "MESSAGING_LOCAL_KEY"),
    ("MESSAGING_LEASE_SECONDS", "soon", "MESSAGING_LEASE_SECONDS"),
    ("MESSAGING_LEASE_SECONDS", "-1", "MESSAGING_LEASE_SECONDS"),
    ("MESSAGING_LEASE_SECONDS", "nan", "MESSAGING_LEASE_SECONDS"),
    ("MESSAGING_LEASE_SECONDS", "inf", "MESSAGING_LEASE_SECONDS"),
    ("MESSAGING_PROVIDER_TIMEOUT_SECONDS", "120", "must be less than MESSAGING_LEASE_SECONDS"),
    ("MESSAGING_ACS_ENDPOINT", "http://example.com", "must be https"),
    ("MESSAGING_ACS_ENDPOINT", "https://user@example.com", "form https://host/path"),
    ("MESSAGING_ACS_ENDPOINT", "example.com", "form https://host/path"),
    ("MESSAGING_HTTP_PROXY", "ftp://127.0.0.1", "must be https"),
    ("MESSAGING_ACS_CONNECTION_STRING", f"accesskey={SECRET}", "MESSAGING_ACS_CONNECTION_STRING"),
    ("MESSAGING_DOCS", "maybe", "MESSAGING_DOCS"),
    ("MESSAGING_WHATSAPP_API_KEY", f"{SECRET}\r\nX-More: 1", "MESSAGING_WHATSAPP_API_KEY: must be a token"),
    ("MESSAGING_WHATSAPP_PHONE_NUMBER_ID", "+41791234567", "MESSAGING_WHATSAPP_PHONE_NUMBER_ID"),
    ("MESSAGING_WHATSAPP_PHONE_NUMBER_ID", "1/../2", "MESSAGING_WHATSAPP_PHONE_NUMBER_ID"),
    ("MESSAGING_WHATSAPP_BASE_URL", "http://graph.facebook.com", "must be https"),
    ("MESSAGING_RATE_LIMIT_SESSION", "0", "MESSAGING_RATE_LIMIT_SESSION"),
    ("MESSAGING_RATE_LIMIT_TRIGGER", "many", "MESSAGING_RATE_LIMIT_TRIGGER"),
    ("MESSAGING_RATE_LIMIT_STORAGE", f"redis://:{SECRET}@127.0.0.1:6379", "must be table, memory or async"),
    ("MESSAGING_RATE_LIMIT_STORAGE", f"async+rediss://:{SECRET}@127.0.0.1", "must be table, memory or async"),
    ("MESSAGING_RATE_LIMIT_STORAGE", "async+memcached://127.0.0.1:1", "must be table, memory or async"),
    ("MESSAGING_TEAMS_APP_ID", "my bot", "MESSAGING_TEAMS_APP_ID"),
    ("MESSAGING_TEAMS_TENANT_ID", "contoso.onmicrosoft.com", "MESSAGING_TEAMS_TENANT_ID"),
    (
        "MESSAGING_TEAMS_SERVICE_URL",
        "https://evil.trafficmanager.net/teams",
        "MESSAGING_TEAMS_SERVICE_URL: must be",
    ),
    (
        "MESSAGING_TEAMS_SERVICE_URL",
        "http://smba.trafficmanager.net/teams",
        "MESSAGING_TEAMS_SERVICE_URL: must be",
    ),
    ("MESSAGING_TEAMS_LOGIN_URL", "http://127.0.0.1:7081", "MESSAGING_TEAMS_LOGIN_URL: must be https"),
    ("MESSAGING_TEAMS_LOGIN_URL", "https://user@example.com", "form https://host/path"),
    ("MESSAGING_ERROR_DIGEST_SCHEDULE", "at six", "MESSAGING_ERROR_DIGEST_SCHEDULE: has 2 fields"),
    ("MESSAGING_ERROR_DIGEST_SCHEDULE", "0 0 25 * * *", "MESSAGING_ERROR_DIGEST_SCHEDULE"),
    ("MESSAGING_SYSTEM_MANDATE", "~nobody", "MESSAGING_SYSTEM_MANDATE"),
]


@pytest.mark.parametrize(("name", "value", "said"), WRONG)
def test_a_wrong_value_is_named_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=said) as error:
        Settings.from_environment()
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:7080", "http://localhost:7080/", "https://example.com/path/"])
def test_urls_are_https_or_on_this_machine(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MESSAGING_ACS_ENDPOINT", url)
    assert Settings.from_environment().acs_endpoint == url.rstrip("/")


def test_what_tokens_are_held_against_is_kept_to_the_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "MESSAGING_AUTH": "jwt",
        "MESSAGING_JWT_ISSUER": "https://sts.windows.net/tenant/",
        "MESSAGING_JWT_AUDIENCE": "api://messaging",
        "MESSAGING_JWT_JWKS_URL": "https://login.microsoftonline.com/tenant/discovery/keys?appid=1",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = Settings.from_environment()
    assert [settings.auth, settings.jwt_issuer, settings.jwt_audience, settings.jwt_jwks_url] == [*given.values()]


def test_the_digest_waits_less_than_five_minutes_on_this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    jwt = dict.fromkeys(("MESSAGING_JWT_ISSUER", "MESSAGING_JWT_AUDIENCE"), "https://example.com/")
    jwt["MESSAGING_JWT_JWKS_URL"] = "https://example.com/keys"
    for name, value in {**jwt, "MESSAGING_AUTH": "jwt", "MESSAGING_ERROR_DIGEST_MARGIN_SECONDS": "299"}.items():
        monkeypatch.setenv(name, value)
    assert Settings.from_environment().error_digest_margin_seconds == 299
    monkeypatch.setenv("AZURE_FUNCTIONS_ENVIRONMENT", "Production")
    with pytest.raises(
        ConfigurationError, match="MESSAGING_ERROR_DIGEST_MARGIN_SECONDS may be less than 300 only"
    ):
        Settings.from_environment()


def test_a_channel_names_what_it_still_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.from_environment().configured(MessagingChannel.EMAIL)
    monkeypatch.delenv("MESSAGING_ACS_SENDER_EMAIL")
    settings = Settings.from_environment()
    assert not settings.configured(MessagingChannel.EMAIL)
    assert settings.missing(MessagingChannel.EMAIL) == ["MESSAGING_ACS_SENDER_EMAIL"]
