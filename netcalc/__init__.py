"""netcalc: parameters, FLOPs and output sizes of neural networks, derived and shown.

>>> import netcalc as nc
>>> a = nc.analyse("googlenet")
>>> a.totals.params, a.totals.macs
(6998552, 1582671872)
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netcalc.analysis import Analysis as Analysis
    from netcalc.analysis import Explanation as Explanation
    from netcalc.api import analyse as analyse
    from netcalc.api import audit as audit
    from netcalc.api import compare as compare
    from netcalc.api import crops as crops
    from netcalc.api import export as export
    from netcalc.api import new_table as new_table
    from netcalc.api import trace as trace
    from netcalc.api import verify as verify
    from netcalc.core.blocks import branches as branches
    from netcalc.core.blocks import chain as chain
    from netcalc.core.blocks import head as head
    from netcalc.core.blocks import use as use
    from netcalc.core.building import network as network
    from netcalc.core.graph import Graph as Graph
    from netcalc.core.ops.adaptive import *  # noqa: F403
    from netcalc.core.ops.addmm import *  # noqa: F403
    from netcalc.core.ops.arrange import *  # noqa: F403
    from netcalc.core.ops.attention import *  # noqa: F403
    from netcalc.core.ops.bilinear import *  # noqa: F403
    from netcalc.core.ops.conv import *  # noqa: F403
    from netcalc.core.ops.dense import *  # noqa: F403
    from netcalc.core.ops.diagonal import *  # noqa: F403
    from netcalc.core.ops.distance import *  # noqa: F403
    from netcalc.core.ops.einsum import *  # noqa: F403
    from netcalc.core.ops.elementwise import *  # noqa: F403
    from netcalc.core.ops.embedding import *  # noqa: F403
    from netcalc.core.ops.evaluation import *  # noqa: F403
    from netcalc.core.ops.fold import *  # noqa: F403
    from netcalc.core.ops.gated import *  # noqa: F403
    from netcalc.core.ops.gather import *  # noqa: F403
    from netcalc.core.ops.groupnorm import *  # noqa: F403
    from netcalc.core.ops.layernorm import *  # noqa: F403
    from netcalc.core.ops.losses import *  # noqa: F403
    from netcalc.core.ops.matmul import *  # noqa: F403
    from netcalc.core.ops.merge import *  # noqa: F403
    from netcalc.core.ops.move import *  # noqa: F403
    from netcalc.core.ops.norm import *  # noqa: F403
    from netcalc.core.ops.order import *  # noqa: F403
    from netcalc.core.ops.pixels import *  # noqa: F403
    from netcalc.core.ops.pointwise import *  # noqa: F403
    from netcalc.core.ops.pool import *  # noqa: F403
    from netcalc.core.ops.rbf import *  # noqa: F403
    from netcalc.core.ops.recurrent import *  # noqa: F403
    from netcalc.core.ops.reduce import *  # noqa: F403
    from netcalc.core.ops.resample import *  # noqa: F403
    from netcalc.core.ops.scatter import *  # noqa: F403
    from netcalc.core.ops.slices import *  # noqa: F403
    from netcalc.core.ops.solve import *  # noqa: F403
    from netcalc.core.ops.stored import *  # noqa: F403
    from netcalc.core.ops.transposed import *  # noqa: F403
    from netcalc.core.ops.unit import *  # noqa: F403
    from netcalc.core.ops.unknown import *  # noqa: F403
    from netcalc.core.ops.unpool import *  # noqa: F403
    from netcalc.core.ops.view import *  # noqa: F403
    from netcalc.core.ops.weightnorm import *  # noqa: F403
    from netcalc.core.rules import register as register
    from netcalc.core.rules import unregister as unregister
    from netcalc.core.tensor import Tensor as Tensor
    from netcalc.core.term import Term as Term
    from netcalc.counting import Reconciliation as Reconciliation
    from netcalc.counting import count_as as count_as
    from netcalc.counting import reconcile as reconcile
    from netcalc.errors import InputError as InputError
    from netcalc.errors import NetcalcError as NetcalcError
    from netcalc.errors import OutputError as OutputError
    from netcalc.errors import SpecError as SpecError
    from netcalc.errors import UnknownNameError as UnknownNameError
    from netcalc.fitting import Fit as Fit
    from netcalc.fitting import fit as fit
    from netcalc.formulas import break_even as break_even
    from netcalc.formulas import formula as formula
    from netcalc.loading import load as load
    from netcalc.sweeping import sweep as sweep
    from netcalc.views import Audit as Audit
    from netcalc.views import Comparison as Comparison
    from netcalc.views import Crops as Crops
    from netcalc.views import Verified as Verified

__version__ = "0.1.0"

_API = ("analyse", "audit", "compare", "crops", "export", "new_table", "trace", "verify")
_VIEWS = ("Audit", "Comparison", "Crops", "Verified")
_ERRORS = ("InputError", "NetcalcError", "OutputError", "SpecError", "UnknownNameError")
_HOMES = {
    **dict.fromkeys(_API, "api"),
    "Graph": "core.graph",
    **dict.fromkeys(("branches", "chain", "head", "use"), "core.blocks"),
    "network": "core.building",
    "Tensor": "core.tensor",
    "Term": "core.term",
    **dict.fromkeys(("register", "unregister"), "core.rules"),
    **dict.fromkeys(("break_even", "formula"), "formulas"),
    **dict.fromkeys(("Fit", "fit"), "fitting"),
    "sweep": "sweeping",
    **dict.fromkeys(("Reconciliation", "count_as", "reconcile"), "counting"),
    **dict.fromkeys(_ERRORS, "errors"),
    "load": "loading",
    **dict.fromkeys(("Analysis", "Explanation"), "analysis"),
    **dict.fromkeys(_VIEWS, "views"),
}
"""Where the public names live; the kinds of layer are found in core.ops."""


class _Package(ModuleType):
    """A module whose ``sweep`` stays the function when the folder of that name is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "sweep" or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return __dir__()
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f"{__name__}.{_HOMES.get(name, 'core.ops')}")
    try:
        value = getattr(home, name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    from netcalc.core.ops import exported

    return sorted([*_HOMES, *exported(), "__version__"])
