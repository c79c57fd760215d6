"""Ids after a fork, where what was drawn in advance must not be used twice."""

from __future__ import annotations

import os

import pytest

from celeriac.adapters.host.entropy import SystemEntropy


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_makes_ids_of_its_own():
    entropy = SystemEntropy()
    entropy.new_id()
    read, write = os.pipe()

    child = os.fork()
    if child == 0:
        os.write(write, " ".join(entropy.new_id() for _ in range(20)).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        of_child = pipe.read().split()
    os.waitpid(child, 0)

    of_parent = [entropy.new_id() for _ in range(300)]
    assert len(of_child) == 20
    assert set(of_child).isdisjoint(of_parent)
