"""The providers' own SDKs run against the sandbox as they do against the providers."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from azure.communication.email.aio import EmailClient
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.rest import HttpRequest
from azure.identity import ClientSecretCredential
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from dev.sandbox import Sandbox, Served, credentials, serve
from dev.sandbox.caller import calling, email_payload
from dev.sandbox.entra import SCOPE

WRONG_KEY = "d3Jvbmc="


def email_client(url: str, key: str = credentials.ACS_ACCESS_KEY) -> EmailClient:
    return EmailClient(url, AzureKeyCredential(key), retry_total=0)


class LocalTwilio:
    """Twilio's SDK has no option for its address; this is the way round."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = TwilioHttpClient(timeout=5)

    def request(self, method: str, url: str, **kwargs: Any) -> Response:
        return self.client.request(method, url.replace("https://api.twilio.com", self.url), **kwargs)


def twilio_client(url: str, token: str = credentials.TWILIO_AUTH_TOKEN) -> Client:
    return Client(credentials.TWILIO_ACCOUNT_SID, token, http_client=LocalTwilio(url))


def test_acs_sends_once_for_one_operation_id_whatever_its_case() -> None:
    operation = str(uuid4())

    async def scenario() -> None:
        sandbox = Sandbox()
        async with serve(sandbox) as served, email_client(served.url) as client:
            for identity in (operation, operation.upper()):
                poller = await client.begin_send(email_payload(), operation_id=identity, polling=False)
                assert (await poller.result()) == {"id": operation, "status": "Running", "error": None}
            path = f"/emails/operations/{operation.upper()}?api-version=2025-09-01"
            found = await client.send_request(HttpRequest("GET", path))
            assert json.loads(await found.read()) == {"id": operation, "status": "Succeeded", "error": None}
            unknown = await client.send_request(HttpRequest("GET", path.replace(operation.upper(), str(uuid4()))))
            assert unknown.status_code == 404
        (message,) = sandbox.inbox.messages
        assert (message.operationId, message.recipient, message.html) == (
            operation,
            "alice@example.com",
            "<p>Text</p>",
        )

    asyncio.run(scenario())


def test_acs_refuses_a_wrong_key_and_a_refused_address() -> None:
    async def scenario() -> None:
        async with serve(Sandbox()) as served:
            async with email_client(served.url, WRONG_KEY) as client:
                with pytest.raises(ClientAuthenticationError) as denied:
                    await client.begin_send(email_payload(), polling=False)
            async with email_client(served.url) as client:
                with pytest.raises(HttpResponseError) as refused:
                    await client.begin_send(email_payload("refused.please@example.com"), polling=False)
        assert (denied.value.status_code, code_in(denied.value)) == (401, "Denied")
        assert (refused.value.status_code, code_in(refused.value)) == (400, "InvalidEmailAddress")

    asyncio.run(scenario())


def code_in(error: HttpResponseError) -> str | None:
    return error.error.code if error.error else None


def test_acs_lets_the_sdk_poll_to_the_end() -> None:
    async def scenario() -> None:
        async with serve(Sandbox()) as served, email_client(served.url) as client:
            # The answer says Retry-After: 30, and the SDK obeys; the hook spares the test those seconds.
            poller = await client.begin_send(
                email_payload(), raw_response_hook=lambda r: r.http_response.headers.pop("Retry-After", None)
            )
            assert (await poller.result())["status"] == "Succeeded"

    asyncio.run(scenario())


def test_twilio_sends_and_fetches() -> None:
    def use(url: str) -> None:
        client = twilio_client(url)
        sent = client.messages.create(
            to="+41791234567", from_=credentials.TWILIO_FROM_NUMBER, body="Grüezi €" * 25
        )
        assert (sent.status, sent.num_segments, sent.direction) == ("queued", "2", "outbound-api")
        assert sent.date_created is not None
        assert sent.date_sent is None
        fetched = client.messages(sent.sid).fetch()
        assert (fetched.status, fetched.body, fetched.to) == ("sent", sent.body, "+41791234567")
        assert fetched.date_sent is not None
        service = client.messages.create(to="+41791234567", messaging_service_sid="MG" + "0" * 32, body="Hi")
        assert (service.status, service.from_, service.num_segments) == ("accepted", None, "0")

    _in_thread(use)


def test_twilio_raises_its_own_exception() -> None:
    def use(url: str) -> None:
        with pytest.raises(TwilioRestException) as opted_out:
            twilio_client(url).messages.create(to="+15005550004", from_="+15005550006", body="Hi")
        assert (opted_out.value.status, opted_out.value.code) == (400, 21610)
        with pytest.raises(TwilioRestException) as denied:
            twilio_client(url, "wrong").messages.create(to="+41791234567", from_="+15005550006", body="Hi")
        assert (denied.value.status, denied.value.code) == (401, 20003)

    _in_thread(use)


def _in_thread(use: Callable[[str], None]) -> None:
    async def scenario() -> None:
        async with serve(Sandbox()) as served:
            await asyncio.to_thread(use, served.url)

    asyncio.run(scenario())


def test_azure_identity_logs_in_over_tls(tmp_path: Path) -> None:
    def fetch(login_url: str, secret: str) -> str:
        with ClientSecretCredential(
            credentials.TEAMS_TENANT_ID,
            credentials.TEAMS_APP_ID,
            secret,
            authority=login_url,
            disable_instance_discovery=True,
            connection_verify=str(tmp_path / "ca.pem"),
            retry_total=0,
        ) as credential:
            return credential.get_token(SCOPE).token

    async def scenario() -> None:
        async with serve(Sandbox(), tls_port=0, state=tmp_path) as served:
            assert served.login_url is not None
            assert await asyncio.to_thread(fetch, served.login_url, credentials.TEAMS_APP_SECRET)
            with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
                await asyncio.to_thread(fetch, served.login_url, "wrong")

    asyncio.run(scenario())


def test_azure_identity_aio_token_opens_bot_connector(tmp_path: Path) -> None:
    async def scenario() -> None:
        sandbox = Sandbox()
        async with serve(sandbox, tls_port=0, state=tmp_path) as served, _credential(served) as credential:
            token = (await credential.get_token(SCOPE)).token
            async with calling(sandbox) as caller:
                caller.token = token
                assert (await caller.teams()).status == 201
        (message,) = sandbox.inbox.messages
        assert (message.channel, message.text) == ("teams_chat", "Text")

    asyncio.run(scenario())


def _credential(served: Served) -> AsyncClientSecretCredential:
    return AsyncClientSecretCredential(
        credentials.TEAMS_TENANT_ID,
        credentials.TEAMS_APP_ID,
        credentials.TEAMS_APP_SECRET,
        authority=served.login_url,
        disable_instance_discovery=True,
        connection_verify=served.ca_file,
    )


def test_certificates_are_made_once(tmp_path: Path) -> None:
    async def certificate() -> bytes:
        async with serve(Sandbox(), tls_port=0, state=tmp_path):
            return (tmp_path / "ca.pem").read_bytes()

    assert asyncio.run(certificate()) == asyncio.run(certificate())
    assert (tmp_path / "server.pem").stat().st_mode & 0o077 == 0
