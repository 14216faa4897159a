"""Where Bot Connector may be: the exact hosts, and nothing that only looks like them."""

import pytest

from messaging.service_urls import SCOPES, scope, service_url

RIGHT = [
    "https://smba.trafficmanager.net/teams",
    "https://smba.trafficmanager.net/emea",
    "https://smba.infra.gcc.teams.microsoft.com/teams",
    "https://smba.infra.gov.teams.microsoft.us/gcch",
    "https://smba.infra.dod.teams.microsoft.us/teams",
    "http://127.0.0.1:7080",
    "http://localhost:7080",
    "http://[::1]:7080",
    "https://localhost",
]

WRONG = [
    "",
    "smba.trafficmanager.net",
    "http://smba.trafficmanager.net/teams",
    "ftp://smba.trafficmanager.net/teams",
    "file:///etc/passwd",
    "//smba.trafficmanager.net/teams",
    "https://evil.trafficmanager.net/teams",
    "https://trafficmanager.net/teams",
    "https://xsmba.trafficmanager.net/teams",
    "https://smba.trafficmanager.net.evil.com/teams",
    "https://smba.trafficmanager.net@evil.com/teams",
    "https://evil.com@smba.trafficmanager.net/teams",
    "https://user:password@smba.trafficmanager.net/teams",
    r"https://evil.com\@smba.trafficmanager.net/teams",
    r"https://smba.trafficmanager.net\.evil.com/teams",
    "https://evil.com#@smba.trafficmanager.net/teams",
    "https://evil.com?@smba.trafficmanager.net/teams",
    "https://smba.trafficmanager.net%2eevil.com/teams",
    "https://smba%2etrafficmanager%2enet/teams",
    "https://smba。trafficmanager。net/teams",
    "https://smba．trafficmanager．net/teams",
    "https://ｓｍｂａ.trafficmanager.net/teams",
    "https://ѕmba.trafficmanager.net/teams",
    "https://smba.trafficmanager.net:443/teams",
    "https://smba.trafficmanager.net:8443/teams",
    "https://smba.trafficmanager.net./teams",
    "https://SMBA.trafficmanager.net/teams",
    "https://smba.trafficmanager.net//evil.com",
    "https://smba.trafficmanager.net/teams/..",
    "https://smba.trafficmanager.net/%2e%2e/evil",
    "https://smba.trafficmanager.net/teams?x=1",
    "https://smba.trafficmanager.net/teams#x",
    "https://smba.trafficmanager.net/teams\r\nHost: evil.com",
    "https://smba.trafficmanager.net/teams\n",
    "https://smba.trafficmanager.net\t/teams",
    " https://smba.trafficmanager.net/teams",
    "https://169.254.169.254/teams",
    "https://[::ffff:169.254.169.254]/teams",
    "https://2852039166/teams",
    "https://0/teams",
    "https://127.0.0.1.evil.com/",
    "http://127.0.0.1@evil.com/",
    "http://127.1/",
    "http://0.0.0.0/",
    "http://localhost:7080/../x",
    "http://localhost:7080:80",
    "http://localhost.evil.com",
    "https://",
    "https:///teams",
]


@pytest.mark.parametrize("url", RIGHT)
def test_the_services_hosts_and_this_machine_are_taken(url: str) -> None:
    assert service_url(url) == service_url(f"{url}/") == url


@pytest.mark.parametrize("url", WRONG)
def test_nothing_else_is_taken(url: str) -> None:
    with pytest.raises(ValueError, match=r"HOST is one of smba\.trafficmanager\.net"):
        service_url(url)


def test_a_token_is_for_the_cloud_of_its_host() -> None:
    for host, asked in SCOPES.items():
        assert scope(f"https://{host}/teams") == asked
        assert asked.startswith("https://api.botframework.us/") == host.endswith(".us")
    assert scope("http://127.0.0.1:7080") == "https://api.botframework.com/.default"
