"""Which counters netcalc knows the conventions of; each loads when it is used."""

from __future__ import annotations

from importlib import import_module

from netcalc.pytorch.counters.convention import Convention

NAMES: dict[str, str] = {
    "fvcore": "fvcore",
    "torchinfo": "torchinfo",
    "ptflops-pytorch": "ptflops_pytorch",
    "ptflops-aten": "ptflops_aten",
    "thop": "thop",
    "calflops-macs": "calflops",
    "calflops-flops": "calflops",
    "flopcountermode-cpu": "flopcountermode",
    "flopcountermode-meta": "flopcountermode",
    "torchprofile": "torchprofile",
    "flopth": "flopth",
    "torchscan-macs": "torchscan",
    "torchscan-flops": "torchscan",
    "torchlens": "torchlens",
}
"""By the name of each, the file here that says how it counts."""


def load(name: str) -> Convention:
    """The convention of that name."""
    module = import_module(f"netcalc.pytorch.counters.{NAMES[name]}")
    for value in vars(module).values():
        if isinstance(value, Convention) and value.name == name:
            return value
    raise LookupError(name)
