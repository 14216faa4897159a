"""The composition root: the only place that names concrete classes. Every swap is an argument of `build`."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypedDict, Unpack

from messaging.audit import Audit
from messaging.batches import Batches
from messaging.connectors import Connectors
from messaging.deletions import Deletions
from messaging.digest import Digest
from messaging.direct import Direct
from messaging.easyauth import EasyAuth
from messaging.errorjournal import ErrorJournal, ErrorSource
from messaging.errorlog import ErrorLog
from messaging.executions import Executions
from messaging.explain import Explain
from messaging.functions import Functions
from messaging.history import History
from messaging.http import Http
from messaging.identity import Credentials, Identity, Names
from messaging.inbound import Inbound
from messaging.journal import Journal
from messaging.jwks import Keys
from messaging.memory import Memory
from messaging.operator import Operator
from messaging.pages import Pages, Store
from messaging.pauses import Pauses
from messaging.poison import Poison
from messaging.rate_limit import Limiter, RateLimits
from messaging.registrations import Registrations
from messaging.registry import Registry
from messaging.retry import Policy
from messaging.schedules import Schedules
from messaging.service import MessagingService, Services
from messaging.settings import Settings
from messaging.storage.account import Account
from messaging.storage.base import Queues, Tables
from messaging.storage.inspection import Inspection
from messaging.storage.memory import MemoryTables
from messaging.storage.queues import AzureQueues
from messaging.storage.tables import AzureTables
from messaging.sweeper import Sweeper
from messaging.ticker import Ticker
from messaging.tokens import IssuedTokens, LocalTokens
from messaging.windows import Windows
from messaging.worker import Timing, Worker

SUBSCRIPTIONS = Path(__file__).parent.parent / "subscriptions"


@dataclass(frozen=True, slots=True, eq=False)
class Messaging:
    """The whole product of one process, wired."""

    settings: Settings
    http: Http
    tables: Tables
    queues: Queues
    account: Account
    connectors: Connectors
    identity: Identity
    rateLimits: RateLimits
    registry: Registry
    registrations: Registrations
    history: History
    explain: Explain
    pages: Pages
    service: MessagingService
    inbound: Inbound
    journal: Journal
    audit: Audit
    errors: ErrorSource
    errorlog: ErrorLog
    digest: Digest
    worker: Worker
    sweeper: Sweeper
    deletions: Deletions
    ticker: Ticker
    poison: Poison
    operator: Operator
    pauses: Pauses
    inspection: Inspection

    async def close(self) -> None:
        """Write the errors that still wait, and let go of every connection."""
        await self.errorlog.close()
        using = (self.rateLimits, self.connectors, self.tables, self.queues, self.inspection)
        for part in (*using, self.account, self.http):
            await part.close()


def credentials(settings: Settings, http: Http, clock: Callable[[], float]) -> Credentials:
    """What MESSAGING_AUTH names; settings.py has seen to it that everything it needs is there."""
    if settings.auth == "easyauth":
        return EasyAuth()
    if settings.auth == "local":
        return LocalTokens(settings.local_key.get_secret_value() if settings.local_key else "")
    keys = Keys(settings.jwt_jwks_url or "", http, clock)
    return IssuedTokens(settings.jwt_issuer or "", settings.jwt_audience or "", keys)


class Swaps(TypedDict, total=False):
    """What may be put in the place of what the settings would give."""

    tables: Tables
    queues: Queues
    connectors: Connectors
    http: Http
    errors: ErrorSource
    subscriptions: Path
    clock: Callable[[], float]


def build(settings: Settings, **swaps: Unpack[Swaps]) -> Messaging:
    """Wire everything for these settings. Nothing is connected before it is used."""
    clock = swaps.get("clock", time.time)
    http = swaps.get("http") or Http(settings.http_proxy)
    connection = settings.storage_connection.get_secret_value() if settings.storage_connection else None
    account = Account(http, connection, settings.storage_account, settings.storage_client_id)
    tables = swaps.get("tables") or AzureTables(account)
    queues = swaps.get("queues") or AzureQueues(account)
    connectors = swaps.get("connectors") or Connectors(settings, http, Memory(tables))
    executions, batches = Executions(tables), Batches(tables)
    pauses = Pauses(tables, settings.pause_seconds, clock)
    deletions, schedules = Deletions(tables, clock), Schedules(tables, clock)
    journal = Journal(tables)
    audit = Audit(tables, queues, journal, clock)
    registry = Registry(tables, (deletions.note, schedules.note), audit, clock)
    registrations = Registrations(tables, registry, connectors, clock)
    functions = Functions(swaps.get("subscriptions", SUBSCRIPTIONS))
    store = Store(executions, batches, registrations, queues)
    pages = Pages(store, functions, connectors, settings.lease_seconds, clock)
    retries = Policy(settings.retry_first_seconds, settings.give_up_seconds)
    timing = Timing(settings.lease_seconds, settings.provider_timeout_seconds, retries)
    worker = Worker((batches, pauses, queues), connectors.get, timing, clock)
    history = History(tables, executions, batches)
    direct = Direct(tables, worker, connectors, clock)
    limiters = partial(_limiters, settings, tables, clock)
    services = Services(registry, executions, batches, functions, pages, registrations, direct)
    names = Names(settings.claim_user, settings.claim_mandate, settings.claim_roles)
    service, poison = MessagingService(services, clock), Poison(tables, queues, clock)
    kept, windows = ErrorJournal(tables, clock), Windows(tables, settings.error_digest_margin_seconds, clock)
    errors = swaps.get("errors") or kept
    return Messaging(
        settings=settings,
        http=http,
        tables=tables,
        queues=queues,
        account=account,
        connectors=connectors,
        identity=Identity(credentials(settings, http, clock), names),
        rateLimits=RateLimits(limiters, settings.rate_limit_session, settings.rate_limit_trigger, clock),
        registry=registry,
        registrations=registrations,
        history=history,
        explain=Explain((registry, registrations, history), pauses, connectors),
        pages=pages,
        service=service,
        inbound=Inbound(service, journal, poison, queues),
        journal=journal,
        audit=audit,
        errors=errors,
        errorlog=ErrorLog(kept, windows, clock),
        digest=Digest((errors, kept, windows), service, settings.system_mandate, clock),
        worker=worker,
        sweeper=Sweeper(tables, pages, worker, settings.sweep_after_seconds, clock),
        deletions=deletions,
        ticker=Ticker(schedules, registry, service, clock),
        poison=poison,
        operator=Operator(tables, (pauses, worker, audit), connectors.get, clock),
        pauses=pauses,
        inspection=Inspection(account),
    )


def _limiters(settings: Settings, tables: Tables, clock: Callable[[], float]) -> tuple[Limiter, Limiter]:
    """The limiter that all instances share, and the one in memory.

    The library is imported by the first HTTP request: queue and timer instances never pay for it.
    """
    from limits.aio.storage import RedisStorage

    from messaging.limiter import LibraryLimiter
    from messaging.storage.limits import RowStorage

    memory = LibraryLimiter(RowStorage(MemoryTables(), clock), clock)
    where = settings.rate_limit_storage.get_secret_value()
    if where == "memory":
        return memory, memory
    if where == "table":
        return LibraryLimiter(RowStorage(tables, clock), clock), memory
    return LibraryLimiter(RedisStorage(where, wrap_exceptions=True, implementation="redispy"), time.time), memory
