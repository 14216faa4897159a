"""The one error that ends the local host."""


class HostError(Exception):
    """The host cannot run this app as it is. The message is a sentence for the person at the keyboard."""
