"""The manifests are valid, and say of the hub what the hub is."""

from __future__ import annotations

import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from typer.main import get_command

from mostek.hub.cli import app
from mostek.hub.config import HubConfig, split_address
from mostek.hub.store.engine import POOL

ROOT = Path(__file__).parents[2]
OVERLAYS = ("laptop", "production")
#: What is no part of Kubernetes itself, so that its schema is not there.
FOREIGN = {"ServiceMonitor"}
#: What an adapter makes of our metrics.
ADAPTED = {"mostek_hub_calls_per_second": "mostek_hub_calls_total"}

pytestmark = pytest.mark.skipif(
    not shutil.which("kubectl"), reason="kubectl is not installed: overlays can't be built"
)


@pytest.fixture(scope="module", params=OVERLAYS)
def built(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """The objects of an overlay, as kustomize builds it."""
    done = subprocess.run(
        ["kubectl", "kustomize", ROOT / "deploy/kubernetes/overlays" / request.param],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def one(built: list[dict[str, Any]], kind: str, name: str = "mostek-hub") -> dict[str, Any]:
    [found] = [each for each in built if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def pod(built: list[dict[str, Any]]) -> dict[str, Any]:
    return cast(dict[str, Any], one(built, "Deployment")["spec"]["template"]["spec"])


def pods(built: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for each in built:
        if each["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield each["spec"]["template"]["spec"]


def settings(built: list[dict[str, Any]]) -> dict[str, str]:
    """All that the hub's container has in its environment, with stand-ins for what the cluster gives."""
    found: dict[str, str] = dict(one(built, "ConfigMap")["data"])
    for each in pod(built)["containers"][0]["env"]:
        stand_in = (
            "postgresql://mostek:x@database/mostek" if "DATABASE" in each["name"] else "10.0.0.7"
        )
        found[each["name"]] = each.get("value", stand_in).replace("$(POD_IP)", "10.0.0.7")
    return found


def config(built: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> HubConfig:
    for name, value in settings(built).items():
        monkeypatch.setenv(name, value)
    return HubConfig()


def test_every_object_is_valid(built: list[dict[str, Any]]) -> None:
    # Here, because it takes a second, which every process that collects tests would take.
    from kubernetes_validate import validate

    kinds = set()
    for each in built:
        if each["kind"] not in FOREIGN:
            with warnings.catch_warnings():
                # The validator's own library has moved some of its names.
                warnings.simplefilter("ignore", DeprecationWarning)
                validate(each, "1.33", strict=True)
        kinds.add(each["kind"])
    assert kinds >= {"Deployment", "Service", "NetworkPolicy", "PodDisruptionBudget", "Job"}


def test_every_variable_is_a_setting_of_the_hub_and_all_together_are_right(
    built: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {f"MOSTEK_HUB_{name.upper()}" for name in HubConfig.model_fields}
    assert settings(built).keys() - {"POD_IP"} <= known
    taken = config(built, monkeypatch)
    assert not taken.insecure
    assert taken.internal
    assert taken.database.startswith("postgresql://")


def test_the_ports_are_those_where_the_hub_listens(
    built: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = config(built, monkeypatch)
    ports = {port["name"]: port["containerPort"] for port in pod(built)["containers"][0]["ports"]}
    assert ports == {name: split_address(getattr(taken, name))[1] for name in ports}
    for service in (each for each in built if each["kind"] == "Service"):
        if service["metadata"]["name"] != "postgresql":
            assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports.keys()
    annotations = one(built, "Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(ports["metrics"])
    allowed = [
        (each["port"], "from" in rule)
        for rule in one(built, "NetworkPolicy")["spec"]["ingress"]
        for each in rule["ports"]
    ]
    # Replicas and Prometheus alone come to the ports that ask for no key.
    assert sorted(allowed) == sorted((name, name in ("internal", "metrics")) for name in ports)


def test_a_hub_reaches_names_its_database_and_the_other_replicas(
    built: list[dict[str, Any]],
) -> None:
    """Kustomize adds the base's labels to `matchLabels` of whoever is reached, too."""
    names, others, database = one(built, "NetworkPolicy")["spec"]["egress"]
    [asked] = names["to"]
    assert not asked["podSelector"].get("matchLabels"), "no name server has our labels"
    [who] = asked["podSelector"]["matchExpressions"]
    assert who == {"key": "k8s-app", "operator": "In", "values": ["kube-dns"]}
    assert {(each["port"], each["protocol"]) for each in names["ports"]} == {
        (53, "UDP"),
        (53, "TCP"),
    }
    labels = one(built, "Deployment")["spec"]["template"]["metadata"]["labels"]
    for other in others["to"]:
        assert other["podSelector"]["matchLabels"].items() <= labels.items()
    assert "to" not in database
    policed = one(built, "NetworkPolicy")["spec"]["podSelector"]
    assert not policed.get("matchLabels", {}).keys() - labels.keys()


def test_the_autoscaler_alone_says_how_many_there_are_and_by_what_one_core_can_reach(
    built: list[dict[str, Any]],
) -> None:
    hub = one(built, "Deployment")["spec"]
    for scaler in (each for each in built if each["kind"] == "HorizontalPodAutoscaler"):
        assert "replicas" not in hub, "each apply would undo what the autoscaler did"
        [processor] = [each for each in scaler["spec"]["metrics"] if each["type"] == "Resource"]
        target = processor["resource"]["target"]
        assert target["type"] == "AverageValue", "of what is requested it would be another share"
        assert int(target["averageValue"].removesuffix("m")) < 1000


def test_the_page_says_how_many_connections_the_largest_hub_takes(
    built: list[dict[str, Any]],
) -> None:
    scalers = [each for each in built if each["kind"] == "HorizontalPodAutoscaler"]
    if not scalers:
        pytest.skip("this overlay grows by hand")
    [scaler] = scalers
    surge = one(built, "Deployment")["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    most = (scaler["spec"]["maxReplicas"] + surge) * POOL
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert f"takes {most} connections" in page


def test_the_probes_ask_the_port_that_serves_them(built: list[dict[str, Any]]) -> None:
    served = (ROOT / "hub/mostek/hub/monitor.py").read_text(encoding="utf-8")
    hub = pod(built)["containers"][0]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = hub[probe]["httpGet"]
        assert asked["port"] == "metrics"
        assert f'Route("{asked["path"]}"' in served
    alive = hub["livenessProbe"]
    assert alive["periodSeconds"] * alive["failureThreshold"] >= 120


def test_a_pod_has_the_time_that_its_drain_takes(
    built: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = pod(built)["containers"][0]
    waits = int(hub["lifecycle"]["preStop"]["exec"]["command"][1])
    drain = config(built, monkeypatch).drain_grace
    assert pod(built)["terminationGracePeriodSeconds"] >= waits + drain + 10
    strategy = one(built, "Deployment")["spec"]["strategy"]["rollingUpdate"]
    assert strategy == {"maxSurge": 1, "maxUnavailable": 0}


def test_what_runs_are_commands_of_the_hub(built: list[dict[str, Any]]) -> None:
    known = get_command(app).commands  # type: ignore[attr-defined]
    run = [
        container["args"]
        for each in pods(built)
        for container in each["containers"]
        if container["image"].startswith("mostek-hub")
    ]
    assert sorted(run) == [["migrate"], ["serve"]]
    assert all(arguments[0] in known for arguments in run)


def test_nothing_runs_as_root_or_may_write_its_own_files(built: list[dict[str, Any]]) -> None:
    for each in pods(built):
        assert each["securityContext"]["runAsNonRoot"] is True
        assert each["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert each["automountServiceAccountToken"] is False
        for container in each["containers"]:
            held = container["securityContext"]
            assert held["readOnlyRootFilesystem"] is True
            assert held["allowPrivilegeEscalation"] is False
            assert held["capabilities"] == {"drop": ["ALL"]}
            assert "memory" in container["resources"]["limits"]


def test_no_secret_is_in_the_manifests(built: list[dict[str, Any]]) -> None:
    assert not [each for each in built if each["kind"] == "Secret"]
    for each in pods(built):
        for container in each["containers"]:
            for variable in container.get("env", ()):
                if re.search("PASSWORD|DATABASE", variable["name"]) and "value" in variable:
                    assert variable["name"] in ("POSTGRES_DB",)


def test_the_autoscaler_counts_metrics_that_there_are(built: list[dict[str, Any]]) -> None:
    document = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    names = [
        metric["pods"]["metric"]["name"]
        for each in built
        if each["kind"] == "HorizontalPodAutoscaler"
        for metric in each["spec"]["metrics"]
        if metric["type"] == "Pods"
    ]
    for name in names:
        assert f"| `{ADAPTED.get(name, name)}` |" in document
    assert names or one(built, "StatefulSet", "postgresql")


def test_the_images_are_those_of_the_dockerfiles(built: list[dict[str, Any]]) -> None:
    dockerfile = (ROOT / "deploy/docker/hub.Dockerfile").read_text(encoding="utf-8")
    user = re.search(r"^USER (\d+):(\d+)$", dockerfile, re.MULTILINE)
    exposed = re.search(r"^EXPOSE (.*)$", dockerfile, re.MULTILINE)
    assert user
    assert exposed
    held = pod(built)["securityContext"]
    assert (held["runAsUser"], held["runAsGroup"]) == tuple(map(int, user.groups()))
    ports = [port["containerPort"] for port in pod(built)["containers"][0]["ports"]]
    assert sorted(map(int, exposed[1].split())) == sorted(ports)
