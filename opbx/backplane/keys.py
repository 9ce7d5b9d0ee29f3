"""The names of everything that Redis holds. All keys of one channel share a hash tag, for Redis Cluster."""

from dataclasses import dataclass

NODES = "opbx:nodes"


@dataclass(frozen=True, slots=True)
class ChannelKeys:
    """The keys of one channel (its name on the wire) of one application."""

    app_id: str
    channel: str

    @property
    def entry(self) -> str:
        """How a list of channels names this one."""
        return f"{self.app_id}:{self.channel}"

    @property
    def tag(self) -> str:
        return f"{{{self.entry}}}"

    @property
    def topic(self) -> str:
        return f"opbx:topic:{self.tag}"

    @property
    def head(self) -> str:
        return f"opbx:head:{self.tag}"

    @property
    def log(self) -> str:
        return f"opbx:log:{self.tag}"

    @property
    def members(self) -> str:
        return f"opbx:members:{self.tag}"

    @property
    def held(self) -> str:
        return f"opbx:held:{self.tag}"

    @property
    def cache(self) -> str:
        return f"opbx:cache:{self.tag}"

    @property
    def occupancy(self) -> str:
        return f"opbx:occupancy:{self.tag}"

    @property
    def count_hold(self) -> str:
        return f"opbx:told:{self.tag}"

    def held_by(self, node: str) -> str:
        return f"opbx:held:{self.tag}:{node}"


def app_keys(app_id: str) -> ChannelKeys:
    """What belongs to a whole app is kept under a channel without a name."""
    return ChannelKeys(app_id, "")


def connections(app_id: str) -> str:
    """How many connections of an app each node has."""
    return f"opbx:connections:{app_keys(app_id).tag}"


def bucket(app_id: str, kind: str) -> str:
    """What is left of an app's rate of `kind`."""
    return f"opbx:rate:{app_keys(app_id).tag}:{kind}"


def node_channels(node: str) -> str:
    """The set of `app:channel` in which `node` has subscribers, `app:` for its connections."""
    return f"opbx:node:{node}"


def split_channel(entry: str) -> ChannelKeys:
    """The inverse of the `app:channel` entries of `node_channels`; an app id has no colon."""
    app_id, _, channel = entry.partition(":")
    return ChannelKeys(app_id, channel)
