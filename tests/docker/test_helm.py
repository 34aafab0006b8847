"""The Helm chart: Helm and Kubernetes' own schemas take what it makes, and the registry takes its configuration."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.docker.build import ROOT
from tests.e2e.server import REGISTRY
from tests.requirements import require_tool

pytestmark = pytest.mark.tool("helm")

CHART = ROOT / "docker" / "helm" / "moorage"
# The oldest and the newest version that the chart is for.
KUBERNETES = ("1.25", "1.37")
# Of somebody else's kinds, Kubernetes has no schemas.
FOREIGN = "monitoring.coreos.com/v1"

Document = dict[str, Any]

LEAST: Document = {"secret": {"existing": "moorage"}}
EVERYTHING: Document = {
    "image": {"tag": "1", "pullSecrets": ["pull"]},
    "secret": {
        "data": {
            "database-url": "postgresql://moorage@db/moorage",
            "s3-secret": "secret",
            "admin-password": "correct-horse-battery",
        },
        "files": {
            "REGISTRY_STORAGE__S3__SECRET_ACCESS_KEY_FILE": "s3-secret",
            "REGISTRY_AUTH__ADMIN_PASSWORD_FILE": "admin-password",
        },
    },
    "extraEnv": [{"name": "REGISTRY_STORAGE__S3__ACCESS_KEY_ID", "value": "moorage"}],
    "extraVolumes": [{"name": "authority", "configMap": {"name": "authority"}}],
    "extraVolumeMounts": [{"name": "authority", "mountPath": "/etc/authority"}],
    "service": {"type": "LoadBalancer", "annotations": {"example.org/balancer": "internal"}},
    "ingress": {"enabled": True, "className": "nginx", "tlsSecret": "registry"},
    "metrics": {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}},
    "networkPolicy": {"clients": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]},
    "serviceAccount": {"annotations": {"example.org/role": "registry"}},
    "podAnnotations": {"example.org/note": "one"},
    "podLabels": {"example.org/team": "one"},
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "registry", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "high",
}
NOTHING: Document = {
    **LEAST,
    "autoscaling": {"enabled": False},
    "disruptionBudget": {"enabled": False},
    "networkPolicy": {"enabled": False},
}
CHOICES = pytest.mark.parametrize(
    "values", [LEAST, EVERYTHING, NOTHING], ids=["the least", "everything", "as little as possible"]
)


@CHOICES
def test_helm_finds_nothing_wrong(values: Document, tmp_path: Path) -> None:
    said = helm("lint", "--strict", CHART, "--values", written(values, tmp_path))

    assert "0 chart(s) failed" in said


@CHOICES
@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_takes_what_it_makes(values: Document, version: str, tmp_path: Path) -> None:
    documents = rendered(values, tmp_path)

    assert documents
    for document in documents:
        if document["apiVersion"] != FOREIGN:
            kubernetes_validate.validate(document, version, strict=True)


def test_all_is_there_that_a_deployment_of_several_nodes_needs(tmp_path: Path) -> None:
    assert sorted(document["kind"] for document in rendered(EVERYTHING, tmp_path)) == [
        "ConfigMap",
        "Deployment",
        "HorizontalPodAutoscaler",
        "Ingress",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Secret",
        "Service",
        "Service",
        "ServiceAccount",
        "ServiceMonitor",
    ]


def test_a_node_may_write_nowhere_and_gain_nothing(tmp_path: Path) -> None:
    pod = deployment(LEAST, tmp_path)["spec"]["template"]["spec"]
    [container] = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]
    paths = {probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}


def test_services_budget_and_policy_mean_the_pods_of_the_deployment(tmp_path: Path) -> None:
    documents = rendered(LEAST, tmp_path)
    [labels] = [document["spec"]["template"]["metadata"]["labels"] for document in of_kind(documents, "Deployment")]

    selectors = [document["spec"]["selector"] for document in of_kind(documents, "Service")]
    selectors += [document["spec"]["selector"]["matchLabels"] for document in of_kind(documents, "PodDisruptionBudget")]
    selectors += [document["spec"]["podSelector"]["matchLabels"] for document in of_kind(documents, "NetworkPolicy")]

    assert len(selectors) == 4
    assert all(selector.items() <= labels.items() for selector in selectors)


def test_the_registry_takes_the_configuration(tmp_path: Path) -> None:
    documents = rendered(EVERYTHING, tmp_path)
    [configuration] = [document["data"] for document in of_kind(documents, "ConfigMap")]
    [secrets] = [document["stringData"] for document in of_kind(documents, "Secret")]
    [container] = deployment(EVERYTHING, tmp_path)["spec"]["template"]["spec"]["containers"]
    for name, content in (configuration | secrets).items():
        (tmp_path / name).write_text(content)
    places = {mount["name"]: f"{mount['mountPath']}/" for mount in container["volumeMounts"] if mount.get("readOnly")}
    own = {variable["name"]: variable["value"] for variable in container["env"]}
    for place in places.values():
        own = {name: value.replace(place, f"{tmp_path}/") for name, value in own.items()}

    [command, option, file] = container["args"]
    assert (command, option) == ("serve", "--config")
    check = [REGISTRY, "config", "check", option, tmp_path / Path(file).name]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    run = subprocess.run(check, env={**inherited, **own}, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert file.startswith(places["configuration"])
    assert (run.returncode, run.stderr) == (0, "")


def test_a_pod_has_longer_to_end_than_its_registry_takes(tmp_path: Path) -> None:
    [configuration] = [document["data"] for document in of_kind(rendered(LEAST, tmp_path), "ConfigMap")]
    server = tomllib.loads(configuration["config.toml"])["server"]

    grace = deployment(LEAST, tmp_path)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]

    assert grace > server["drain_delay_s"] + server["grace_period_s"]


def test_a_misspelt_value_is_refused(tmp_path: Path) -> None:
    assert "replica" in refused({**LEAST, "replica": 3}, tmp_path)


def test_a_database_must_be_named(tmp_path: Path) -> None:
    assert "secret.data has no database-url" in refused({}, tmp_path)


def deployment(values: Document, directory: Path) -> Document:
    """The Deployment that the chart makes of these values."""
    [found] = of_kind(rendered(values, directory), "Deployment")
    return found


def of_kind(documents: list[Document], kind: str) -> list[Document]:
    """Those of one kind."""
    return [document for document in documents if document["kind"] == kind]


def rendered(values: Document, directory: Path) -> list[Document]:
    """What the chart makes of these values."""
    return list(yaml.safe_load_all(helm("template", "team", CHART, "--values", written(values, directory))))


def refused(values: Document, directory: Path) -> str:
    """Why Helm makes nothing of these values."""
    run = _run("template", "team", CHART, "--values", written(values, directory))
    assert run.returncode != 0
    return run.stderr


def written(values: Document, directory: Path) -> Path:
    """A file of values."""
    file = directory / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


def helm(*arguments: str | Path) -> str:
    """What Helm says."""
    run = _run(*arguments)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([require_tool("helm"), *arguments], capture_output=True, text=True, check=False)
