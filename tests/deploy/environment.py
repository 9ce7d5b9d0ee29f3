"""Which variables there are, and whether what is deployed names processes that exist."""

import importlib
import re
import shlex

import workers
from opbx.settings import ROOT, PusherSettings, RelaySettings, Settings, declared

#: Of the images of others, and of the compose file itself.
FOREIGN = re.compile(
    r"(NGINX|GF|POSTGRES|FLOWER)_[A-Z_]+|(HTTPS?|PROMETHEUS|ALERTMANAGER|GRAFANA)_PORT|ALERTMANAGER_CONFIG|DOCS_URL|HTTPS_SUFFIX|SERVER_NAME|GRAFANA_PASSWORD"
    r"|(TLS|ACME)_DIR|REDIS_MAXMEMORY|PROMETHEUS_MULTIPROC_DIR"
)

#: What the programs of other packages are started with; their commands are looked up below.
_OPBX = re.compile(r"opbx (?P<command>.+)")
_GUNICORN = re.compile(r"gunicorn -c (?P<config>\S+) wsgi:(?P<application>\w+)")
_CELERY = re.compile(r"celery -q -A (?P<application>\w+) (?P<command>worker|beat|flower)\b.*")


def variables() -> set[str]:
    """Every variable that a setting is read from."""
    return {
        name
        for of in (Settings, PusherSettings, RelaySettings)
        for one in declared(of)
        for name in one.metadata["variables"]
    }


def is_known(variable: str) -> bool:
    return variable in variables() or FOREIGN.fullmatch(variable) is not None


def check_command(command: str | list[str]) -> None:
    """Fails where a command of our image starts something that is not there."""
    line = command if isinstance(command, str) else shlex.join(command)
    if found := _GUNICORN.fullmatch(line):
        assert (ROOT / found["config"]).is_file(), line
        assert found["application"] in {"app", "relay"}, line
        assert f'"{found["application"]}"' in (ROOT / "wsgi.py").read_text(), line
    elif found := _CELERY.fullmatch(line):
        assert importlib.import_module(found["application"]).app is workers.app, line
    elif found := _OPBX.fullmatch(line):
        assert found["command"] == "db upgrade", line
    else:
        raise AssertionError(f"a command of no known kind: {line}")
