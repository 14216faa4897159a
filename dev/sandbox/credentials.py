"""The fixed credentials of the sandbox, and the product's settings that lead to it.

They open nothing outside this machine. Their forms are the providers': a base64 key, an `AC…` SID, a GUID.
"""

ACS_ACCESS_KEY = "c2FuZGJveC1hY2Nlc3Mta2V5LW9wZW5zLW5vdGhpbmctZWxzZQ=="
ACS_SENDER_EMAIL = "DoNotReply@sandbox.example.com"

TWILIO_ACCOUNT_SID = "AC00000000000000000000000000005a4d"
TWILIO_AUTH_TOKEN = "5a4d5a4d5a4d5a4d5a4d5a4d5a4d5a4d"  # noqa: S105 opens the sandbox only
TWILIO_FROM_NUMBER = "+15005550006"

META_ACCESS_TOKEN = "EAASandboxSystemUserToken"  # noqa: S105 opens the sandbox only
META_PHONE_NUMBER_ID = "106540352242922"

TEAMS_TENANT_ID = "5a4d0000-0000-4000-8000-000000000001"
TEAMS_APP_ID = "5a4d0000-0000-4000-8000-000000000002"
TEAMS_APP_SECRET = "sandbox~teams~secret"  # noqa: S105 opens the sandbox only


def environment(base_url: str, login_url: str | None = None, ca_file: str | None = None) -> dict[str, str]:
    """The product's settings, as environment variables, that make it send to the sandbox at `base_url`.

    `login_url` is the https address for the Teams login and `ca_file` the certificate to trust for it; whoever
    needs Teams gives both. Start the product after the sandbox: aiohttp reads `SSL_CERT_FILE` when it is
    imported. The connection string names a host that does not exist: only its key is used, the address is
    `MESSAGING_ACS_ENDPOINT`.
    """
    base = base_url.rstrip("/")
    settings = {
        "MESSAGING_ACS_CONNECTION_STRING": f"endpoint=https://sandbox.invalid/;accesskey={ACS_ACCESS_KEY}",
        "MESSAGING_ACS_ENDPOINT": base,
        "MESSAGING_ACS_SENDER_EMAIL": ACS_SENDER_EMAIL,
        "MESSAGING_TWILIO_ACCOUNT_SID": TWILIO_ACCOUNT_SID,
        "MESSAGING_TWILIO_AUTH_TOKEN": TWILIO_AUTH_TOKEN,
        "MESSAGING_TWILIO_FROM_NUMBER": TWILIO_FROM_NUMBER,
        "MESSAGING_TWILIO_BASE_URL": base,
        "MESSAGING_WHATSAPP_API_KEY": META_ACCESS_TOKEN,
        "MESSAGING_WHATSAPP_PHONE_NUMBER_ID": META_PHONE_NUMBER_ID,
        "MESSAGING_WHATSAPP_BASE_URL": base,
        "MESSAGING_TEAMS_APP_ID": TEAMS_APP_ID,
        "MESSAGING_TEAMS_APP_SECRET": TEAMS_APP_SECRET,
        "MESSAGING_TEAMS_TENANT_ID": TEAMS_TENANT_ID,
        "MESSAGING_TEAMS_SERVICE_URL": base,
    }
    if login_url is not None:
        settings["MESSAGING_TEAMS_LOGIN_URL"] = login_url.rstrip("/")
    if ca_file is not None:
        settings["SSL_CERT_FILE"] = settings["REQUESTS_CA_BUNDLE"] = ca_file
    return settings
