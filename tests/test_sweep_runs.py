"""Sweeps that are written, killed, resumed, shared out, and what is said of wrong ones."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

import netcalc as nc
from tests.commands import netcalc, process

ROOT = Path(__file__).parent.parent
SPACE = """\
net: reduced
vary:
  c1: {from: 16, to: 256, step: 16}
  r3: {from: 16, to: 128, step: 16}
  c3: {from: 16, to: 256, step: 16}
  r5: {from: 8, to: 64, multiple: 8}
  c5: {from: 16, to: 128, step: 16}
  pp: {from: 8, to: 208, step: 8}
constraints: [r3 <= c3]
budgets: [params <= 200k, channels >= 300]
"""
COMMAND = (sys.executable, "-m", "netcalc", "sweep", "space.yaml")
CHUNKS = 13


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: Any) -> Path:
    folder: Path = tmp_path_factory.mktemp("sweep")
    (folder / "space.yaml").write_text(SPACE)
    ran = run(folder, "-o", "out", "--top", "5", "--jobs", "1")
    assert ran.returncode == 0, ran.stderr
    (folder / "printed").write_text(ran.stdout)
    return folder


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    (folder / "space.yaml").write_text(SPACE)
    return subprocess.run(
        [*COMMAND, *args], cwd=folder, env=environment(), capture_output=True, text=True
    )


def start(folder: Path, *args: str) -> subprocess.Popen[str]:
    (folder / "space.yaml").write_text(SPACE)
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    pipes["start_new_session"] = True
    return subprocess.Popen([*COMMAND, *args], cwd=folder, env=environment(), **pipes)


def same(a: Path, b: Path) -> bool:
    """Whether two folders hold the same files, byte for byte."""
    files = [{p.name: p.read_bytes() for p in folder.iterdir()} for folder in (a, b)]
    return files[0] == files[1]


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*.parquet"))


def wait_for(folder: Path, count: int) -> None:
    until = time.monotonic() + 60
    while len(parts(folder)) < count:
        assert time.monotonic() < until, "no part came"
        time.sleep(0.002)


# --- written -------------------------------------------------------------------------------------


def test_what_is_written(undisturbed: Path) -> None:
    out = undisturbed / "out"
    told = json.loads((out / "_manifest.json").read_text())
    assert told["complete"]
    assert told["chunks"] == len(parts(out)) == CHUNKS
    assert told["examined"] == CHUNKS * 2**18
    frame = nc.sweep(undisturbed / "space.yaml")
    written = pd.read_parquet(out, columns=["candidate", *frame.columns])
    assert written.set_index("candidate").equals(frame)
    assert len(frame) + sum(told["left_out"].values()) == told["examined"]
    assert told["left_out"] == frame.attrs["left_out"]
    one = json.loads(pq.read_schema(parts(out)[3]).metadata[b"netcalc"])
    assert one["examined"] == 2**18


def test_numbers_beyond_64_bits_are_written(tmp_path: Path) -> None:
    space = {"net": "reduced", "vary": {"c_in": [10**15], "c1": [2**40, 2**50]}}
    frame = nc.sweep(space, output=tmp_path / "out", top=2)
    read = pq.read_table(tmp_path / "out" / "part-000000.parquet")
    assert str(read.schema.field("params").type) == "decimal128(38, 0)"
    assert [int(x.as_py()) for x in read["params"]] == frame["params"].tolist()
    assert min(frame["params"]) > 2**63
    again = nc.sweep(space, output=tmp_path / "out", resume=True)
    assert again["params"].tolist() == frame["params"].tolist()


def test_memory_beyond_64_bits_is_written(tmp_path: Path) -> None:
    space = {"net": "reduced", "vary": {"c1": [2**32], "c_in": [2**27]}, "show": ["training_bytes"]}
    frame = nc.sweep(space, output=tmp_path / "out")
    read = pq.read_table(tmp_path / "out" / "part-000000.parquet")["training_bytes"]
    exact = nc.analyse(nc.load("reduced", c1=2**32, c_in=2**27)).memory().training
    assert [int(x.as_py()) for x in read] == frame["training_bytes"].tolist() == [exact]
    assert exact > 2**63


def test_damaged_parts_are_made_again(undisturbed: Path, tmp_path: Path) -> None:
    out = shutil.copytree(undisturbed / "out", tmp_path / "out")
    told = parts(out)
    told[0].write_bytes(b"")
    told[3].write_bytes(told[3].read_bytes()[:-100])
    pq.write_table(pq.read_table(told[5]).replace_schema_metadata(None), told[5])
    pq.write_table(pq.read_table(told[7]).drop_columns(["params"]), told[7])
    told[9].unlink()
    ran = run(tmp_path, "-o", "out", "--top", "5", "--resume")
    assert ran.stdout == (undisturbed / "printed").read_text(), ran.stderr
    assert same(out, undisturbed / "out")
    whole = told[2].read_bytes()
    told[2].write_bytes(whole[:4] + bytes(len(whole) // 2) + whole[4 + len(whole) // 2 :])
    ran = run(tmp_path, "-o", "out", "--top", "5", "--resume")
    assert ran.returncode == 2
    assert "part-000002.parquet is damaged; remove it and go on by --resume" in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_files_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    mine, left = tmp_path / "out" / ".mine.tmp", tmp_path / "out" / ".part-000000.parquet.tmp"
    for path in (mine, left):
        path.write_text("kept?")
    nc.sweep({"net": "reduced", "vary": {"c1": [1]}}, output=tmp_path / "out")
    assert mine.read_text() == "kept?"
    assert not left.exists()


@pytest.mark.parametrize("jobs", ["2", "3"])
def test_processes_write_the_same(undisturbed: Path, tmp_path: Path, jobs: str) -> None:
    ran = run(tmp_path, "-o", "out", "--top", "5", "--jobs", jobs)
    assert ran.stdout == (undisturbed / "printed").read_text()
    assert same(tmp_path / "out", undisturbed / "out")


# --- killed --------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_killed_at_random_moments(undisturbed: Path, tmp_path: Path, jobs: str) -> None:
    draw, out = random.Random(int(jobs)), tmp_path / "out"
    kills, tries = 0, 0
    resume: tuple[str, ...] = ()
    while len(parts(out)) < CHUNKS - 3 and kills < 4:
        tries += 1
        assert tries < 12, "it is always done before it is killed"
        going = start(tmp_path, "-o", "out", "--top", "5", "--jobs", jobs, *resume)
        wait_for(out, min(CHUNKS - 1, len(parts(out)) + draw.randrange(1, 4)))
        time.sleep(draw.random() * 0.02)
        going.send_signal(signal.SIGKILL)
        going.communicate()
        if json.loads((out / "_manifest.json").read_text())["complete"]:  # on a busy machine
            shutil.rmtree(out)
            kills, resume = 0, ()
            continue
        kills, resume = kills + 1, ("--resume",)
        assert len(pq.read_table(out)) > 0  # what is there can be read
    assert kills >= 2
    ran = run(tmp_path, "-o", "out", "--top", "5", "--jobs", jobs, "--resume")
    assert ran.stdout == (undisturbed / "printed").read_text(), ran.stderr
    assert same(out, undisturbed / "out")


def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    going = start(tmp_path, "-o", "out", "--jobs", "2")
    wait_for(tmp_path / "out", 1)
    children = [int(pid) for pid in children_of(going.pid)]
    assert len(children) >= 2
    going.send_signal(signal.SIGKILL)
    going.communicate()
    until = time.monotonic() + 20
    while any(Path(f"/proc/{pid}/cmdline").exists() and is_alive(pid) for pid in children):
        assert time.monotonic() < until, "a process goes on by itself"
        time.sleep(0.05)


def children_of(pid: int) -> list[str]:
    found = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found += (thread / "children").read_text().split()
    if not found:  # a kernel without that file
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if stat.read_text().rpartition(")")[2].split()[1] == str(pid):
                    found.append(stat.parent.name)
    return found


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_interrupted(undisturbed: Path, tmp_path: Path) -> None:
    for _ in range(5):  # on a busy machine it may be done before it is told to stop
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        going = start(tmp_path, "-o", "out", "--top", "5", "--jobs", "2")
        wait_for(tmp_path / "out", 2)
        going.send_signal(signal.SIGINT)
        _, told = going.communicate(timeout=60)
        if going.returncode:
            break
    assert going.returncode == 130
    assert told.strip() == "netcalc: interrupted"
    assert 2 <= len(parts(tmp_path / "out")) < CHUNKS
    ran = run(tmp_path, "-o", "out", "--top", "5", "--resume")
    assert ran.stdout == (undisturbed / "printed").read_text()
    assert same(tmp_path / "out", undisturbed / "out")


class Dying:
    """A job of which every process is killed while it sends its first chunk."""

    @property
    def space(self) -> Any:
        frame: Any = sys._getframe()
        while "result_queue" not in frame.f_locals:
            frame = frame.f_back
        pipe = frame.f_locals["result_queue"]._writer.fileno()
        os.write(pipe, (10**6).to_bytes(4, "big") + b"the beginning")
        os.kill(os.getpid(), signal.SIGKILL)


def test_killed_while_a_chunk_is_sent() -> None:
    code = (
        "from netcalc.errors import NetcalcError\n"
        "from netcalc.sweep.running import _in_processes\n"
        "from tests.test_sweep_runs import Dying\n"
        "try:\n    list(_in_processes(Dying(), iter(range(4)), 2))\n"
        "except NetcalcError as problem:\n    print(problem)\n"
    )
    command = [sys.executable, "-c", code]
    ran = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert "a process of the sweep ended before its time" in ran.stdout, ran.stderr


def test_interrupted_while_processes_start(tmp_path: Path) -> None:
    going = start(tmp_path, "-o", "out", "--jobs", "4")
    until = time.monotonic() + 60
    while len(children_of(going.pid)) < 4:
        assert time.monotonic() < until, "no process came"
        time.sleep(0.002)
    os.killpg(going.pid, signal.SIGINT)  # as a terminal does
    _, told = going.communicate(timeout=60)
    assert going.returncode == 130
    assert told.strip() == "netcalc: interrupted"


def test_a_space_is_resumed_from_elsewhere(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    (here / "net.yaml").write_text(
        "input: [1, 3, 8, 8]\nparameters: [c=8]\nlayers:\n"
        "  - a: {type: Conv2d, out_channels: c, kernel: 3}\n"
    )
    (here / "space.yaml").write_text("net: net.yaml\nvary: {c: [1, 2, 3]}\n")
    shutil.copytree(here, there)
    out = str(tmp_path / "out")
    assert netcalc("sweep", str(here / "space.yaml"), "-o", out).code == 0
    again = netcalc("sweep", str(there / "space.yaml"), "-o", out, "--resume")
    assert again.code == 0, again.err
    (there / "net.yaml").rename(there / "other.yaml")
    (there / "space.yaml").write_text("net: other.yaml\nvary: {c: [1, 2, 3]}\n")
    refused = netcalc("sweep", str(there / "space.yaml"), "-o", out, "--resume")
    assert "holds another sweep" in refused.err


def test_a_changed_space_is_not_resumed(tmp_path: Path) -> None:
    file, net = tmp_path / "space.yaml", tmp_path / "net.yaml"
    net.write_text(
        "input: [1, 3, 8, 8]\nparameters: [c=8]\nlayers:\n"
        "  - a: {type: Conv2d, out_channels: c, kernel: 3}\n"
    )
    file.write_text("net: net.yaml\nvary: {c: [1, 2, 3]}\n")
    out = ("-o", str(tmp_path / "out"))
    assert netcalc("sweep", str(file), *out).code == 0
    again = netcalc("sweep", str(file), *out)
    assert again.code == 2
    assert "holds this sweep already; go on with it by --resume" in again.err
    assert netcalc("sweep", str(file), *out, "--resume").code == 0
    changes = {
        file: "net: net.yaml\nvary: {c: [1, 2, 4]}\n",
        net: net.read_text().replace("kernel: 3", "kernel: 1"),
    }
    for path, text in changes.items():
        before = path.read_text()
        path.write_text(text)
        refused = netcalc("sweep", str(file), *out, "--resume")
        assert refused.code == 2
        assert "holds another sweep" in refused.err
        path.write_text(before)
    assert "another sweep" in netcalc("sweep", str(file), *out, "--resume", "--sample", "2").err
    assert netcalc("sweep", str(file), *out, "--resume").code == 0


# --- a cluster -----------------------------------------------------------------------------------


@contextlib.contextmanager
def background(*args: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    log = (cwd / f"{time.monotonic_ns()}.log").open("w")
    going: Any = subprocess.Popen(
        [sys.executable, "-m", *args], cwd=cwd, env=environment(), stdout=log, stderr=log
    )
    try:
        yield going
    finally:
        going.kill()
        going.wait()
        log.close()


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, Any, list[Any]]]:
    """The address of a scheduler, its process, and those of two workers."""
    told = folder / "scheduler.json"
    scheduler = ("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0")
    worker = ("distributed.cli.dask_worker", "--scheduler-file", str(told), "--no-nanny")
    quiet = ("--no-dashboard",)
    with contextlib.ExitStack() as stack:
        command = (*scheduler, *quiet, "--scheduler-file", str(told))
        head = stack.enter_context(background(*command, cwd=folder))
        workers = [
            stack.enter_context(background(*worker, *quiet, "--nthreads", "1", cwd=folder))
            for _ in range(2)
        ]
        until = time.monotonic() + 60
        while not told.exists() or not told.read_text().strip():
            assert time.monotonic() < until, "no scheduler came"
            time.sleep(0.1)
        address = json.loads(told.read_text())["address"]
        wait_for_workers(address, 2)
        yield address, head, workers


def test_a_worker_is_lost(undisturbed: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with cluster(tmp_path) as (address, _, workers):
        going = start(tmp_path, "-o", "out", "--top", "5", "--dask", address)
        wait_for(tmp_path / "out", 1)
        workers[0].send_signal(signal.SIGSTOP)  # what it was given stays with it
        time.sleep(1)
        assert going.poll() is None
        workers[0].kill()
        printed, err = going.communicate(timeout=120)
        assert going.returncode == 0, err
    assert printed == (undisturbed / "printed").read_text()
    assert same(tmp_path / "out", undisturbed / "out")


def test_a_scheduler_is_lost(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with cluster(tmp_path) as (address, head, workers):
        going = start(tmp_path, "-o", "out", "--dask", address)
        wait_for(tmp_path / "out", 1)
        for worker in workers:  # so that it cannot be done before
            worker.send_signal(signal.SIGSTOP)
        head.kill()
        _, err = going.communicate(timeout=120)
    assert going.returncode == 2
    assert f"the Dask scheduler at {address} is gone" in err
    assert err.count("\n") == 1


def wait_for_workers(address: str, count: int) -> None:
    code = (
        "import sys, distributed\n"
        "client = distributed.Client(sys.argv[1], timeout=30)\n"
        "client.wait_for_workers(int(sys.argv[2]), timeout=60)\n"
    )
    assert process("-c", code, address, str(count)).returncode == 0


def test_no_cluster_there(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("net: reduced\nvary: {c1: [1]}\n")
    ran = run(tmp_path, "--dask", "tcp://127.0.0.1:1")
    assert ran.returncode == 2
    assert "there is no Dask scheduler at tcp://127.0.0.1:1" in ran.stderr
    assert ran.stderr.count("\n") == 1
    ran = run(tmp_path, "--dask", "nowhere")
    assert "there is no Dask scheduler at nowhere" in ran.stderr
    assert ran.stderr.count("\n") == 1


# --- shown ---------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak there")
def test_memory_stays_flat(tmp_path: Path) -> None:
    """Ten times the candidates take no more memory; 10**8 were tried by hand."""
    code = (
        "import re, sys\nfrom pathlib import Path\n"
        "from netcalc.sweeping import Wanted, read_space, run_sweep\n"
        "step = int(sys.argv[1])\n"
        "wide = {n: {'from': 8, 'to': 128, 'step': 8} for n in ('c1', 'c3', 'r3', 'r5')}\n"
        "space = read_space({'net': 'reduced', 'vary': {**wide,"
        " 'pp': {'from': 1, 'to': 160, 'step': step}}})\n"
        "run_sweep(space, Wanted(['params', '-channels'], jobs=1))\n"
        "told = Path('/proc/self/status').read_text()\n"
        "print(space.size, re.search(r'VmHWM:\\s+(\\d+)', told)[1])\n"
    )
    peaks = []
    for step, size in ((10, 16), (1, 160)):
        printed = process("-c", code, str(step), cwd=ROOT).stdout.split()
        assert int(printed[0]) == 2**16 * size
        peaks.append(int(printed[1]) * 1024)
    assert max(peaks) < 2**30 / 4
    assert peaks[1] < 1.2 * peaks[0]


def test_a_bar_on_a_terminal_only(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    (tmp_path / "space.yaml").write_text(SPACE)
    done = subprocess.run(
        [*COMMAND, "--jobs", "1"], cwd=tmp_path, env=environment(),
        stdout=subprocess.PIPE, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):
        while more := os.read(ours, 65536):
            shown += more
    os.close(ours)
    assert done.returncode == 0
    assert re.search(rb"[\d,]+ candidates/s", shown)
    assert b"100%" in shown or b"9" in shown
    assert run(tmp_path, "--jobs", "1").stderr == ""


def test_a_plot(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    ran = run(tmp_path, "--pareto", "params,-channels", "--plot", "front.svg")
    assert ran.returncode == 0, ran.stderr
    svg = (tmp_path / "front.svg").read_text()
    for module in ("3a", "3b", "4a", "4b", "4c", "4d", "4e, 5a", "5b"):  # 4e and 5a are alike
        assert f"<!-- {module} -->" in svg
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
    for options, told in (
        (("--pareto", "params", "--plot", "a.svg"), "draws two quantities"),
        (("--pareto", "params,macs", "--plot", "a.doc"), "no picture goes by that ending"),
        (("--pareto", "params,macs", "--plot", "none/a.svg"), "there is no folder none"),
        (("--plot", "a.svg"), "--pareto params,macs"),
    ):
        ran = run(tmp_path, *options, "-o", "out")
        assert ran.returncode == 2
        assert told in ran.stderr
        assert not (tmp_path / "out").exists()  # it is told before anything is worked out


def test_a_plot_shows_the_whole_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, Any] = {}
    module = import_module("netcalc.sweep.plot")
    monkeypatch.setattr(module, "plot", lambda path, rows, *rest: drawn.update(rows))
    (tmp_path / "space.yaml").write_text(SPACE)
    front = nc.sweep(tmp_path / "space.yaml", pareto=["params", "-channels"])
    options = ("--pareto", "params,-channels", "--top", "2", "--plot", str(tmp_path / "a.svg"))
    shown = netcalc("sweep", str(tmp_path / "space.yaml"), *options, "--format", "csv").out
    assert len(shown.splitlines()) == 3
    assert drawn["params"].tolist() == front["params"].tolist()
    assert len(front) > 2


def test_formats(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    space = str(tmp_path / "space.yaml")
    told = json.loads(netcalc("sweep", space, "--top", "3", "--format", "json").out)
    frame = nc.sweep(space, top=3)
    assert [row["params"] for row in told["rows"]] == frame["params"].tolist()
    csv = netcalc("sweep", space, "--top", "3", "--format", "csv").out.splitlines()
    assert csv[0].split(",") == list(frame.columns)
    assert len(csv) == 4


# --- refused -------------------------------------------------------------------------------------

WRONG = [
    ("[]", "space.yaml:1: a space is a mapping with net, input, vary"),
    ("net: reduced", "space.yaml:1: a space needs vary"),
    ("net: reducd\nvary: {c1: [1]}", "space.yaml:1: net: there is no network called 'reducd'"),
    ("net: reduced\nvary:\n  c9: [1]", "space.yaml:3: c9: reduced has no argument 'c9'"),
    ("net: reduced\nvary:\n  c1: []", "space.yaml:3: c1 must be a list of values"),
    ("net: reduced\nvary:\n  c1: [1, 1]", "space.yaml:3: c1: has a value twice"),
    ("net: reduced\nvary:\n  c1: [a]", "c1 must be an integer"),
    ("net: reduced\nvary:\n  c1: {from: 3}", "space.yaml:3: c1: needs from and to"),
    ("net: reduced\nvary:\n  c1: {from: 3, to: 1}", "c1: goes from a smaller number"),
    ("net: reduced\nvary:\n  c1: {from: 3, to: 9, factor: 1}", "by a step above 0 or a factor"),
    ("net: reduced\nvary:\n  c1: {from: 1, to: 9, multiple: 16}", "no multiple lies between"),
    ("net: reduced\nvary:\n  c1: {from: 1, to: 9999999}", "more than 1,000,000 values"),
    ("net: reduced\nvary:\n  c1: {from: 0, to: 9, factor: 2}", "c1: has more than 1,000 values"),
    ("net: reduced\nvary:\n  c1: {form: 1, to: 9}", "c1 has no 'form'; did you mean from?"),
    ("net: reduced\nvary:\n  params: [1]", "params: is no name for what varies"),
    ("net: reduced\nvary: {c1: [1]}\nshow: parms", "space.yaml:3: show: there is no quantity"),
    ("net: reduced\nvary: {c1: [1]}\nbudgets: [parms < 3]", "did you mean params?"),
    ("net: reduced\nvary: {c1: [1]}\nbudgets: [params < 3 q]", "must be a number such as 7e6"),
    ("net: reduced\nvary: {c1: [1]}\nbudgets:\n  - params", "space.yaml:4: budgets must compare"),
    ("net: reduced\nvary: {c1: [1]}\nconstraints: [c1 < c2]", "there is no parameter 'c2'"),
    ("net: reduced\nvary: {input: [1]}\ninput: 3", "leave one out"),
    ("net: reduced\nvary: {input: [0]}", "input: takes whole numbers from 1 on"),
    ("net: reduced\nvary:\n  a: {of: b.kernel, values: [1]}", "a: there is no layer b"),
    ("net: reduced\nvary:\n  a: {of: b, values: [1]}", "must name a layer and a field"),
    (
        "net: reduced\nvary:\n  a: {of: branch1x1/conv.kernl, values: [1]}",
        "branch1x1/conv: Conv2d has no field 'kernl'; did you mean kernel?",
    ),
    ("net: reduced\nvary: {same: [1]}", "same: is no name for what varies"),
    ("net: reduced\nvary: {candidate: [1]}", "candidate: is no name for what varies"),
    (
        ("net: reduced\nvary:\n  a: {of: branch1x1/conv.out_channels, values: [64, 128]}\n"
        "  b: {of: [branch_pool/proj.out_channels, branch1x1/conv.out_channels], values: [1, 2]}"),
        "space.yaml:4: b: branch1x1/conv.out_channels varies as a already; leave one out",
    ),
    (
        ("net: reduced\nvary:\n  a: {of: branch1x1/conv.out_channels, values: [64, 128]}\n"
        "  c1: [5]"),
        "space.yaml:4: c1: changes nothing but branch1x1/conv.out_channels, which varies by itself",
    ),
    (
        ("net: googlenet\nvary:\n  a: {of: aux1/fc1.out_features, values: [64]}\n"
        "  aux: [true, false]"),
        "space.yaml:4: aux: there is no layer aux1/fc1 where aux=False",
    ),
    ("net: reduced\nvary:\n  a: {of: zzz.kernel, values: [1]}", "`netcalc table --layout layers`"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_what_is_wrong_is_told_in_a_line(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(text)
    ran = netcalc("sweep", str(tmp_path / "space.yaml"))
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert told in ran.err


def test_a_key_that_cannot_be_compared(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("net: googlenet\nvary: {width: [0.5, 1]}\n")
    ran = netcalc("sweep", str(tmp_path / "space.yaml"), "--pareto", "macs,-width")
    assert ran.code == 2
    assert "'-width': width has values that are no whole numbers" in ran.err


def test_a_parameter_is_given_and_varies(tmp_path: Path) -> None:
    (tmp_path / "g.yaml").write_text(
        "input: [1, 4, 8, 8]\nparameters: [g=1]\nlayers:\n"
        "  - a: {type: Conv2d, out_channels: 8, kernel: 3, groups: g}\n"
    )
    (tmp_path / "space.yaml").write_text("net: g.yaml@g=4\nvary: {g: [1, 2]}\n")
    ran = netcalc("sweep", str(tmp_path / "space.yaml"))
    assert ran.code == 2
    assert "both set g" in ran.err


def test_layers_of_arguments_whatever_the_order() -> None:
    field = {"of": "aux1/fc1.out_features", "values": [64, 128]}
    first = nc.sweep({"net": "googlenet", "vary": {"a": field, "aux": [True]}})
    second = nc.sweep({"net": "googlenet", "vary": {"aux": [True], "a": field}})
    assert first["params"].tolist() == second["params"].tolist()
    assert first["params"].diff().iloc[1] == 64 * (2048 + 1 + 1000)


def test_wrong_options(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("net: reduced\nvary: {c1: [1, 2]}\n")
    space = str(tmp_path / "space.yaml")
    for options, told in (
        (("--pareto", "parms"), "there is no quantity 'parms'; did you mean params?"),
        (("--resume",), "resume goes on with a folder"),
        (("--pareto=--params",), "there is no quantity '--params'; did you mean params?"),
        (("--jobs", "0"), "0 is not in the range"),
        (("-o", space), "is a file"),
    ):
        ran = netcalc("sweep", space, *options)
        assert ran.code == 2, options
        assert told in ran.err
        assert ran.err.count("\n") == 1
    twice = netcalc("sweep", space, "--pareto", "macs,macs")
    assert twice.out.startswith("reduced: the front of macs\n")
    assert netcalc("sweep", str(tmp_path / "none.yaml")).code == 2
    with pytest.raises(nc.InputError, match="a file or a mapping"):
        nc.sweep(3)  # type: ignore[arg-type]
