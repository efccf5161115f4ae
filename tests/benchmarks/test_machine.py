"""The line about the machine beside a benchmark's figures."""

import re
import subprocess

from benchmarks.machine import commit, cores, cpu_model, description


def git(folder, *words):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


def test_the_description_names_processor_cores_commit_and_date(tmp_path):
    assert re.fullmatch(r".+, \d+ cores; commit unknown; \d{4}-\d\d-\d\d", description(tmp_path))
    assert cores() >= 1


def test_the_cpu_model_is_read_from_the_system_if_it_tells_it(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: AMD EPYC 9B14\nmodel name\t: AMD EPYC 9B14\n")
    assert cpu_model(cpuinfo) == "AMD EPYC 9B14"
    assert cpu_model(tmp_path / "nothing")


def test_the_commit_says_whether_files_have_changed(tmp_path):
    git(tmp_path, "init", "--quiet")
    (tmp_path / "file").write_text("a")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    clean = commit(tmp_path)
    assert re.fullmatch(r"commit [0-9a-f]{12}", clean)
    (tmp_path / "file").write_text("b")
    assert commit(tmp_path) == f"{clean} with changes"
