"""What the routes share: who is asking, the list parameters, the shape of a list."""

from typing import Annotated

from fastapi import Depends, Header, Query, Request, Response
from pydantic import BaseModel

from messaging import identity
from messaging.access import Principal
from messaging.acting import act_for
from messaging.bootstrap import Messaging
from messaging.cursors import Asked, Page
from messaging.identity import principal
from messaging.models import MANDATE_ID


def _messaging(request: Request) -> Messaging:
    product: Messaging = request.app.state.messaging
    return product


App = Annotated[Messaging, Depends(_messaging)]

MandateQuery = Annotated[
    str | None,
    Query(
        description="For an Admin: the mandate; others may name only their own.",
        json_schema_extra={"pattern": f"^{MANDATE_ID.pattern}$"},  # told here, held by identity.py
    ),
]


async def _identified(request: Request, app: App) -> identity.Caller:
    return await app.identity.caller(request.headers)


Identified = Annotated[identity.Caller, Depends(_identified)]


async def _caller(identified: Identified, mandateId: MandateQuery = None) -> Principal:
    caller = principal(identified, mandateId)
    act_for(caller.mandateId)  # not in a thread, as a plain function would be: what that sets is lost
    return caller


Caller = Annotated[Principal, Depends(_caller)]


def _asked(
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(max_length=1000, description="`nextCursor` of the page before.")] = None,
) -> Asked:
    return Asked(limit, cursor)


ListQuery = Annotated[Asked, Depends(_asked)]


class Version:
    """The version that a change is to meet, and the one that the answer carries."""

    def __init__(
        self,
        response: Response,
        ifMatch: Annotated[
            str | None, Header(alias="If-Match", description="Change only this version (its ETag).")
        ] = None,
    ) -> None:
        self._response = response
        self.wanted = ifMatch

    def tag[T: BaseModel](self, model: T) -> T:
        return tagged(self._response, model)


ToMatch = Annotated[Version, Depends()]


class Listed[T: BaseModel](BaseModel):
    """One page of a list. `nextCursor` is set while there may be more, even behind an empty page."""

    items: list[T]
    nextCursor: str | None

    @classmethod
    def of(cls, page: Page[T]) -> "Listed[T]":
        return cls(items=list(page.items), nextCursor=page.nextCursor)


def tagged[T: BaseModel](response: Response, model: T) -> T:
    """The model with its version in the ETag header."""
    response.headers["ETag"] = str(getattr(model, "etag", ""))
    return model
