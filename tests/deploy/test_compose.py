"""docker-compose.yml holds together: names, variables, commands, and what is open to whom."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from opbx.settings import ROOT
from tests.deploy.environment import check_command, is_known

_TEXT = (ROOT / "docker-compose.yml").read_text()
_COMPOSE: dict[str, Any] = yaml.safe_load(_TEXT)
SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "opbx-realtime"}


def _dependencies(service: dict[str, Any]) -> dict[str, str]:
    found = service.get("depends_on", {})
    if isinstance(found, list):
        return dict.fromkeys(found, "service_started")
    return {name: wanted["condition"] for name, wanted in found.items()}


def test_all_processes_are_there() -> None:
    wanted = "nginx migrate web relay worker beat flower redis postgres prometheus alertmanager grafana"
    assert set(SERVICES) == set(wanted.split())


def test_every_variable_is_a_setting_or_known_to_an_image() -> None:
    interpolated = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", _TEXT))
    given = {name for service in SERVICES.values() for name in service.get("environment", {})}
    assert {name for name in interpolated | given if not is_known(name)} == set()


def test_every_variable_is_explained() -> None:
    asked = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", _TEXT))
    assert {name for name in asked if f"# {name}=" not in (ROOT / ".env.example").read_text()} == set()


def test_the_example_of_an_environment_names_what_there_is() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = {line.lstrip("# ").split("=")[0] for line in lines if re.match(r"(# )?[A-Z_]+=", line)}
    assert {name for name in named if not is_known(name)} == set()


@pytest.mark.parametrize("name", sorted(set(OURS) - {"web"}))
def test_commands_start_what_there_is(name: str) -> None:
    check_command(OURS[name]["command"])


def test_what_is_waited_for_tells_its_health() -> None:
    for name, service in SERVICES.items():
        for other, condition in _dependencies(service).items():
            if condition == "service_healthy":
                assert "healthcheck" in SERVICES[other], (name, other)
            elif condition == "service_completed_successfully":
                assert SERVICES[other]["restart"] == "on-failure", (name, other)
            else:
                assert other in SERVICES, (name, other)


def test_everything_that_goes_on_is_watched_and_restarted() -> None:
    for name, service in SERVICES.items():
        if name != "migrate":
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name


@pytest.mark.parametrize("name", ["relay", "worker", "web"])
def test_scaled_services_claim_nothing_that_exists_once(name: str) -> None:
    assert not {"ports", "container_name", "hostname"} & SERVICES[name].keys()


def test_only_the_proxy_is_open_to_other_machines() -> None:
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            assert name == "nginx" or port.startswith("127.0.0.1:"), (name, port)


def test_the_proxy_reaches_neither_database_nor_redis() -> None:
    for name in ("postgres", "redis"):
        assert not set(SERVICES[name]["networks"]) & set(SERVICES["nginx"]["networks"])
    for upstream in ("NGINX_WEB", "NGINX_RELAY", "NGINX_FLOWER"):
        host = SERVICES["nginx"]["environment"][upstream].partition(":")[0]
        assert set(SERVICES[host]["networks"]) & set(SERVICES["nginx"]["networks"]), host


def test_networks_and_volumes_are_declared_and_mounted_files_exist() -> None:
    for name, service in SERVICES.items():
        assert set(service["networks"]) <= set(_COMPOSE["networks"]), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert Path(ROOT / source).exists() or source.startswith("./var/"), (name, source)
            elif not source.startswith("$"):
                assert source in _COMPOSE["volumes"], (name, source)


def test_the_template_of_the_proxy_gets_all_that_it_asks_for() -> None:
    template = (ROOT / "deploy/nginx/templates/opbx.conf.template").read_text()
    given = set(SERVICES["nginx"]["environment"]) - {"NGINX_ENVSUBST_FILTER"}
    assert set(re.findall(r"\$\{(NGINX_[A-Z_]+)\}", template)) == given


def test_our_containers_may_little() -> None:
    for name, service in OURS.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name


def test_prometheus_asks_every_kind_of_process_there_is() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    names = {
        name for job in config["scrape_configs"] for source in job.get("dns_sd_configs", []) for name in source["names"]
    }
    assert names == {"web", "relay", "worker", "beat"}
    for name in names:
        assert set(SERVICES[name]["networks"]) & set(SERVICES["prometheus"]["networks"]), name
