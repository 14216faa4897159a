"""The channels and their connectors: one table, each loaded on first use."""

from importlib import import_module
from typing import Any, cast

from messaging.connectors.base import Connector, Memory
from messaging.content import Content
from messaging.errors import InvalidInput
from messaging.http import Http
from messaging.models import MessagingChannel
from messaging.settings import Settings

CONNECTORS: dict[MessagingChannel, str] = {
    MessagingChannel.EMAIL: "messaging.connectors.acs:ConnectorMessagingEmail",
    MessagingChannel.SMS: "messaging.connectors.twilio:ConnectorMessagingSms",
    MessagingChannel.WHATSAPP: "messaging.connectors.whatsapp:ConnectorMessagingWhatsapp",
    MessagingChannel.TEAMS_CHAT: "messaging.connectors.teams:ConnectorMessagingTeams",
}


def kind(channel: MessagingChannel) -> type[Connector]:
    """The class of a channel's connector."""
    module, _, name = CONNECTORS[channel].partition(":")
    return cast(type[Connector], getattr(import_module(module), name))


class Connectors:
    def __init__(self, settings: Settings, http: Http, memory: Memory) -> None:
        self._settings = settings
        self._http = http
        self._memory = memory
        self._made: dict[MessagingChannel, Connector] = {}

    def get(self, channel: MessagingChannel) -> Connector:
        """The channel's connector. Raises InvalidInput if the channel has no settings."""
        if channel not in self._made:
            self.require(channel)
            made = kind(channel)
            memory = (self._memory,) if made.remembers else ()
            self._made[channel] = made(self._settings, self._http, *memory)  # type: ignore[call-arg,arg-type]
        return self._made[channel]

    def sender(self, channel: MessagingChannel) -> str:
        """The name under which the channel sends. Raises InvalidInput if the channel has no settings."""
        return self.get(channel).sender

    def require(self, channel: MessagingChannel) -> None:
        """Raise InvalidInput if the channel is not configured."""
        if channel not in CONNECTORS or not self._settings.configured(channel):
            raise InvalidInput("channel", f"{channel.value} is not configured")

    def check(self, channel: MessagingChannel, content: Content) -> None:
        self.get(channel).check(content)

    def test_template(self, channel: MessagingChannel) -> dict[str, Any] | None:
        """The template of a test message, where the channel takes only such."""
        return self.get(channel).testTemplate

    async def close(self) -> None:
        for connector in self._made.values():
            await connector.close()
