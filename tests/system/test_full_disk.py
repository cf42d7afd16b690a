"""A disk that fills and is freed, under the edge's spool and under the collector's store: nothing is lost meanwhile."""

import contextlib
import subprocess

import pytest

from plant import Plant
from rig import wait_for

DISK_SIZE = "32m"
EXIT_SPOOL = 4


class Disk:
    def __init__(self, folder):
        self.folder = folder
        self.ballast = folder / "ballast"

    def fill(self):
        with contextlib.suppress(OSError), self.ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def free(self):
        self.ballast.unlink()


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE}", "stethos-test", folder],
                             capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.slow
def test_full_under_the_spool(disk, rig, tell):
    """The edge stops with an exit code of its own, as often as it is started; devices and broker keep what it did not take."""
    plant = Plant(rig, **{"spool.file": disk.folder / "spool.db", "spool.disk_free_bytes_min": "0 B"})
    plant.publish()
    plant.after_messages(500)
    plant.collector.terminate()  # so that the spool must grow
    disk.fill()
    assert plant.edge.wait() == EXIT_SPOOL
    for _ in range(2):
        plant.edge.spawn()
        assert plant.edge.wait() == EXIT_SPOOL
    disk.free()
    plant.collector.start()
    plant.edge.start()
    tell(*plant.reconciled())


@pytest.mark.slow
def test_full_under_the_store(disk, rig, tell):
    """The collector says that it cannot take a batch now, goes on serving, and takes it when there is room."""
    plant = Plant(rig, collector={"store.file": disk.folder / "store.db"}, **{"uplink.backoff_max": "100ms"})
    plant.publish()
    wait_for(plant.collector.windows, "the first windows")
    disk.fill()
    refused = lambda: plant.edge.metric("stethos_edge_uplink_failures_total", kind="unreachable")  # noqa: E731
    wait_for(lambda: refused() >= 5, lambda: f"batches that are not taken:\n{plant.collector.log_tail()}")
    assert plant.collector.is_ready() and plant.collector.windows()
    disk.free()
    tell(*plant.reconciled())
