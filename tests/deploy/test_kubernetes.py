"""The manifests: valid by Kubernetes' own schemas, and what they say of each other is true.

The overlays only add objects and name images, so all objects of an overlay are those of its files.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from bench.capacity import CONNECTIONS_OF_A_RELAY
from opbx.settings import ROOT
from tests.deploy.environment import check_command, is_known, variables

_FOLDER = ROOT / "deploy/kubernetes"
_SCALED = {"web", "relay", "worker"}
#: Of the Secret that the operator makes.
_SECRETS = {
    "DATABASE_URL",
    "REDIS_URL",
    "PUSHER_APP_SECRET",
    "OPBX_SECRET_KEY",
    "FLOWER_BASIC_AUTH",
    "POSTGRES_PASSWORD",
}

Object = dict[str, Any]


def _objects(folder: Path) -> Iterator[Object]:
    """All objects of a folder with a kustomization, those of its bases first."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert kustomization.keys() <= {
        "apiVersion", "kind", "namespace", "labels", "resources", "images", "secretGenerator"
    }  # fmt: skip
    for resource in kustomization["resources"]:
        path = (folder / resource).resolve()
        if path.is_dir():
            yield from _objects(path)
        else:
            yield from yaml.safe_load_all(path.read_text())


@pytest.fixture(scope="module", params=["production", "trial"])
def objects(request: pytest.FixtureRequest) -> list[Object]:
    return list(_objects(_FOLDER / "overlays" / request.param))


def _of(objects: list[Object], *kinds: str) -> dict[str, Object]:
    return {each["metadata"]["name"]: each for each in objects if each["kind"] in kinds}


def _pods(objects: list[Object]) -> dict[str, Object]:
    """The pod templates of all workloads, by the workload's name."""
    return {name: each["spec"]["template"] for name, each in _of(objects, "Deployment", "StatefulSet", "Job").items()}


def _ports(pod: Object) -> set[str]:
    return {port["name"] for container in pod["spec"]["containers"] for port in container.get("ports", [])}


def _ours(objects: list[Object]) -> Iterator[tuple[str, Object, Object]]:
    """Name, pod and container of everything that runs our image."""
    for name, pod in _pods(objects).items():
        for container in pod["spec"]["containers"]:
            if container["image"] == "opbx-realtime":
                yield name, pod, container


def _matching(pods: dict[str, Object], labels: dict[str, str]) -> list[Object]:
    return [pod for pod in pods.values() if labels.items() <= pod["metadata"]["labels"].items()]


def test_kubernetes_accepts_every_object(objects: list[Object]) -> None:
    for each in objects:
        kubernetes_validate.validate(each, "1.33", strict=True)


def test_names_are_unique(objects: list[Object]) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(names) == len(set(names))


def test_commands_start_what_there_is_and_as_nobody_special(objects: list[Object]) -> None:
    for name, pod, container in _ours(objects):
        check_command(container["command"])
        assert pod["spec"]["securityContext"]["runAsNonRoot"], name
        assert container["securityContext"]["readOnlyRootFilesystem"], name
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name


def test_no_pod_gets_variables_of_services_which_would_pass_for_settings(objects: list[Object]) -> None:
    made = {f"{name.upper()}_PORT" for name in _of(objects, "Service")}
    assert made & variables()
    assert all(pod["spec"]["enableServiceLinks"] is False for pod in _pods(objects).values())


def test_configuration_names_settings_and_all_of_it_exists(objects: list[Object]) -> None:
    maps = _of(objects, "ConfigMap")
    for each in maps.values():
        assert {key for key in each["data"] if not is_known(key)} == set()
        assert not _SECRETS & each["data"].keys()
    for name, _, container in _ours(objects):
        assert {source["configMapRef"]["name"] for source in container["envFrom"] if "configMapRef" in source} <= set(
            maps
        )
        assert {source["secretRef"]["name"] for source in container["envFrom"] if "secretRef" in source} == {"opbx"}, (
            name
        )
    for pod in _pods(objects).values():
        for container in pod["spec"]["containers"]:
            for variable in container.get("env", []):
                key = variable.get("valueFrom", {}).get("secretKeyRef")
                assert key is None or (key["name"] == "opbx" and key["key"] in _SECRETS)


def test_the_ports_that_processes_take_are_those_that_are_shown(objects: list[Object]) -> None:
    data = _of(objects, "ConfigMap")["opbx"]["data"]
    shown = {
        (name, port["name"]): port["containerPort"] for name, _, c in _ours(objects) for port in c.get("ports", [])
    }
    assert shown == {
        ("web", "http"): int(data["WEB_PORT"]),
        ("web", "metrics"): int(data["WEB_METRICS_PORT"]),
        ("relay", "websocket"): int(data["SOKETI_PORT"]),
        ("relay", "metrics"): int(data["SOKETI_METRICS_PORT"]),
        ("worker", "metrics"): int(data["WORKER_METRICS_PORT"]),
        ("beat", "metrics"): int(data["BEAT_METRICS_PORT"]),
        ("flower", "http"): 5555,
    }
    for name, pod, _ in _ours(objects):
        if "prometheus.io/port" in pod["metadata"].get("annotations", {}):
            assert int(pod["metadata"]["annotations"]["prometheus.io/port"]) == shown[name, "metrics"]


def test_probes_ask_ports_that_are_shown(objects: list[Object]) -> None:
    for name, pod in _pods(objects).items():
        for container in pod["spec"]["containers"]:
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                for kind in ("httpGet", "tcpSocket"):
                    if port := container.get(probe, {}).get(kind, {}).get("port"):
                        assert port in _ports(pod), (name, probe)
    for name, _, container in _ours(objects):
        if name in {*_SCALED, "beat"}:
            assert container["readinessProbe"]["httpGet"]["path"] == "/ready", name
            assert container["livenessProbe"]["httpGet"]["path"] == "/usage", name  # an outage of Redis restarts nobody


def test_services_and_the_ingress_lead_somewhere(objects: list[Object]) -> None:
    services, pods = _of(objects, "Service"), _pods(objects)
    for name, service in services.items():
        found = _matching(pods, service["spec"]["selector"])
        assert found, name
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= _ports(found[0]), name
    for ingress in _of(objects, "Ingress").values():
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                named = {port["name"] for port in services[backend["name"]]["spec"]["ports"]}
                assert backend["port"]["name"] in named, path
    assert _of(objects, "ConfigMap")["opbx"]["data"]["PUSHER_HOST"] in services


def test_what_goes_has_time_to_say_so(objects: list[Object]) -> None:
    drain = float(_of(objects, "ConfigMap")["opbx"]["data"]["RELAY_DRAIN"])
    pods = _pods(objects)
    for name, reserve in (("relay", drain + 10), ("web", 20)):  # after the drain gunicorn may take as long again
        (container,) = pods[name]["spec"]["containers"]
        wait = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
        assert pods[name]["spec"]["terminationGracePeriodSeconds"] >= wait + reserve, name


def test_selectors_and_volumes_fit(objects: list[Object]) -> None:
    for name, each in _of(objects, "Deployment", "StatefulSet").items():
        assert _matching({name: each["spec"]["template"]}, each["spec"]["selector"]["matchLabels"]), name
    for name, pod in _pods(objects).items():
        claims = _of(objects, "StatefulSet").get(name, {"spec": {}})["spec"].get("volumeClaimTemplates", [])
        there = {volume["name"] for volume in pod["spec"].get("volumes", [])} | {c["metadata"]["name"] for c in claims}
        used = {mount["name"] for c in pod["spec"]["containers"] for mount in c.get("volumeMounts", [])}
        assert used <= there, name


def test_production_scales_and_keeps_some_of_each() -> None:
    objects = list(_objects(_FOLDER / "overlays/production"))
    deployments, pods = _of(objects, "Deployment"), _pods(objects)
    scalers = _of(objects, "HorizontalPodAutoscaler")
    assert set(scalers) == _SCALED
    for name, scaler in scalers.items():
        assert scaler["spec"]["scaleTargetRef"]["name"] == name
        assert scaler["spec"]["minReplicas"] >= 2
        assert "replicas" not in deployments[name]["spec"], "applying would undo what the scaler did"
    for name, budget in _of(objects, "PodDisruptionBudget").items():
        assert _matching(pods, budget["spec"]["selector"]["matchLabels"]) == [pods[name]]


def test_relays_are_scaled_as_capacity_is_planned() -> None:
    objects = list(_objects(_FOLDER / "overlays/production"))
    scaler = _of(objects, "HorizontalPodAutoscaler")["relay"]["spec"]
    (each,) = [metric["pods"]["target"]["averageValue"] for metric in scaler["metrics"] if metric["type"] == "Pods"]
    assert int(each) == CONNECTIONS_OF_A_RELAY
    allowed = int(_of(objects, "ConfigMap")["opbx"]["data"]["SOKETI_DEFAULT_APP_MAX_CONNECTIONS"])
    assert allowed == scaler["maxReplicas"] * CONNECTIONS_OF_A_RELAY, "no relay comes for those who are refused"


def test_metrics_for_scaling_are_ones_that_we_show_and_the_adapter_hands_on() -> None:
    objects = list(_objects(_FOLDER / "overlays/production"))
    adapter = yaml.safe_load((_FOLDER / "monitoring/prometheus-adapter.yaml").read_text())["rules"]
    handed_on = {rule["name"]["as"] for kind in ("custom", "external") for rule in adapter[kind]}
    wanted = set()
    for scaler in _of(objects, "HorizontalPodAutoscaler").values():
        for metric in scaler["spec"]["metrics"]:
            if metric["type"] in {"Pods", "External"}:
                wanted.add(metric[metric["type"].lower()]["metric"]["name"])
    assert wanted == handed_on
    sources = "".join(path.read_text() for path in (ROOT / "opbx").rglob("*.py"))
    assert all(name.removeprefix("opbx_relay_") in sources for name in wanted)
    for waits in ("opbx_queue_depth", "opbx_channels_woken"):
        assert waits in wanted
        assert f'"{waits}"' in sources


def test_the_network_policy_names_ports_that_are_shown() -> None:
    objects = list(_objects(_FOLDER / "overlays/production"))
    shown = set().union(*(_ports(pod) for pod in _pods(objects).values()))
    for policy in _of(objects, "NetworkPolicy").values():
        for rule in policy["spec"]["ingress"]:
            assert {port["port"] for port in rule["ports"]} <= shown


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_builds_production() -> None:
    built = subprocess.run(
        ["kubectl", "kustomize", str(_FOLDER / "overlays/production")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    objects = [each for each in yaml.safe_load_all(built.stdout) if each]
    assert len(objects) == len(list(_objects(_FOLDER / "overlays/production")))
    for pod in _pods(objects).values():
        assert pod["metadata"]["labels"]["app.kubernetes.io/part-of"] == "opbx"  # what the network policy selects
