"""What every page has at hand: who is signed in, the language, the services as that caller sees them, a template."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import uuid4

import httpx2
from fastapi import Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import FormData, UploadFile

from libs.runtime.policy import scope
from libs.runtime.settings import Settings
from portal.client import Client, Json, Refused, SignInNeeded
from portal.menu import entries
from portal.session import LANGUAGE_COOKIE, Seal, Session
from portal.words import LANGUAGES, Words, chosen

CAMBODIA: Final = timezone(timedelta(hours=7))
SECURITY: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""No inline script or style, nothing from another host; `blob:` is the chart that becomes a PNG."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A request of somebody who is signed in."""

    request: Request
    session: Session
    words: Words
    client: Client

    def may(self, action: str) -> bool:
        """Whether the caller may do an action in some scope; the service decides again."""
        return scope(action, frozenset(self.session.roles)) is not None

    def page(self, template: str, code: int = 200, **context: Json) -> HTMLResponse:
        """A page in the portal's frame."""
        return page(self.request, template, code, visitor=self, **context)

    def to(self, path: str) -> RedirectResponse:
        """Go on to another page after a form."""
        return RedirectResponse(path, 303, headers={"Cache-Control": "no-store"})


def page(request: Request, template: str, code: int = 200, **context: Json) -> HTMLResponse:
    """A page for anybody."""
    words = words_of(request)
    visitor: Visitor | None = context.setdefault("visitor", None)
    session = visitor.session if visitor else seal_of(request).session(request)
    path = request.url.path
    text = templates().get_template(template).render(
        w=words,
        languages=LANGUAGES,
        session=session,
        menu=entries(session.roles if session and not session.chooses else (), path),
        csrf=seal_of(request).csrf(session) if session else "",
        here=path + (f"?{request.url.query}" if request.url.query else ""),
        path=path,
        key=lambda: uuid4().hex,
        **context,
    )  # fmt: skip
    return HTMLResponse(text, code, headers=dict(SECURITY))


def seal_of(request: Request) -> Seal:
    """What seals this process's cookies."""
    seal: Seal = request.app.state.seal
    return seal


def words_of(request: Request) -> Words:
    """The strings in the request's language."""
    return Words(chosen(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language", "")))


async def visitor_of(request: Request) -> Visitor:
    """A dependency: who is signed in. Raises SignInNeeded."""
    session = seal_of(request).session(request)
    if session is None or not session.token:
        raise SignInNeeded
    config: Settings = request.app.state.config
    reason = request.query_params.get("reason", "")[:500]
    client = Client(request.app.state.client, config.url, session.token, reason)
    return Visitor(request, session, words_of(request), client)


Signed = Annotated[Visitor, Depends(visitor_of)]


async def form_of(request: Request) -> FormData:
    """A dependency: a form that came from one of our own pages. Raises Refused 403 for any other."""
    session = seal_of(request).session(request)
    if session is None:
        raise SignInNeeded
    form = await request.form()
    stated = request.headers.get("x-csrf-token") or str(form.get("csrf", ""))
    elsewhere = request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}
    if elsewhere or not seal_of(request).is_csrf(session, stated):
        raise Refused(403, {"type": "urn:opennrm:problem:not-our-form", "detail": words_of(request)("error.form")})
    return form


Form = Annotated[FormData, Depends(form_of)]


def text_of(form: FormData, name: str) -> str:
    """A form's field as text, without the space around it."""
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


async def file_of(form: FormData, name: str, bytes_max: int) -> tuple[bytes, str]:
    """A form's file and what its owner calls it; one byte more than allowed, so that the service refuses it."""
    file = form.get(name)
    if not isinstance(file, UploadFile):
        return b"", "file"
    return await file.read(bytes_max + 1), file.filename or "file"


def handed_on(made: httpx2.Response) -> Response:
    """A file as a service made it."""
    given = {name: made.headers[name] for name in ("Content-Disposition", "Cache-Control")}
    return Response(made.content, headers=given, media_type=made.headers["Content-Type"])


def texts_of(form: FormData, name: str) -> list[str]:
    """Every value of a form's field."""
    return [value for value in form.getlist(name) if isinstance(value, str) and value]


def happened(form: FormData) -> str:
    """When it happened, as a form states it in Cambodian time; now where it states nothing."""
    stated = text_of(form, "occurred_at")
    moment = datetime.fromisoformat(stated) if stated else datetime.now(CAMBODIA)
    return (moment if moment.tzinfo else moment.replace(tzinfo=CAMBODIA)).isoformat()


def local(moment: str | None, form: str = "%Y-%m-%d %H:%M") -> str:
    """A moment as it is shown: Cambodian time."""
    return datetime.fromisoformat(moment).astimezone(CAMBODIA).strftime(form) if moment else "–"


def day(moment: str | None) -> str:
    """The Cambodian day of a moment; a plain date stays as it is."""
    return moment if moment and len(moment) == len("2026-01-01") else local(moment, "%Y-%m-%d")


def today() -> str:
    """The Cambodian day, as forms and limits use it."""
    return datetime.now(CAMBODIA).date().isoformat()


def short_type(event_type: str) -> str:
    """`identification.identified` of an event's type."""
    return event_type.removeprefix("org.opennrm.").rpartition(".v")[0]


def riel(amount: int) -> str:
    """An amount of money with thin groups of thousands."""
    return f"{amount:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def millions(amount: int) -> str:
    """A large amount of money, in millions."""
    return f"{amount / 1_000_000:g} M" if amount else "0"


def whole(number: float | None) -> str:
    """A number without a decimal that says nothing."""
    return "–" if number is None else f"{number:g}"


def names(values: Sequence[str], words: Words, kind: str) -> list[tuple[str, str]]:
    """The values of a list with their names, for a choice."""
    return [(value, words.of(kind, value)) for value in values]


def named(values: Sequence[str], name: Callable[[str], str]) -> list[tuple[str, str]]:
    """The values with the names that a function gives them."""
    return sorted(((value, name(value)) for value in values), key=lambda pair: pair[1])


@lru_cache
def templates() -> Environment:
    """The templates: everything is escaped, and a name that is not given is an error."""
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    tools: Mapping[str, Any] = {
        "local": local, "day": day, "short_type": short_type, "riel": riel, "whole": whole, "millions": millions,
        "names": names, "named": named, "pairs": lambda values: [(value, value) for value in values],
    }  # fmt: skip
    found.filters.update(tools)
    found.globals["today"] = today
    found.globals["started"] = int(time.time())
    found.globals["now_utc"] = lambda: datetime.now(UTC).isoformat(timespec="seconds")
    return found
