"""A Ray cluster of two nodes on this machine, each with an address, a store and a core of its own; loopback only."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import holdfast

STORE_BYTES = 80 * 2**20
HEAD, SECOND = "127.0.0.2", "127.0.0.3"
needs_ray = pytest.mark.skipif(
    find_spec("ray") is None or not sys.platform.startswith("linux"), reason="needs the extra ray, and Linux"
)


@dataclass(frozen=True)
class TwoNodes:
    """The head, to which commands connect, and a node that may be killed."""

    cluster: Any
    folder: Path

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def add(self) -> Any:
        """Start another node."""
        return self.cluster.add_node(
            num_cpus=1, object_store_memory=STORE_BYTES, node_ip_address=SECOND, temp_dir=str(self.folder)
        )

    def kill(self, node: Any) -> None:
        """Kill all processes of a node at once, as a power cut does."""
        self.cluster.remove_node(node, allow_graceful=False)


@contextmanager
def two_nodes() -> Iterator[tuple[TwoNodes, Any]]:
    """Run a cluster, and end all of its processes; yields it with its second node."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(Path(holdfast.__file__).parents[1])  # what the workers import
    folder = Path(tempfile.mkdtemp(prefix="hf", dir="/tmp"))  # sockets must have short names
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False,
                "node_ip_address": HEAD, "temp_dir": str(folder)}  # fmt: skip
        cluster = Cluster(initialize_head=True, head_node_args=head)
        nodes = TwoNodes(cluster, folder)
        try:
            yield nodes, nodes.add()
        finally:
            cluster.shutdown()
            shutil.rmtree(folder, ignore_errors=True)
            os.environ.pop("PYTHONPATH") if before is None else os.environ.__setitem__("PYTHONPATH", before)
