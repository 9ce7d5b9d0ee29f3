"""What of the documentation is made when it is built: the reference, from the product itself, and lists of files."""

import json
import logging
import re
from dataclasses import Field
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from opbx import create_app
from opbx.settings import ROOT, PusherSettings, RelaySettings, Settings, declared

_ASYNCAPI = "asyncapi.yaml"
_GROUPS = {
    "Everything": Settings,
    "The Pusher application": PusherSettings,
    "The relay": RelaySettings,
}
_SECTIONS = {"operations": "Operations", "clients": "Clients"}
_METHODS = ("get", "post", "put", "patch", "delete")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """A page that mkdocs.yml does not name goes to the end of its folder's section."""
    nav: list[Any] = config.nav or []
    sections = {title: pages for entry in nav if isinstance(entry, dict) for title, pages in entry.items()}
    named = {page for pages in sections.values() for page in pages} | {page for page in nav if isinstance(page, str)}
    folder = Path(config.docs_dir)
    for path in sorted(folder.rglob("*.md")):
        name = path.relative_to(folder).as_posix()
        if name not in named and path.parent.name != "decisions":
            sections[_SECTIONS.get(path.parent.name, "Inside")].append(name)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made here, and the two descriptions as files."""
    logging.getLogger("opbx").setLevel(logging.WARNING)
    api = json.dumps(_openapi(), indent=2)
    made = {
        "reference/settings.md": _settings(),
        "reference/api.md": _api(json.loads(api)),
        "reference/openapi.json": api,
        "reference/events.md": _events(yaml.safe_load((ROOT / "docs" / _ASYNCAPI).read_text())),
        "decisions/index.md": _decisions(),
    }
    for path, content in made.items():
        files.append(File.generated(config, path, content=content))
    return files


# Settings


def _settings() -> str:
    parts = [
        "# Settings\n\nAll come from the environment; `make run` and docker compose read `.env` too. Of several "
        "spellings the first that is set wins, and a variable that is set to nothing counts as not set. This page is "
        "made from `opbx/settings.py`.\n"
    ]
    for title, group in _GROUPS.items():
        types = get_type_hints(group)
        parts.append(f"\n## {title}\n\n{(group.__doc__ or '').splitlines()[0]}\n")
        parts.append("\n| variable | type | default | what |\n|---|---|---|---|\n")
        parts += [_setting(one, types[one.name]) for one in declared(group)]
    return "".join(parts)


def _setting(one: Field[Any], kind: Any) -> str:
    said = one.metadata
    names = "<br>".join(f"`{name}`" for name in said["variables"])
    default = said["follows"] or ("" if one.default in ("", ()) else f"`{_shown(one.default)}`")
    return f"| {names} | {_type(kind)} | {default} | {_cell(said['meaning'])} |\n"


def _shown(value: Any) -> str:
    match value:
        case bool():
            return str(int(value))
        case tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)


def _type(kind: Any) -> str:
    if get_origin(kind) is tuple:
        return "list"
    choices = get_args(kind)
    if choices:
        return " \\| ".join(f"`{choice}`" for choice in choices)
    return {"str": "text", "int": "number", "float": "number", "bool": "0 or 1"}[kind.__name__]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# HTTP API


def _openapi() -> dict[str, Any]:
    app = create_app(Settings(environment="test", broker_url="memory://"))
    spec: dict[str, Any] = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    return spec


def _api(spec: dict[str, Any]) -> str:
    parts = [
        f"# HTTP API\n\n{spec['info']['description']}\n\nThe whole description: [openapi.json](openapi.json); "
        "a running system serves it at `/api/v1/openapi.json`, and a page to try it at `/api/v1/docs`. "
        "`make openapi` writes it to a file.\n"
    ]
    by_tag: dict[str, list[str]] = {}
    for path, item in sorted(spec["paths"].items()):
        for method in _METHODS:
            if method in item:
                operation = item[method]
                row = f"| `{method.upper()}` | `{path}` | {_cell(operation.get('summary', ''))} |\n"
                by_tag.setdefault(operation.get("tags", [""])[0], []).append(row)
    about = {tag["name"]: tag.get("description", "") for tag in spec.get("tags", [])}
    for tag, rows in by_tag.items():
        parts.append(f"\n## {tag}\n\n{about.get(tag, '')}\n\n| | path | what |\n|---|---|---|\n{''.join(rows)}")
    return "".join(parts)


# Events


def _events(spec: dict[str, Any]) -> str:
    parts = [
        f"# Events\n\n{spec['info']['description']}\n\nThe same for programs: [asyncapi.yaml](../{_ASYNCAPI}) "
        f"(AsyncAPI {spec['asyncapi']}).\n"
    ]
    messages = spec["components"]["messages"]
    for channel in spec["channels"].values():
        parts.append(f"\n## {channel['title']}\n\n{channel['description']}\n")
        for reference in channel["messages"].values():
            parts.append(_message(messages[reference["$ref"].rpartition("/")[2]], spec["components"]["schemas"]))
    return "".join(parts)


def _message(message: dict[str, Any], schemas: dict[str, Any]) -> str:
    payload = message["payload"]
    if "$ref" in payload:
        payload = schemas[payload["$ref"].rpartition("/")[2]]
    rows = "".join(
        f"| `{name}` | {_json_type(field)} | {'always' if name in payload.get('required', []) else 'where known'} "
        f"| {_cell(field.get('description', ''))} |\n"
        for name, field in payload.get("properties", {}).items()
    )
    table = f"\n| field | type | | |\n|---|---|---|---|\n{rows}" if rows else ""
    examples = "".join(
        f"\n```json\n{json.dumps(example['payload'], indent=2)}\n```\n" for example in message.get("examples", [])
    )
    return f"\n### `{message['name']}`\n\n{message['summary']}\n{table}{examples}"


def _json_type(field: dict[str, Any]) -> str:
    kind = field.get("type", "")
    return " or ".join(kind) if isinstance(kind, list) else kind


# Decisions


def _decisions() -> str:
    lines = ["# Decisions\n\nWhat was chosen against something else that would have done, and why.\n"]
    for path in sorted((ROOT / "docs/decisions").glob("*.md")):
        title = re.sub(r"^#\s*", "", path.read_text().splitlines()[0])
        lines.append(f"- [{title}]({path.name})")
    return "\n".join(lines) + "\n"
