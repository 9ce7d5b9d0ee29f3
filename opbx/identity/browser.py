"""The dashboard's session: a login's token in a cookie that no script can read (docs/decisions/browser-session.md).

The browser says by itself from where a request comes, in headers that pages cannot set. A cookie is given to pages of
this server's own origin only, and with a cookie nothing is changed or signed for any other.
"""

from urllib.parse import urlsplit

from flask import Response, request

from opbx.errors import refuse

_NAME = "opbx_session"
#: Browsers take a cookie of such a name over TLS only, and from no other host of the domain.
_SECURE_NAME = f"__Host-{_NAME}"

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def from_own_page() -> bool:
    """Whether a page of this server's origin sends the request at hand."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    # a browser over plain HTTP: it tells the origin of whatever is not just read
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin)[:2] == urlsplit(request.host_url)[:2]


def session_token() -> str | None:
    """The token in the request's cookie. Refuses with 403 what changes something and comes from elsewhere."""
    plain = request.cookies.get(_name())
    if plain and request.method not in _READING and not from_own_page():
        refuse(403, "CROSS_SITE_REFUSED", "A session's cookie counts for pages of this server only.")
    return plain or None


def keep_session(answer: Response, plain: str, lifetime: int) -> None:
    """Give the browser the token to keep, for `lifetime` seconds."""
    answer.set_cookie(
        _name(), plain, max_age=lifetime, path="/", secure=request.is_secure, httponly=True, samesite="Strict"
    )


def end_session(answer: Response) -> None:
    """Have the browser forget the token."""
    answer.delete_cookie(_name(), path="/", secure=request.is_secure, httponly=True, samesite="Strict")


def _name() -> str:
    return _SECURE_NAME if request.is_secure else _NAME
