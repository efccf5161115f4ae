"""Processes by an identity that no other process has, and which of several died first."""

import os
import subprocess
import sys
import time

import pytest

from pipeline.sweep.process import Deaths, alive, identity, pid_of
from tests import processes


def sleeper() -> subprocess.Popen:
    return processes.start(["sleep", "600"], stdout=None, stderr=None)


def kill(process: subprocess.Popen) -> None:
    """Kill a process, and wait until it is dead; nobody has asked for its exit code by then."""
    who = identity(process.pid)
    process.kill()
    while alive(who):
        time.sleep(0.01)


def test_a_process_is_known_to_run_until_it_ends():
    process = sleeper()
    who = identity(process.pid)
    assert pid_of(who) == process.pid
    assert alive(who)
    kill(process)
    assert alive(who) is False
    process.wait()
    assert alive(who) is False


def test_another_process_of_the_same_number_is_told_apart():
    assert alive(identity())
    assert alive(identity().rpartition(":")[0] + ":1") is False


def test_of_a_process_of_another_machine_nothing_is_known():
    assert alive(f"elsewhere:{os.getpid()}:1") is None


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux tells who died first")
def test_the_first_death_is_remembered_however_late_it_is_asked_for():
    sleepers = [sleeper() for _ in range(4)]
    names = [identity(process.pid) for process in sleepers]
    deaths = Deaths()
    for name in [*names, names[0]]:
        deaths.watch(name)
    assert deaths.first() is None
    for i in (2, 0, 3, 1):
        kill(sleepers[i])
    assert deaths.first() == names[2]
    deaths.close()
    for process in sleepers:
        process.wait()


def test_a_process_that_has_ended_is_not_watched():
    process = sleeper()
    who = identity(process.pid)
    kill(process)
    process.wait()
    deaths = Deaths()
    deaths.watch(who)
    assert deaths.first() is None
    deaths.close()


FOLLOWER = """
import sys, time
from pipeline.sweep.process import end_with
busy = [True]
end_with(sys.argv[1], lambda: busy[0])
end_with(sys.argv[1], lambda: False)  # the first call counts
print("follows", flush=True)
sys.stdin.readline()
busy[0] = False
time.sleep(600)
"""


def test_a_worker_leaves_once_its_sweep_has_gone_and_its_job_is_done():
    leader = sleeper()
    follower = processes.start([sys.executable, "-c", FOLLOWER, identity(leader.pid)], stdin=subprocess.PIPE)
    try:
        assert follower.stdout.readline() == "follows\n"
        kill(leader)
        leader.wait()
        with pytest.raises(subprocess.TimeoutExpired):
            follower.wait(1.5)
        follower.communicate("done\n", timeout=60)
        assert follower.returncode == 0
    finally:
        for process in (leader, follower):
            process.kill()
            process.wait()
