"""Every setting of the product: its variable, type, default and meaning, read once from the environment.

The names of the Laravel + Soketi stack keep working, so an existing ``.env`` can be kept. Where two
spellings exist (``…_MAX_CONNECTIONS`` and Soketi's own ``…_MAX_CONNS``), the first one that is set wins.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self, cast

from environs import Env, EnvError
from marshmallow.validate import OneOf, Range

Environment = Literal["development", "production", "test"]
BroadcastDriver = Literal["pusher", "log", "null"]

#: Values that documentation shows; production refuses to start on them.
PLACEHOLDER_SECRETS = frozenset({"", "pbxappsecret", "app-secret", "secret", "changeme", "password"})

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"


class SettingsError(Exception):
    """A setting is missing or unusable; the message names the variable and what to do."""


@dataclass(frozen=True, kw_only=True)
class PusherSettings:
    """The application that this backend publishes to, and how the backend reaches the relay's HTTP API."""

    app_id: str = "app-id"
    key: str = "pbxappkey"
    secret: str = field(default="pbxappsecret", repr=False)
    enabled: bool = True
    allowed_origins: tuple[str, ...] = ()  #: of browsers that may connect; empty: all
    client_events: bool = False  #: whether clients may send `client-…` events
    subscription_count: bool = False  #: whether subscribers are told how many they are
    webhooks: str = field(default="", repr=False)  #: JSON list of webhooks, as in `apps_file`
    host: str = "127.0.0.1"
    port: int = 6001
    scheme: str = "http"

    @property
    def url(self) -> str:
        """Base URL of the relay's HTTP API, no trailing slash."""
        return f"{self.scheme}://{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class RelaySettings:
    """What one relay process allows, and when it gives up. Times in seconds, sizes in bytes."""

    port: int = 6001
    metrics_port: int = 9601
    workers: int = 1  #: processes that share the two ports
    max_connections: int = 10_000  #: per app, over all nodes
    max_backend_events_per_second: int = -1  #: per app; -1 is no limit
    max_client_events_per_second: int = 10  #: per connection
    max_read_requests_per_second: int = -1  #: per app; -1 is no limit
    max_payload: int = 10_240  #: `data` of one event
    max_presence_members: int = 100
    max_channels_per_connection: int = 200
    max_connections_per_address: int = -1  #: on one node; -1 is no limit (all of an office share one address)
    max_frame: int = 65_536  #: one incoming message, all its fragments
    max_messages_per_second: int = 200  #: incoming frames of one connection, in bursts of twice as many
    send_buffer: int = 1_048_576  #: unsent bytes kept for a slow reader before it is closed with 4100
    activity_timeout: int = 30
    pong_timeout: int = 30
    drain: float = 20.0  #: over which connections are closed at SIGTERM


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The whole configuration of one process. Build it with `from_environment`, or directly in a test."""

    environment: Environment = "development"
    log_level: str = "INFO"
    database_url: str = field(default=f"sqlite:///{VAR / 'opbx.sqlite3'}", repr=False)
    redis_url: str = field(default="redis://127.0.0.1:6379/0", repr=False)
    broker_url: str = field(default="redis://127.0.0.1:6379/0", repr=False)
    broadcast_driver: BroadcastDriver = "pusher"
    bind_host: str = "0.0.0.0"  #: address on which web and relay listen; `make run` takes 127.0.0.1 where none is set
    web_port: int = 8000
    web_workers: int = 2  #: processes
    web_threads: int = 8  #: of each process: requests that are served at once
    flower_port: int = 5555
    redis_port: int = 6379  #: of this machine's Redis, where `redis_url` names no other
    simulate: bool = True  #: whether `make run` posts simulated calls
    token_lifetime: int = 43_200  #: seconds until an API token of a login expires
    webhook_max_body: int = 65_536  #: bytes; a larger body is answered with 413
    webhook_rate_limit: str = "12000/minute"  #: per organization
    login_rate_limit: str = "30/minute"  #: per address
    queue_tries: int = 3
    call_timeout: int = 14_400  #: seconds without news until an answered call is ended as failed
    ringing_timeout: int = 600  #: the same for a call not answered yet
    redis_timeout: float = 0.5  #: longest wait of an API request for Redis
    public_ws_host: str = ""  #: host browsers use for the relay; empty: the page's own
    public_ws_port: int = 6001
    public_ws_scheme: str = "http"
    trusted_proxies: int = 0  #: proxies in front whose X-Forwarded-* headers are believed
    demo_password: str = field(default="", repr=False)  #: of the demo's users; empty: made up once, kept in var/
    demo_sender_key: str = field(default="", repr=False)  #: Bearer key and signing secret of the demo's senders
    apps_file: str = ""  #: JSON file of more Pusher applications; see `opbx/apps`
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
        environment = env.str("OPBX_ENV", "development", validate=OneOf(["development", "production", "test"]))
        driver = env.str("BROADCAST_DRIVER", "pusher", validate=OneOf(["pusher", "log", "null"]))
        redis_port = env.int("REDIS_PORT", cls.redis_port)
        redis_url = env.str("REDIS_URL", "") or f"redis://127.0.0.1:{redis_port}/0"
        relay_port = env.int("SOKETI_PORT", 6001)
        return cls(
            environment=cast(Environment, environment),
            log_level=env.str("LOG_LEVEL", "INFO").upper(),
            database_url=_database_url(env.str("DATABASE_URL", cls.database_url)),
            redis_url=redis_url,
            broker_url=env.str("CELERY_BROKER_URL", "") or redis_url,
            broadcast_driver=cast(BroadcastDriver, driver),
            bind_host=env.str("BIND_HOST", cls.bind_host),
            web_port=env.int("WEB_PORT", cls.web_port),
            web_workers=env.int("WEB_WORKERS", cls.web_workers, validate=Range(min=1)),
            web_threads=env.int("WEB_THREADS", cls.web_threads, validate=Range(min=1)),
            flower_port=env.int("FLOWER_PORT", cls.flower_port),
            redis_port=redis_port,
            simulate=env.bool("SIMULATE", cls.simulate),
            token_lifetime=env.int("TOKEN_LIFETIME", cls.token_lifetime, validate=Range(min=1)),
            webhook_max_body=env.int("WEBHOOK_MAX_BODY", cls.webhook_max_body),
            webhook_rate_limit=env.str("WEBHOOK_RATE_LIMIT", cls.webhook_rate_limit),
            login_rate_limit=env.str("LOGIN_RATE_LIMIT", cls.login_rate_limit),
            queue_tries=env.int("QUEUE_TRIES", 3, validate=Range(min=1)),
            call_timeout=env.int("CALL_TIMEOUT", cls.call_timeout),
            ringing_timeout=env.int("RINGING_TIMEOUT", cls.ringing_timeout),
            redis_timeout=env.float("REDIS_TIMEOUT", cls.redis_timeout),
            public_ws_host=env.str("VITE_WS_HOST", ""),
            public_ws_port=env.int("VITE_WS_PORT", relay_port),
            public_ws_scheme=env.str("VITE_WS_SCHEME", "http"),
            trusted_proxies=env.int("TRUSTED_PROXIES", 0),
            demo_password=env.str("DEMO_PASSWORD", ""),
            demo_sender_key=env.str("DEMO_SENDER_KEY", ""),
            apps_file=env.str("PUSHER_APPS_FILE", ""),
            pusher=_pusher(env, relay_port),
            relay=_relay(env, relay_port),
        )

    def refuse_placeholders(self) -> None:
        """In production, raise `SettingsError` when a secret is one that everybody can read in the documentation."""
        if self.environment == "production" and self.pusher.secret in PLACEHOLDER_SECRETS:
            raise SettingsError("PUSHER_APP_SECRET is a placeholder: set it to a random value (openssl rand -hex 32)")


def _pusher(env: Env, port: int) -> PusherSettings:
    default = PusherSettings
    origins: list[str] = env.list("SOKETI_DEFAULT_APP_ALLOWED_ORIGINS", [])
    return default(
        app_id=env.str("PUSHER_APP_ID", env.str("SOKETI_DEFAULT_APP_ID", default.app_id)),
        key=env.str("PUSHER_APP_KEY", env.str("SOKETI_DEFAULT_APP_KEY", default.key)),
        secret=env.str("PUSHER_APP_SECRET", env.str("SOKETI_DEFAULT_APP_SECRET", "pbxappsecret")),
        enabled=env.bool("SOKETI_DEFAULT_APP_ENABLED", default.enabled),
        allowed_origins=tuple(origin.strip() for origin in origins),
        client_events=env.bool("SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES", default.client_events),
        subscription_count=env.bool("SOKETI_DEFAULT_APP_ENABLE_SUBSCRIPTION_COUNT", default.subscription_count),
        webhooks=env.str("SOKETI_DEFAULT_APP_WEBHOOKS", ""),
        host=env.str("PUSHER_HOST", "127.0.0.1"),
        port=env.int("PUSHER_PORT", port),
        scheme=env.str("PUSHER_SCHEME", "http", validate=OneOf(["http", "https"])),
    )


def _relay(env: Env, port: int) -> RelaySettings:
    default = RelaySettings

    def limit(fallback: int, *names: str) -> int:
        for name in names:
            value: int | None = env.int(f"SOKETI_DEFAULT_APP_MAX_{name}", None)
            if value is not None:
                return value
        return fallback

    return RelaySettings(
        port=port,
        metrics_port=env.int("SOKETI_METRICS_PORT", default.metrics_port),
        workers=env.int("RELAY_WORKERS", default.workers, validate=Range(min=1)),
        max_connections=limit(default.max_connections, "CONNECTIONS", "CONNS"),
        max_backend_events_per_second=limit(-1, "BACKEND_EVENTS_PER_SECOND", "BACKEND_EVENTS_PER_SEC"),
        max_client_events_per_second=limit(
            default.max_client_events_per_second, "CLIENT_EVENTS_PER_SECOND", "CLIENT_EVENTS_PER_SEC"
        ),
        max_read_requests_per_second=limit(
            -1, "READ_REQUEST_PER_SECOND", "READ_REQUESTS_PER_SECOND", "READ_REQ_PER_SEC"
        ),
        max_payload=env.int("RELAY_MAX_PAYLOAD", default.max_payload),
        max_presence_members=env.int("SOKETI_PRESENCE_MAX_MEMBERS", default.max_presence_members),
        max_channels_per_connection=env.int("RELAY_MAX_CHANNELS_PER_CONNECTION", default.max_channels_per_connection),
        max_connections_per_address=env.int("RELAY_MAX_CONNECTIONS_PER_ADDRESS", default.max_connections_per_address),
        max_frame=env.int("RELAY_MAX_FRAME", default.max_frame),
        max_messages_per_second=env.int("RELAY_MAX_MESSAGES_PER_SECOND", default.max_messages_per_second),
        send_buffer=env.int("RELAY_SEND_BUFFER", default.send_buffer),
        activity_timeout=env.int("RELAY_ACTIVITY_TIMEOUT", default.activity_timeout, validate=Range(min=1)),
        pong_timeout=env.int("RELAY_PONG_TIMEOUT", default.pong_timeout, validate=Range(min=1)),
        drain=env.float("RELAY_DRAIN", default.drain),
    )


def _database_url(url: str) -> str:
    """Name the installed PostgreSQL driver where the URL leaves it open."""
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url
