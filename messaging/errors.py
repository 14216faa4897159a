"""Every error of the service, as one tree. A class's docstring is its message unless a better one is given.

    ConfigurationError                     a setting is missing or wrong; deliberately outside the tree
    MessagingError
    ├── InvalidInput          (ValueError) a field breaks a rule
    │   ├── UnsupportedOption              a channel cannot do what sendMessage was asked for
    │   └── KeyReused                      an Idempotency-Key came again with another body
    ├── NotFound              (ValueError) unknown, or not readable by the caller: never told apart
    │   └── SubscriptionNotFound
    ├── Unauthenticated                    no identity, or one that cannot be trusted
    ├── Forbidden                          the role may not do this
    ├── AlreadyExists                      the object is there already
    ├── PreconditionFailed                 If-Match names an older version
    ├── TooManyRequests                    a rate limit is used up
    ├── InProgress                         the same Idempotency-Key is being worked on
    ├── SubscriptionFunctionNotFound (FileNotFoundError)  no file yet: people may register all the same
    ├── SubscriptionFunctionBroken         the file is there but cannot be loaded
    ├── StorageError
    │   ├── Conflict                       the transaction met a row that is there, gone or newer
    │   └── StorageUnavailable             storage cannot be reached or does not answer
    └── ConnectorError                     why a provider did not take a message, in five kinds
        ├── RecipientRefused               permanent: this person cannot be reached so
        ├── MessageRefused                 permanent: this content cannot be sent
        ├── SenderBlocked                  systemic: credentials, quota, sender; concerns everyone's messages
        ├── NotAccepted                    transient: certainly not taken, try again later
        └── Ambiguous                      it may or may not have been taken

HTTP knows none of this here: api/problems.py maps classes to status codes, once.
"""


class ConfigurationError(Exception):
    """The configuration is not usable."""


class MessagingError(Exception):
    """The messaging service could not do this."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class InvalidInput(MessagingError, ValueError):
    """A field breaks a rule.

    `field` is the dotted name as the caller wrote it, `rule` a sentence that says what would be right.
    """

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule


class UnsupportedOption(InvalidInput):
    """The channel cannot use this option of sendMessage."""


class KeyReused(InvalidInput):
    """The Idempotency-Key was used before with another body."""

    def __init__(self) -> None:
        super().__init__("Idempotency-Key", "was used before with another body; use a new key")


class NotFound(MessagingError, ValueError):
    """There is no such object, or you may not read it."""


class SubscriptionNotFound(NotFound):
    """There is no such subscription."""

    def __init__(self, subscriptionId: str) -> None:
        super().__init__(f"Subscription {subscriptionId} not found")


class Unauthenticated(MessagingError):
    """A bearer token is needed."""


class InvalidToken(Unauthenticated):
    """The bearer token is not valid here."""


class IssuerUnavailable(MessagingError):
    """The keys of the tokens' issuer cannot be had right now: nobody can be recognised. Repeat the call later."""

    def __init__(self, retryAfter: float) -> None:
        super().__init__()
        self.retryAfter = retryAfter


class Forbidden(MessagingError):
    """Your role may not do this."""


class AlreadyExists(MessagingError):
    """The object exists already."""


class PreconditionFailed(MessagingError):
    """The object has changed since the version that If-Match names."""


class TooManyRequests(MessagingError):
    """Too many requests within a minute. Repeat the call after `retryAfter` seconds."""

    def __init__(self, retryAfter: int) -> None:
        super().__init__("Too many requests within a minute; repeat the call later")
        self.retryAfter = retryAfter


class InProgress(MessagingError):
    """The same Idempotency-Key is being worked on. Repeat the call after `retryAfter` seconds."""

    def __init__(self, retryAfter: float) -> None:
        super().__init__("The same Idempotency-Key is being worked on; repeat the call later")
        self.retryAfter = retryAfter


class SubscriptionFunctionNotFound(MessagingError, FileNotFoundError):
    """The subscription has no function yet."""

    def __init__(self, subscriptionId: str) -> None:
        super().__init__(f"Subscription function not found for {subscriptionId}")


class SubscriptionFunctionBroken(MessagingError):
    """The subscription's function failed to load."""


class StorageError(MessagingError):
    """Storage did not do what it was asked."""


class Conflict(StorageError):
    """A row of the transaction exists already, is gone, or was changed meanwhile; nothing was written."""


class StorageUnavailable(StorageError):
    """Storage cannot be reached right now.

    `executionId` is set where an execution may have been accepted all the same:
    a repeat with the same Idempotency-Key settles it.
    """

    executionId: str | None = None


class ConnectorError(MessagingError):
    """The provider did not take the message.

    `retryAfter` is the provider's own wish in seconds, `code` its own word for what went wrong.
    """

    def __init__(self, message: str = "", *, code: str = "", retryAfter: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retryAfter = retryAfter


class RecipientRefused(ConnectorError):
    """The provider cannot reach this recipient."""


class MessageRefused(ConnectorError):
    """The provider does not take this message."""


class SenderBlocked(ConnectorError):
    """The provider does not take anything from this sender right now."""


class NotAccepted(ConnectorError):
    """The provider could not take the message right now."""


class Ambiguous(ConnectorError):
    """It is not known whether the provider took the message."""
