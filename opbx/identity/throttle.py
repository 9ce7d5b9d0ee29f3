"""How often somebody may try to log in: to one account from one address, from an address, and to an account.

All tries count, before the password is looked at: of many at once, too, no more are let in. The last two limits are
wider, since an office shares an address, and since whoever knows an address of mail should not lock its owner out.
"""

from hashlib import sha256

from flask import request
from flask_limiter.util import get_remote_address
from werkzeug.exceptions import HTTPException

from opbx.errors import ApiError
from opbx.extensions import current_settings, limiter
from opbx.identity.authentication import current_user


def _account() -> str:
    """The account that the request is about, as a digest: whoever reads the limits' store learns no address."""
    try:
        body = request.get_json(silent=True)
    except (HTTPException, ApiError):  # too large, say: the view tells; the limiter takes an error for a lost store
        body = None
    email = body.get("email") if isinstance(body, dict) else None
    return sha256(str(email).strip().lower().encode(errors="replace")).hexdigest()[:32]


def _account_and_address() -> str:
    return f"{_account()}@{get_remote_address()}"


def _narrow() -> str:
    return current_settings().login_rate_limit


def _wide() -> str:
    return current_settings().login_total_rate_limit


from_address = limiter.shared_limit(_wide, scope="login from", key_func=get_remote_address)
to_account = limiter.shared_limit(_wide, scope="login to", key_func=_account)
to_account_from_address = limiter.shared_limit(_narrow, scope="login", key_func=_account_and_address)

#: Of an authenticated view that asks for the password again; it stands below `@authenticated`.
of_user = limiter.shared_limit(_narrow, scope="password", key_func=lambda: current_user().id)
