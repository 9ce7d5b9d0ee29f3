"""Channel rules: which logical names exist, of which kind they are on the wire, and who may subscribe."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from opbx.identity.models import User
from opbx.pusher.channels import ChannelName, Kind

#: The member data of a presence channel, True for a private one, nothing or False to refuse.
Verdict = Mapping[str, Any] | bool | None

#: Given the user, and by keyword the parts of the channel's name.
Authorize = Callable[..., Verdict]

_PREFIX = {Kind.PRIVATE: "private-", Kind.PRESENCE: "presence-"}

#: One part of a channel's name: what the protocol allows in a name, without the dot that separates parts.
_PART = "[A-Za-z0-9_=@,;-]+"


class NoChannelRule(LookupError):
    """No rule matches a logical channel name, so nobody could subscribe to it. Permanent."""

    def __init__(self, logical: str) -> None:
        super().__init__(f"no channel rule for {logical!r}")


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern of logical names, the kind under which they exist on the wire, and who may subscribe."""

    pattern: re.Pattern[str]
    kind: Kind
    authorize: Authorize


_rules: list[Rule] = []


def channel(pattern: str, *, kind: Kind) -> Callable[[Authorize], Authorize]:
    """Declare the rule of the channels named by `pattern`, such as `presence.org.{organization_id}`."""
    if kind not in _PREFIX:
        raise ValueError(f"{kind} needs no authorization or has no rule of ours")
    literal = re.escape(pattern).replace(r"\{", "{").replace(r"\}", "}")
    compiled = re.compile(re.sub(r"\{(\w+)\}", rf"(?P<\1>{_PART})", literal) + r"\Z")

    def declare(authorize: Authorize) -> Authorize:
        _rules.append(Rule(compiled, kind, authorize))
        return authorize

    return declare


def _find(logical: str) -> tuple[Rule, dict[str, str]] | None:
    for rule in _rules:
        match = rule.pattern.match(logical)
        if match:
            return rule, match.groupdict()
    return None


def wire_name(logical: str) -> str:
    """The name on the wire of a logical channel: `presence.org.7` is `presence-presence.org.7`.

    Raises `NoChannelRule`.
    """
    found = _find(logical)
    if found is None:
        raise NoChannelRule(logical)
    return _PREFIX[found[0].kind] + logical


def authorize(user: User, name: ChannelName) -> Verdict:
    """Whether `user` may subscribe to `name`. No rule, another kind than the rule's, a cache channel: refused.

    The kind counts as much as the name: `presence.org.7` and `private-presence.org.7` are other channels
    than the one that the rule guards, and nothing is ever published on them.
    """
    found = _find(name.logical)
    if found is None:
        return None
    rule, parts = found
    if name.kind is not rule.kind or name.cache:
        return None
    return rule.authorize(user, **parts)
