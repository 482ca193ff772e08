"""The package as users get it: the wheel, without extras, in a fresh environment."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    return next(out.glob("netcalc_nn-*.whl"))


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {n.split("/")[0].split("-")[0] for n in names} == {"netcalc", "netcalc_nn"}
    assert "netcalc/py.typed" in names
    assert "netcalc/published/googlenet_table1.json" in names
    assert not [n for n in names if "test" in n]


def test_it_runs_outside_the_checkout_without_torch(wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = venv / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", str(wheel)]
    subprocess.run(install, check=True, capture_output=True, cwd=tmp_path)

    def netcalc(*args: str) -> str:
        command = [str(venv / "bin" / "netcalc"), *args]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=tmp_path
        ).stdout

    assert "googlenet-torchvision" in netcalc("list")
    document = json.loads(netcalc("table", "googlenet", "--format", "json"))
    assert document["totals"]["params"] == 6_998_552
    assert "346,112" in netcalc("compare", "naive", "reduced")
    for fmt in ("markdown", "latex", "html", "csv"):
        assert "inception" in netcalc("table", "googlenet", "--format", fmt)
    frame = "import netcalc; print(netcalc.analyse('googlenet').to_frame()['params'].sum())"
    ran = subprocess.run(
        [str(python), "-c", frame], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert ran.stdout.strip() == "6998552"
    missing = subprocess.run([str(python), "-c", "import torch"], capture_output=True)
    assert missing.returncode != 0
