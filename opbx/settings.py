"""Every setting of the product: its variables, type, default and meaning, read once from the environment.

The names of the Laravel + Soketi stack keep working, so an existing ``.env`` can be kept. Where several
spellings exist (``…_MAX_CONNECTIONS`` and Soketi's own ``…_MAX_CONNS``), the first one that is set wins.
A variable that is set to nothing counts as not set. The documentation's reference is made from this module.
"""

from collections.abc import Callable, Iterator
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from environs import Env, EnvError
from marshmallow.validate import OneOf, Range

Environment = Literal["development", "production", "test"]
BroadcastDriver = Literal["pusher", "log", "null"]
Scheme = Literal["http", "https"]
T = TypeVar("T")

#: Values that documentation shows; production refuses to start on them.
PLACEHOLDER_SECRETS = frozenset(
    {"", "pbxappsecret", "app-secret", "secret", "changeme", "password", "opbx", "postgres", "development-only"}
)

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"


#: What is listened on where that is every address of a machine.
_EVERY_ADDRESS = frozenset({"0.0.0.0", "::", "[::]"})


class SettingsError(Exception):
    """A setting is missing or unusable; the message names the variable and what to do."""


def setting(
    default: T,
    meaning: str,
    *variables: str,
    least: int | None = None,
    most: int | None = None,
    secret: bool = False,
    follows: str = "",
) -> T:
    """A field that is read from the first of `variables` that is set.

    `meaning` is Markdown for the reference, in one phrase. A `secret` is not shown by `repr`. `follows` says in words
    where the default comes from when another setting gives it.
    """
    metadata = {
        "meaning": meaning,
        "variables": variables,
        "range": (least, most),
        "secret": secret,
        "follows": follows,
    }
    return field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class PusherSettings:
    """The application that this backend publishes to, and how the backend reaches the relay's HTTP API."""

    app_id: str = setting(
        "app-id", "its id; some server libraries want digits", "PUSHER_APP_ID", "SOKETI_DEFAULT_APP_ID"
    )
    key: str = setting("pbxappkey", "its public key", "PUSHER_APP_KEY", "SOKETI_DEFAULT_APP_KEY")
    secret: str = setting(
        "pbxappsecret", "what signs; production refuses a placeholder", "PUSHER_APP_SECRET",
        "SOKETI_DEFAULT_APP_SECRET", secret=True,
    )  # fmt: skip
    previous_secrets: tuple[str, ...] = setting(
        (), "secrets that still verify while others change over, by commas; they sign nothing",
        "PUSHER_APP_SECRET_PREVIOUS", secret=True,
    )  # fmt: skip
    enabled: bool = setting(True, "whether clients may connect", "SOKETI_DEFAULT_APP_ENABLED")
    allowed_origins: tuple[str, ...] = setting(
        (), "origins of browsers that may connect, by commas; empty: all", "SOKETI_DEFAULT_APP_ALLOWED_ORIGINS"
    )
    client_events: bool = setting(
        False, "whether clients may send `client-…` events", "SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES"
    )
    subscription_count: bool = setting(
        False, "whether subscribers are told how many they are", "SOKETI_DEFAULT_APP_ENABLE_SUBSCRIPTION_COUNT"
    )
    webhooks: str = setting(
        "", "JSON list of webhooks, as in `PUSHER_APPS_FILE`", "SOKETI_DEFAULT_APP_WEBHOOKS", secret=True
    )
    host: str = setting("127.0.0.1", "where the backend reaches the relay", "PUSHER_HOST")
    port: int = setting(6001, "port of the same", "PUSHER_PORT", follows="`SOKETI_PORT`")
    scheme: Scheme = setting("http", "scheme of the same", "PUSHER_SCHEME")

    @property
    def url(self) -> str:
        """Base URL of the relay's HTTP API, no trailing slash."""
        return f"{self.scheme}://{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class RelaySettings:
    """What one relay process allows, and when it gives up. Times in seconds, sizes in bytes; -1 is no limit."""

    port: int = setting(6001, "port of WebSocket and the HTTP API", "SOKETI_PORT")
    metrics_port: int = setting(9601, "port of `/metrics`, `/ready`, `/usage`", "SOKETI_METRICS_PORT")
    debug: bool = setting(False, "whether every frame is logged, secrets masked", "SOKETI_DEBUG")
    soketi_metrics: bool = setting(
        False, "whether metrics are shown under Soketi's names as well", "SOKETI_METRICS_NAMES"
    )
    workers: int = setting(1, "processes that share the two ports", "RELAY_WORKERS", least=1)
    max_connections: int = setting(
        10_000, "connections of an app, over all nodes", "SOKETI_DEFAULT_APP_MAX_CONNECTIONS",
        "SOKETI_DEFAULT_APP_MAX_CONNS",
    )  # fmt: skip
    max_backend_events_per_second: int = setting(
        -1, "events of an app a second through the HTTP API", "SOKETI_DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SECOND",
        "SOKETI_DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SEC",
    )  # fmt: skip
    max_client_events_per_second: int = setting(
        10, "client events of a connection a second", "SOKETI_DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SECOND",
        "SOKETI_DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SEC",
    )  # fmt: skip
    max_read_requests_per_second: int = setting(
        -1, "other requests of an app a second to the HTTP API", "SOKETI_DEFAULT_APP_MAX_READ_REQUEST_PER_SECOND",
        "SOKETI_DEFAULT_APP_MAX_READ_REQUESTS_PER_SECOND", "SOKETI_DEFAULT_APP_MAX_READ_REQ_PER_SEC",
    )  # fmt: skip
    max_payload: int = setting(10_240, "`data` of one event", "RELAY_MAX_PAYLOAD")
    max_presence_members: int = setting(100, "members of a presence channel", "SOKETI_PRESENCE_MAX_MEMBERS")
    max_channels_per_connection: int = setting(200, "channels of a connection", "RELAY_MAX_CHANNELS_PER_CONNECTION")
    max_connections_per_address: int = setting(
        -1, "connections of one address to one node (all of an office share one)", "RELAY_MAX_CONNECTIONS_PER_ADDRESS"
    )
    max_frame: int = setting(65_536, "one incoming message, all its fragments", "RELAY_MAX_FRAME")
    max_messages_per_second: int = setting(
        200, "incoming frames of one connection, in bursts of twice as many", "RELAY_MAX_MESSAGES_PER_SECOND"
    )
    send_buffer: int = setting(
        1_048_576, "unsent bytes kept for a slow reader before it is closed with 4100", "RELAY_SEND_BUFFER"
    )
    request_timeout: float = setting(
        10.0, "time for a request's head to be whole, and for its body to follow", "RELAY_REQUEST_TIMEOUT"
    )
    activity_timeout: int = setting(30, "silence until a client is pinged", "RELAY_ACTIVITY_TIMEOUT", least=1)
    pong_timeout: int = setting(30, "time that it then has to answer", "RELAY_PONG_TIMEOUT", least=1)
    drain: float = setting(20.0, "over which connections are closed at SIGTERM", "RELAY_DRAIN")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The whole configuration of one process. Build it with `from_environment`, or directly in a test."""

    environment: Environment = setting(
        "development", "`production` refuses placeholder secrets and logs JSON", "OPBX_ENV"
    )
    log_level: str = setting("INFO", "`DEBUG`, `INFO`, `WARNING`, `ERROR`", "LOG_LEVEL")
    tracing: bool = setting(False, "whether OpenTelemetry traces are sent; needs requirements-otel.txt", "TRACING")
    database_url: str = setting(
        f"sqlite:///{VAR / 'opbx.sqlite3'}", "`postgresql://user:password@host/name`, or SQLite", "DATABASE_URL",
        secret=True, follows="SQLite in `var/`",
    )  # fmt: skip
    redis_url: str = setting(
        "redis://127.0.0.1:6379/0",
        "backplane and limits: one server, Sentinel or a cluster; `make run` brings its own where it is not set",
        "REDIS_URL", secret=True, follows="this machine's, at `REDIS_PORT`",
    )  # fmt: skip
    broker_url: str = setting(
        "redis://127.0.0.1:6379/0", "the queue; `amqp://…` works too", "CELERY_BROKER_URL", secret=True,
        follows="`REDIS_URL`",
    )  # fmt: skip
    broadcast_driver: BroadcastDriver = setting("pusher", "`log` and `null` publish nothing", "BROADCAST_DRIVER")
    bind_host: str = setting(
        "0.0.0.0", "address on which web and relay listen; `make run` takes 127.0.0.1", "BIND_HOST"
    )
    metrics_host: str = setting(
        "0.0.0.0", "address on which metrics are shown; give it a private one", "METRICS_HOST", follows="`BIND_HOST`"
    )
    web_metrics_port: int = setting(9602, "port of web's `/metrics` and `/ready`; 0: none", "WEB_METRICS_PORT")
    worker_metrics_port: int = setting(9603, "the same of a worker", "WORKER_METRICS_PORT")
    beat_metrics_port: int = setting(9604, "the same of beat", "BEAT_METRICS_PORT")
    web_host: str = setting(
        "127.0.0.1", "where `opbx status` and `opbx doctor` find web's metrics port", "WEB_HOST",
        follows="`METRICS_HOST`, where that is one address",
    )  # fmt: skip
    beat_host: str = setting("127.0.0.1", "the same of beat", "BEAT_HOST", follows="the same")
    web_port: int = setting(8000, "port of web", "WEB_PORT")
    web_workers: int = setting(2, "processes of web", "WEB_WORKERS", least=1)
    web_threads: int = setting(8, "of each process: requests that are served at once", "WEB_THREADS", least=1)
    flower_port: int = setting(5555, "port of Flower", "FLOWER_PORT")
    redis_port: int = setting(6379, "of this machine's Redis, where `REDIS_URL` names no other", "REDIS_PORT")
    simulate: bool = setting(True, "whether `make run` posts simulated calls", "SIMULATE")
    secret_keys: tuple[str, ...] = setting(
        ("development-only",),
        "what seals secrets in the database; of several, by commas, the first one seals and all of them open; "
        "production refuses a placeholder",
        "OPBX_SECRET_KEY",
        secret=True,
    )
    token_lifetime: int = setting(43_200, "seconds until an API token of a login expires", "TOKEN_LIFETIME", least=1)
    webhook_max_body: int = setting(
        65_536, "bytes, at most 131,072; a larger body is answered with 413", "WEBHOOK_MAX_BODY",
        most=131_072,  # as much of a request as web's threads wait for
    )  # fmt: skip
    senders_remembered: float = setting(
        1.0,
        "seconds for which a web process still lets in a sender whose key was revoked",
        "SENDERS_REMEMBERED",
    )
    webhook_rate_limit: str = setting("12000/minute", "webhooks of an organization", "WEBHOOK_RATE_LIMIT")
    user_rate_limit: str = setting("1200/minute", "requests of a user", "USER_RATE_LIMIT")
    address_rate_limit: str = setting(
        "12000/minute", "requests of an address, webhooks aside (all of an office share one)", "ADDRESS_RATE_LIMIT"
    )
    login_rate_limit: str = setting("5/minute", "logins to an account from an address", "LOGIN_RATE_LIMIT")
    login_total_rate_limit: str = setting(
        "30/minute", "logins from an address, and to an account, in all", "LOGIN_TOTAL_RATE_LIMIT"
    )
    worker_max_memory: int = setting(
        512, "MiB of memory above which a worker ends, gently, to be started again; 0: no limit", "WORKER_MAX_MEMORY",
        least=0,
    )  # fmt: skip
    queue_tries: int = setting(3, "tries of a delivery until the sweep takes over", "QUEUE_TRIES", least=1)
    call_timeout: int = setting(
        14_400, "seconds without news until an answered call is ended as failed", "CALL_TIMEOUT"
    )
    ringing_timeout: int = setting(600, "the same for a call not answered yet", "RINGING_TIMEOUT")
    keep_events: int = setting(7, "days until a delivered event is removed from the outbox", "KEEP_EVENTS", least=1)
    keep_receipts: int = setting(
        7, "days in which a webhook that is sent again is known as a duplicate", "KEEP_RECEIPTS", least=1
    )
    keep_session_updates: int = setting(
        30, "days for which an ended call keeps its timeline, what its sender told step by step",
        "KEEP_SESSION_UPDATES", least=1,
    )  # fmt: skip
    keep_calls: int = setting(730, "days until an ended call is removed", "KEEP_CALLS", least=1)
    keep_records: int = setting(
        2557, "days until a detail record is removed; it outlives its call", "KEEP_RECORDS", least=1
    )
    redis_timeout: float = setting(0.5, "seconds: longest wait of an API request for Redis", "REDIS_TIMEOUT")
    public_ws_host: str = setting("", "host browsers use for the relay; empty: the page's own", "VITE_WS_HOST")
    public_ws_port: int = setting(6001, "port of the same", "VITE_WS_PORT", follows="`SOKETI_PORT`")
    public_ws_scheme: str = setting("http", "`http` or `https` of the same", "VITE_WS_SCHEME")
    flower_url: str = setting("", "where owners find Flower; empty: the dashboard has no link to it", "FLOWER_URL")
    flower_basic_auth: str = setting(
        "", "`name:password` that Flower asks for, several by commas", "FLOWER_BASIC_AUTH", secret=True
    )
    grafana_url: str = setting("", "the same of Grafana", "GRAFANA_URL")
    cors_allowed_origins: tuple[str, ...] = setting(
        (), "origins of other servers' pages that may call the API, by commas, with Bearer tokens; empty: none",
        "CORS_ALLOWED_ORIGINS",
    )  # fmt: skip
    trusted_proxies: int = setting(0, "proxies in front whose `X-Forwarded-*` headers are believed", "TRUSTED_PROXIES")
    demo_password: str = setting(
        "", "of the demo's users; empty: made up once, kept in `var/`", "DEMO_PASSWORD", secret=True
    )
    demo_sender_key: str = setting(
        "", "Bearer key and signing secret of the demo's senders", "DEMO_SENDER_KEY", secret=True
    )
    apps_file: str = setting("", "JSON file of more Pusher applications; see `opbx/apps`", "PUSHER_APPS_FILE")
    pusher: PusherSettings = field(default_factory=PusherSettings)
    relay: RelaySettings = field(default_factory=RelaySettings)

    @classmethod
    def from_environment(cls) -> Self:
        """Read the process's environment. Raises `SettingsError` for what cannot be used."""
        try:
            settings = cls._read(Env())
        except EnvError as error:
            raise SettingsError(str(error)) from error
        settings.refuse_placeholders()
        return settings

    @classmethod
    def _read(cls, env: Env) -> Self:
        given, pusher, relay = _given(cls, env), _given(PusherSettings, env), _given(RelaySettings, env)
        given.setdefault("redis_url", f"redis://127.0.0.1:{given.get('redis_port', cls.redis_port)}/0")
        given.setdefault("broker_url", given["redis_url"])
        given["log_level"] = given.get("log_level", cls.log_level).upper()
        given["database_url"] = _database_url(given.get("database_url", cls.database_url))
        given.setdefault("metrics_host", given.get("bind_host", cls.bind_host))
        for host in ("web_host", "beat_host") if given["metrics_host"] not in _EVERY_ADDRESS else ():
            given.setdefault(host, given["metrics_host"])
        relay_port = relay.get("port", RelaySettings.port)
        given.setdefault("public_ws_port", relay_port)
        pusher.setdefault("port", relay_port)
        return cls(**given, pusher=PusherSettings(**pusher), relay=RelaySettings(**relay))

    def refuse_placeholders(self) -> None:
        """In production, raise `SettingsError` when a secret is one that everybody can read in the documentation."""
        if self.environment != "production":
            return
        # what may be left out, or have no password, is only looked at where it is there
        secrets = [
            ("PUSHER_APP_SECRET", self.pusher.secret),
            *(("PUSHER_APP_SECRET_PREVIOUS", secret) for secret in self.pusher.previous_secrets),
            ("DEMO_PASSWORD", self.demo_password or None),
            ("DEMO_SENDER_KEY", self.demo_sender_key or None),
            ("DATABASE_URL", urlsplit(self.database_url).password),
            ("REDIS_URL", urlsplit(self.redis_url).password),
            ("CELERY_BROKER_URL", urlsplit(self.broker_url).password),
        ]
        for variable, secret in secrets:
            if secret is not None and secret.lower() in PLACEHOLDER_SECRETS:
                what = "has a placeholder for a password" if variable.endswith("_URL") else "is a placeholder"
                raise SettingsError(f"{variable} {what}: set it to a random value (openssl rand -hex 32)")

    def refuse_open_flower(self) -> None:
        """In production, raise `SettingsError` when Flower would ask for no password, or for one that all know."""
        if self.environment == "production" and not self.flower_is_closed:
            raise SettingsError(
                "FLOWER_BASIC_AUTH is missing or has a placeholder for a password: set it to name:password, "
                "the password a random value (openssl rand -hex 16)"
            )

    @property
    def flower_is_closed(self) -> bool:
        """Whether each login of Flower has a password that the documentation does not show."""
        passwords = [login.partition(":")[2].strip().lower() for login in self.flower_basic_auth.split(",")]
        return not PLACEHOLDER_SECRETS.intersection(passwords)


def declared(of: type) -> Iterator[Field[Any]]:
    """The settings of one of the classes above, in their order."""
    return (one for one in fields(of) if "variables" in one.metadata)


def _given(of: type, env: Env) -> dict[str, Any]:
    """What the environment says about the settings of a class, by field."""
    types = get_type_hints(of)
    given: dict[str, Any] = {}
    for one in declared(of):
        variable = next((name for name in one.metadata["variables"] if env.str(name, "") != ""), None)
        if variable is not None:
            given[one.name] = _value(env, variable, types[one.name], one.metadata["range"])
    return given


def _value(env: Env, variable: str, kind: Any, bounds: tuple[int | None, int | None]) -> Any:
    """The variable in the type of its field. Raises `EnvError`."""
    if get_origin(kind) is Literal:
        return env.str(variable, validate=OneOf(get_args(kind)))
    if get_origin(kind) is tuple:
        listed: list[str] = env.list(variable)
        return tuple(item.strip() for item in listed)
    readers: dict[Any, Callable[..., Any]] = {str: env.str, int: env.int, float: env.float, bool: env.bool}
    read = readers[kind]
    return read(variable, validate=Range(*bounds)) if bounds != (None, None) else read(variable)


def _database_url(url: str) -> str:
    """Name the installed PostgreSQL driver where the URL leaves it open."""
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url
