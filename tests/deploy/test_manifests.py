"""What deploy/ hands to compose and Kubernetes is valid, hardened, and scales by what is due. Validators are shown broken files.

A validator's exit code is not trusted (one of them ends with 0 for every error): its findings are.
"""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tenxsom import clock, settings
from tenxsom.cli.commands import command_line
from tenxsom.settings import SETTINGS
from tests import databases, stores
from tests.states import new_job

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed (requirements-dev.txt)")


def documents_of(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]


MANIFESTS = [document for path in sorted(KUBERNETES.glob("*.yaml")) for document in documents_of(path)]
OF_KEDA = [document for document in MANIFESTS if document["apiVersion"].startswith("keda.sh/")]
OF_KUBERNETES = [document for document in MANIFESTS if document not in OF_KEDA and document["kind"] != "Kustomization"]


def named(document: dict[str, Any]) -> str:
    return f"{document['kind']} {document.get('metadata', {}).get('name', '')}"


def manifest(kind: str, name: str) -> dict[str, Any]:
    return next(document for document in MANIFESTS if named(document) == f"{kind} {name}")


def pod_of(document: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = document["spec"]["template"]["spec"]
    return spec


PODS = [document for document in OF_KUBERNETES if "template" in document.get("spec", {})]

# valid


@pytest.fixture(scope="module")
def kubernetes() -> Any:
    return pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed (requirements-dev.txt)")


@pytest.mark.parametrize("document", OF_KUBERNETES, ids=named)
def test_a_manifest_is_what_kubernetes_expects(document: dict[str, Any], kubernetes: Any) -> None:
    kubernetes.validate(document, kubernetes.latest_version(), strict=True)


@pytest.mark.parametrize(
    ("kind", "name", "change"),
    [
        ("Deployment", "worker", lambda spec: spec.update(replica=2)),
        ("Deployment", "worker", lambda spec: spec["template"]["spec"].update(terminationGracePeriodSeconds="long")),
        ("Job", "tables", lambda spec: spec.pop("template")),
    ],
    ids=["a misspelt key", "a wrong type", "a missing part"],
)
def test_the_validator_of_kubernetes_finds_what_is_broken(kind: str, name: str, change: Any, kubernetes: Any) -> None:
    broken = copy.deepcopy(manifest(kind, name))
    change(broken["spec"])
    with pytest.raises(kubernetes.ValidationError):
        kubernetes.validate(broken, kubernetes.latest_version(), strict=True)


@pytest.fixture(scope="module")
def keda() -> Any:
    return pytest.importorskip(
        "cloudcoil.models.keda.v1alpha1", reason="cloudcoil.models.keda is not installed (requirements-dev.txt)"
    )


@pytest.mark.parametrize("document", OF_KEDA, ids=named)
def test_a_manifest_is_what_keda_expects(document: dict[str, Any], keda: Any) -> None:
    model = getattr(keda, document["kind"])
    read = model.model_validate(document)
    written = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert written["spec"] == document["spec"]  # a key that the model does not know would be lost here


def test_the_validator_of_keda_finds_what_is_broken(keda: Any) -> None:
    broken = copy.deepcopy(manifest("ScaledObject", "worker"))
    broken["spec"]["pollingInterval"] = "often"
    with pytest.raises(ValueError, match="pollingInterval"):
        keda.ScaledObject.model_validate(broken)


def test_kustomize_puts_the_whole_together() -> None:
    kubectl = shutil.which("kubectl")
    if not kubectl:
        pytest.skip("kubectl is not installed")
    done = subprocess.run([kubectl, "kustomize", str(KUBERNETES)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    made = [document for document in yaml.safe_load_all(done.stdout) if document]
    assert {named(document) for document in made} == {named(document) for document in [*OF_KUBERNETES, *OF_KEDA]}
    assert {document["metadata"]["namespace"] for document in made} == {"tenxsom"}
    images = {
        container["image"]
        for document in made
        if "template" in document.get("spec", {})
        for container in pod_of(document)["containers"]
    }
    assert images == {"registry.example.com/tenxsom:1"}


def test_kustomize_names_every_file_there_is() -> None:
    [kustomization] = documents_of(KUBERNETES / "kustomization.yaml")
    assert sorted(kustomization["resources"]) == sorted(
        path.name for path in KUBERNETES.glob("*.yaml") if path.name != "kustomization.yaml"
    )


@pytest.fixture(scope="module")
def compose() -> Any:
    return pytest.importorskip("compose_spec", reason="compose-spec is not installed (requirements-dev.txt)")


COMPOSE = DEPLOY / "compose.yaml"


def merged(text: str) -> str:
    """The file as compose sees it: the validator does not know the merge key `<<`, which compose does."""
    document = yaml.safe_load(text)
    return str(yaml.safe_dump({key: value for key, value in document.items() if not key.startswith("x-")}))


def test_the_compose_file_is_what_compose_expects(compose: Any) -> None:
    read = compose.PyCompose.from_yaml(merged(COMPOSE.read_text(encoding="utf-8")))
    read.validate()
    assert set(read.service_names()) == {"worker", "page", "tables", "database", "media", "bucket"}


@pytest.mark.parametrize(
    ("old", "new"),
    [("healthcheck:", "healthchek:"), ("secrets: [queue, media, page]", "secrets: [quueue]"), ("replicas: 2", "replicas: many")],
    ids=["a misspelt key", "an unknown secret", "a wrong type"],
)
def test_the_validator_of_compose_finds_what_is_broken(old: str, new: str, compose: Any) -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(Exception, match=r"services|secret"):
        compose.PyCompose.from_yaml(merged(text.replace(old, new))).validate()


def test_no_service_of_ours_is_judged_by_the_images_health_check_for_ticks() -> None:
    """`tables` ends before the check begins; the others make no ticks, whose note the image's HEALTHCHECK looks for."""
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    ours = {name for name, service in services.items() if service.get("image") == "tenxsom"} - {"tables"}
    assert ours == {"worker", "page"}
    assert all("healthcheck" in services[name] for name in ours)


def test_what_compose_services_wait_for_is_there() -> None:
    services = documents_of(COMPOSE)[0]["services"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)


# what is run


def commands() -> list[list[str]]:
    """Every command of our image: what follows `tenxsom`."""
    of_pods = [container["args"] for document in PODS for container in pod_of(document)["containers"]]
    services = documents_of(COMPOSE)[0]["services"]
    return [*of_pods, *[services[name]["command"] for name in ("worker", "page", "tables")]]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_is_one_that_the_program_has(command: list[str]) -> None:
    assert command_line().parse_args(command)


def test_every_setting_is_one_that_the_program_knows() -> None:
    services = documents_of(COMPOSE)[0]["services"]
    named_here = {*manifest("ConfigMap", "tenxsom")["data"]}
    for name in ("worker", "page", "tables"):
        named_here |= {setting.removesuffix("_FILE") for setting in services[name]["environment"]}
    assert named_here <= {setting.name for setting in SETTINGS}


# hardened


@pytest.mark.parametrize("document", PODS, ids=named)
def test_a_pod_has_no_rights_and_writes_to_its_scratch_only(document: dict[str, Any]) -> None:
    pod = pod_of(document)
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/data", "/tmp"}
        assert "memory" in container["resources"]["limits"]
        assert {"secretRef": {"name": "tenxsom"}} in container["envFrom"]


def test_no_secret_stands_in_a_file() -> None:
    assert not [document for document in MANIFESTS if document["kind"] == "Secret"]
    for path in DEPLOY.rglob("*"):
        if path.is_file() and "secrets" not in path.parts:
            assert not re.search(r"postgresql://\w+:\w", path.read_text(encoding="utf-8")), path


def test_only_pods_that_the_network_policy_names_are_ours() -> None:
    chosen = manifest("NetworkPolicy", "tenxsom")["spec"]["podSelector"]["matchLabels"]
    for document in PODS:
        assert chosen.items() <= document["spec"]["template"]["metadata"]["labels"].items()


def test_a_worker_that_is_told_to_end_has_the_time_of_a_whole_visit() -> None:
    limit = settings.load({}).poll_time_limit_seconds
    assert pod_of(manifest("Deployment", "worker"))["terminationGracePeriodSeconds"] > limit


# scales


def test_the_number_of_workers_follows_what_is_due_as_it_was_simulated() -> None:
    spec = manifest("ScaledObject", "worker")["spec"]
    assert "replicas" not in manifest("Deployment", "worker")["spec"]
    by_name = {trigger["name"]: trigger["metadata"] for trigger in spec["triggers"]}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        import sim_scale

    policy = sim_scale.by_due(spec["maxReplicaCount"])
    due, oldest = (int(by_name[name]["targetQueryValue"]) for name in ("due", "oldest-due"))
    assert policy(sim_scale.Scene(due=due * 3, oldest=0.0, queued=10_000)) == 3
    assert policy(sim_scale.Scene(due=0, oldest=oldest * 4.0, queued=10_000)) == 4
    assert spec["maxReplicaCount"] == sim_scale.useful_workers(sim_scale.Load(20_000, 220))
    assert spec["pollingInterval"] == sim_scale._POLL
    assert (
        spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"]
        == sim_scale._STOP_AFTER
    )


def test_the_secrets_of_compose_are_made_once(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "make-secrets", tmp_path)
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")

    def made() -> dict[str, str]:
        subprocess.run([str(tmp_path / "make-secrets")], check=True, capture_output=True, timeout=60)
        return {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}

    first = made()
    assert set(first) == set(documents_of(COMPOSE)[0]["secrets"])
    assert first["queue"] == f"postgresql://tenxsom:{first['database']}@database:5432/tenxsom"
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    assert made() == first


def test_keda_asks_the_database_what_the_queue_says_of_itself(tmp_path: Path) -> None:
    jobs = stores.postgres(tmp_path, None).jobs
    for number in range(3):
        with jobs.accept(new_job(f"lake{number}")) as claim:
            assert claim
            claim.job.next_check_at = clock.later(600) if number == 0 else None
            claim.save()
    session = databases.session(tmp_path)
    session.rows("UPDATE job SET due_at = due_at - interval '90 seconds' WHERE content_id <> 'lake0' RETURNING content_id")
    triggers = manifest("ScaledObject", "worker")["spec"]["triggers"]
    due, oldest = (session.rows(trigger["metadata"]["query"])[0][0] for trigger in triggers)
    counts = jobs.summary()
    assert due == counts.due == 2
    assert oldest == pytest.approx(counts.oldest_due_seconds, abs=5)
    assert oldest >= 85
    databases.close(tmp_path)
