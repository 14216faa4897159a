"""Ports for servers that tests start as processes of their own."""

import random
import socket
from contextlib import ExitStack


def free_ports(count: int) -> list[int]:
    """Neighbouring free ports, below those that the system gives to outgoing connections."""
    while True:
        first = random.randrange(20_000, 32_000 - count)
        ports = list(range(first, first + count))
        with ExitStack() as stack:
            try:
                for port in ports:
                    stack.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
        return ports
