"""The errors of images and containers: each is in its module's tree, and says itself in one printable line."""

from types import ModuleType

import pytest

from oci_spec.digest import Digest
from runner.cli import errors as cli
from runner.containers import errors as containers
from runner.errors import RunnerError
from runner.images import errors as images
from runner.registries import errors as registries
from runner.store import errors as store

HOSTILE = "\x1b[2J\r\n\ud800\x00" + "é" * 100_000
DIGEST = Digest.of(b"")

EXAMPLES: list[RunnerError] = [
    images.NotAnImage(HOSTILE, HOSTILE),
    images.LayerTypeUnsupported(HOSTILE),
    images.ImageContradictory(HOSTILE),
    images.PlatformMissing(HOSTILE, "linux/amd64", [HOSTILE]),
    images.PlatformDiffers(HOSTILE, "linux/amd64", HOSTILE),
    images.LayerNotUnpacked(DIGEST, HOSTILE, of_content=True),
    images.ArchiveInvalid(HOSTILE),
    images.ChangeInvalid(HOSTILE, "because"),
    images.NoEndpoint(HOSTILE, [HOSTILE]),
    registries.RegistryBlocked(HOSTILE),
    registries.ConfigurationInvalid(HOSTILE, HOSTILE),
    store.BlobMissing(DIGEST),
    store.BlobDamaged(DIGEST),
    store.IndexInvalid(HOSTILE, HOSTILE),
    store.ImageUnknown(HOSTILE),
    store.ImageAmbiguous(HOSTILE),
    store.ImageInUse(HOSTILE, "because"),
    store.ImageHeld("because"),
    containers.SettingsInvalid(HOSTILE),
    containers.RecordInvalid("/path", HOSTILE),
    containers.ContainerUnknown(HOSTILE),
    containers.ContainerAmbiguous(HOSTILE),
    containers.ContainerNameInvalid(HOSTILE),
    containers.ContainerNameTaken("web", "0" * 64),
    containers.ContainerRemoved("0" * 64),
    containers.ContainerRunning("web"),
    containers.ContainerNotRunning("web"),
    containers.ContainerStays("0" * 64),
    containers.MonitorPresent("0" * 64),
    containers.MonitorLost("0" * 64),
    containers.RuntimeUnknown(HOSTILE),
    containers.RuntimeFailed(HOSTILE, HOSTILE),
    containers.StartFailed(HOSTILE, 125),
    containers.VolumeInvalid(HOSTILE, "because"),
    containers.SignalInvalid(HOSTILE),
    containers.DetachKeysInvalid(HOSTILE),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_a_message_is_one_printable_line_whatever_it_is_about(error: RunnerError) -> None:
    message = str(error)

    assert message.isprintable()
    assert 0 < len(message) < 900


@pytest.mark.parametrize("module", [containers, images, registries, store, cli], ids=lambda module: module.__name__)
def test_the_tree_in_the_docstring_names_every_error(module: ModuleType) -> None:
    own = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__]

    assert all(issubclass(each, RunnerError) and each.__name__ in str(module.__doc__) for each in own)
    made = {type(error) for error in EXAMPLES} | {cli.UsageError, cli.Failed}
    assert all(each in made or each.__subclasses__() for each in own)
