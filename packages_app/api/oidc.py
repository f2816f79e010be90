"""Trusted publishing: an issuer's token for one of ours. Whoever calls shows no token of ours yet."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from packages_app.api.shapes import PROBLEMS, Said
from packages_app.services.trusted.exchange import audience, exchange
from packages_app.services.trusted.verify import LONGEST_TOKEN

router = Router(tags=["trusted publishing"])


class IssuedToken(Said):
    """A token as an issuer gave it (a JWT)."""

    token: str = Field(max_length=LONGEST_TOKEN)


class GivenToken(Schema):
    """A token of ours, and when it ends."""

    token: str
    expires: datetime


class Audience(Schema):
    """For whom a token of an issuer is to be."""

    audience: str


@router.get("/audience", response={200: Audience, **PROBLEMS})
def audience_of_tokens(request: HttpRequest) -> dict[str, Any]:
    """Return for whom tokens that are shown here have to be: the address that apt clients use."""
    return {"audience": audience()}


@router.post("/token", response={200: GivenToken, **PROBLEMS})
def token_for(request: HttpRequest, said: IssuedToken) -> dict[str, Any]:
    """Give a token of 15 minutes for that of a trusted publisher's issuer, each of which is taken once.

    401 for what proves nothing, 403 for what is proven and not trusted; the code says which claim.
    """
    made, secret = exchange(said.token)
    return {"token": secret, "expires": made.expires}
