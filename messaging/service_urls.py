"""Where Bot Connector may be: an exact list of hosts, because whoever is asked there gets the bot's token.

A rule by suffix would not do: anybody can own a name below trafficmanager.net. The form is as narrow as the real
addresses are, so there is nothing in it that two parsers could read in two ways.
Source: microsoft/Agents-for-js, TeamsServiceEndpoints; scopes: Microsoft Learn, "Configure Bot Framework bots for
US government customers".
"""

import re

SCOPES = {
    "smba.trafficmanager.net": "https://api.botframework.com/.default",
    "smba.infra.gcc.teams.microsoft.com": "https://api.botframework.com/.default",
    "smba.infra.gov.teams.microsoft.us": "https://api.botframework.us/.default",
    "smba.infra.dod.teams.microsoft.us": "https://api.botframework.us/.default",
}
"""The service's hosts, and what a token for each is asked for."""

_SERVICE = re.compile(r"https://([a-z.]+)(/[a-z]+)*/?")
_LOCAL = re.compile(r"https?://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?/?")


def service_url(text: str) -> str:
    """The address without a slash at its end. Raises ValueError if it is none of the service's."""
    found = _SERVICE.fullmatch(text)
    if not (found and found[1] in SCOPES) and not _LOCAL.fullmatch(text):
        raise ValueError(f"must be https://HOST/path where HOST is one of {', '.join(SCOPES)}")
    return text.removesuffix("/")


def scope(url: str) -> str:
    """The scope of tokens for a service URL; on this machine that of the public cloud."""
    return SCOPES.get(url.split("/")[2], SCOPES["smba.trafficmanager.net"])
