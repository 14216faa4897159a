"""`python -m bench.alone WAY CHANNEL COUNT IN_FLIGHT`: the ways of one process; prints seconds and CPU as JSON.

    literal    the concept's listing: for each recipient a record PENDING, a client, a send, a record SENT
    reused     the same with one client for all
    ceiling    the provider's SDK alone, IN_FLIGHT at a time on one shared session, no storage
    bare       aiohttp to the fake, no SDK, no storage

The listing does not wait for the e-mail's operation to end (`polling=False`), which is kinder to it than its own
default: that would ask once more and start a thread for each message.
"""

import asyncio
import json
import sys
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from uuid import uuid4

from bench.people import Recipient, recipients
from messaging.http import Http
from messaging.settings import Settings, split_acs

SUBJECT, TEXT = "News", "Something has happened.\nThis is what you asked to be told."

settings = Settings.from_environment()
assert settings.acs_connection_string and settings.acs_endpoint and settings.twilio_auth_token
ENDPOINT, KEY = settings.acs_endpoint, split_acs(settings.acs_connection_string)[1]
SID, SECRET = settings.twilio_account_sid, settings.twilio_auth_token.get_secret_value()


def mail(to: str) -> dict[str, object]:
    """An e-mail as ACS takes it."""
    return {
        "senderAddress": settings.acs_sender_email,
        "recipients": {"to": [{"address": to}]},
        "content": {"subject": SUBJECT, "plainText": TEXT},
    }


def mailer() -> Callable[[str], object]:
    """The SDK's synchronous client, as its documentation makes it."""
    from azure.communication.email import EmailClient
    from azure.core.credentials import AzureKeyCredential

    client = EmailClient(ENDPOINT, AzureKeyCredential(KEY))
    return lambda to: client.begin_send(mail(to), polling=False)


def texter() -> Callable[[str], object]:
    from twilio.rest import Client

    client = Client(SID, SECRET)
    client.api.base_url = settings.twilio_base_url
    return lambda to: client.messages.create(to=to, from_=settings.twilio_from_number, body=TEXT)


SENDERS = {"email": mailer, "sms": texter}


def listing(channel: str, people: list[Recipient], reused: bool) -> None:
    """The concept's `sendMessage`, one recipient after the other."""
    from bench.records import Records

    assert settings.storage_connection
    records = Records(settings.storage_connection.get_secret_value())
    send = SENDERS[channel]()
    for one in people:
        delivery = records.pending(one, channel)
        if not reused:
            send = SENDERS[channel]()
        send(one.address)
        records.sent(delivery)


async def at_a_time(people: list[Recipient], in_flight: int, send: Callable[[str], Awaitable[object]]) -> None:
    """Send to everybody, so many at the same time."""
    waiting = iter(people)

    async def one_after_the_other() -> None:
        for one in waiting:
            await send(one.address)

    await asyncio.gather(*(one_after_the_other() for _ in range(in_flight)))


async def ceiling(channel: str, people: list[Recipient], in_flight: int) -> None:
    """ACS: `azure.communication.email.aio`, no retries. Twilio: `create_async` on the same kind of session."""
    http = Http()
    if channel == "email":
        from azure.communication.email.aio import EmailClient
        from azure.core.credentials import AzureKeyCredential

        client = EmailClient(ENDPOINT, AzureKeyCredential(KEY), retry_total=0, **http.azure())

        async def send(to: str) -> object:
            return await client.begin_send(mail(to), operation_id=str(uuid4()), polling=False)
    else:
        from twilio.rest import Client

        from messaging.connectors.twilio import _Session

        twilio = Client(SID, SECRET, http_client=_Session(http))
        twilio.api.base_url = settings.twilio_base_url

        async def send(to: str) -> object:
            return await twilio.messages.create_async(to=to, from_=settings.twilio_from_number, body=TEXT)

    await at_a_time(people, in_flight, send)
    await http.close()


async def bare(channel: str, people: list[Recipient], in_flight: int) -> None:
    http = Http()
    session = http.session()
    authorization = "Basic " + b64encode(f"{SID}:{SECRET}".encode()).decode()

    async def send(to: str) -> None:
        if channel == "email":
            call = session.post(f"{ENDPOINT}/emails:send?api-version=2025-09-01", json=mail(to))
        else:
            call = session.post(
                f"{settings.twilio_base_url}/2010-04-01/Accounts/{SID}/Messages.json",
                data={"To": to, "From": settings.twilio_from_number, "Body": TEXT},
                headers={"Authorization": authorization},
            )
        async with call as answer:
            await answer.read()

    await at_a_time(people, in_flight, send)
    await http.close()


def main() -> None:
    way, channel, count, in_flight = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    people = recipients(channel, count)

    def run(some: list[Recipient]) -> None:
        if way in ("literal", "reused"):
            listing(channel, some, way == "reused")
        else:
            asyncio.run({"ceiling": ceiling, "bare": bare}[way](channel, some, in_flight))

    run(people[:2])  # imports, tables and connections are there before the clock starts
    began, used = time.perf_counter(), time.process_time()
    run(people)
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    print(json.dumps({"seconds": seconds, "cpu": cpu}))


if __name__ == "__main__":
    main()
