"""The JSON Schema of spec files, by which editors complete and check them as they are typed."""

from __future__ import annotations

from typing import Any

from netcalc.core.tensor import BYTES
from netcalc.spec import KEYS
from netcalc.spec.definitions import FORMS
from netcalc.spec.kinds import known_kinds
from netcalc.spec.values import MEANINGS

DRAFT = "http://json-schema.org/draft-07/schema#"


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/definitions/{name}"}


def _array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1}


_WORD: dict[str, Any] = {"type": "string"}
_INTEGER, _INTEGERS, _FLAG, _REAL, _NAMES, _SHAPE, _INPUT, _LAYER, _OPERATION, _PARAMETERS = map(
    _ref,
    (
        "integer",
        "integers",
        "flag",
        "real",
        "names",
        "shape",
        "input",
        "layer",
        "operation",
        "parameters",
    ),
)
_INDICES: dict[str, Any] = {"anyOf": [_INTEGER, {"type": "array", "items": _INTEGER}]}
_VALUES: dict[str, Any] = {
    "integer": {
        "description": "an integer, or arithmetic on parameters: 2*c, (k - 1) // 2",
        "anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^([-+*%() \w]|//)+$"}],
    },
    "integers": {
        "description": "an integer, or one for each axis",
        "anyOf": [_INTEGER, _array(_INTEGER)],
    },
    "flag": {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": r"^[A-Za-z_]\w*$"}]},
    "real": {
        "description": "a number, or a parameter that is one",
        "anyOf": [
            {"type": "number"},
            {"type": "string", "pattern": r"^([A-Za-z_]\w*|[-+]?[\d.]+([eE][-+]?\d+)?)$"},
        ],
    },
    "names": {"anyOf": [_WORD, _array(_WORD)]},
    "shape": _array(_INTEGER),
    "input": {
        "anyOf": [
            _SHAPE,
            {
                "type": "object",
                "properties": {"shape": _SHAPE, "dtype": {"enum": list(BYTES)}},
                "required": ["shape"],
                "additionalProperties": False,
            },
        ]
    },
    "parameters": {
        "description": "[c, k, s=1]: without a default, an integer that must be given",
        "anyOf": [_NAMES, {"type": "object"}],
    },
}

_FIELDS: dict[str, Any] = {
    "Num": _INTEGER,
    "int": _INTEGER,
    "int | None": _INTEGER,
    "bool": _FLAG,
    "float": _REAL,
    "float | None": _REAL,
    "tuple[Num, ...]": _INTEGERS,
    "tuple[int, ...]": _INTEGERS,
    "tuple[int | None, ...]": _INTEGERS,
    "Indices": _INDICES,
    "Indices | None": _INDICES,
    "str": _WORD,
    "str | None": _WORD,
    "tuple[Num, ...] | str": _INTEGERS,
}
"""For each annotation that a field may have, the values that it takes in a file."""

assert _FIELDS.keys() == MEANINGS.keys()


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 7, which editors know best) of a spec file, as a document."""
    return {
        "$schema": DRAFT,
        "title": "netcalc network",
        "type": "object",
        "properties": {key: _TOP[key] for key in KEYS},
        "anyOf": [{"required": ["layers"]}, {"required": ["branches"]}],
        "oneOf": [{"required": ["input"]}, {"required": ["inputs"]}],
        "additionalProperties": False,
        "definitions": {
            "layer": _layer(),
            "layers": {
                "type": "array",
                "items": _named(_LAYER, minProperties=1, maxProperties=1),
            },
            "operation": {"anyOf": [{"enum": list(known_kinds())}, *map(_ref, known_kinds())]},
            **_VALUES,
            **{name: _type(name) for name in known_kinds()},
        },
    }


def _named(value: Any, **bounds: int) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": value, **bounds}


_BESIDE: dict[str, Any] = {
    "parameters": _PARAMETERS,  # of blocks, which are layers otherwise
    "then": {
        "description": "layers that act on the output and are counted with this one",
        "anyOf": [_OPERATION, _array(_OPERATION)],
    },
    "inputs": {
        "description": "what it acts on, by name; [] for nothing",
        "anyOf": [_WORD, {"type": "array", "items": _WORD}],
    },
    "repeat": {"description": "so many in a row, named 0, 1, ...", **_INTEGER},
    "unit": {"description": "the path that it is counted under", "type": "string"},
    "frozen": {"description": "its tensors that are not trained", **_NAMES},
    "tensors": {
        "description": "tensors that it shares (their key), or that are computed (none)",
        **_named(_WORD),
    },
    "operands": {"description": "its tensors that the last of its inputs are", **_NAMES},
    "types": {
        "description": "types of its tensors that are not of the type of its input",
        **_named({"enum": list(BYTES)}),
    },
    "join": {"description": "what joins the branches: Concat unless said", **_OPERATION},
}
_BODIES: dict[str, Any] = {
    "layers": _LAYER,
    "branches": {
        "description": "blocks side by side, by name; [] passes the input on",
        **_named(_LAYER),
    },
    "head": {"description": "layers beside the main path, with an output of their own", **_LAYER},
}
_TOP: dict[str, Any] = {
    "$schema": {"description": "where this schema lies, for editors", "type": "string"},
    "name": {"type": "string", "description": "the network's name; the file's unless said"},
    "input": {"description": "the shape of the only input, batch first", **_INPUT},
    "inputs": {"description": "the inputs by name", **_named(_INPUT, minProperties=1)},
    "layers": _ref("layers"),
    "branches": _BODIES["branches"],
    "join": _BESIDE["join"],
    "blocks": {
        "description": "blocks that layers may name as their type",
        **_named(_LAYER),
    },
    "parameters": _PARAMETERS,
    "outputs": {
        "description": "the outputs by name, the main one first; the end and the heads unless said",
        "anyOf": [_NAMES, _named(_WORD)],
    },
    "cache": {"description": "what is kept for the next step, by name", **_NAMES},
    "loss_weights": {"description": "weights of heads in the loss", **_named(_REAL)},
    "paper": {"description": "the published table that it follows", "type": "string"},
    "batched": {"description": "whether the first axis of an input is the batch", **_FLAG},
}


def _layer() -> dict[str, Any]:
    forms = [_form(form) for form in FORMS if form != "type"]
    block = {
        "description": "a block of this file, with its parameters",
        "type": "object",
        "properties": {"type": {"type": "string", "not": {"enum": list(known_kinds())}}},
        "required": ["type"],
    }
    return {
        "anyOf": [
            {"enum": list(known_kinds())},
            _WORD,
            _ref("layers"),
            *map(_ref, known_kinds()),
            *forms,
            block,
        ]
    }


def _form(form: str) -> dict[str, Any]:
    keys = {key: _BESIDE[key] for key in ("parameters", *sorted(FORMS[form]))}
    return {
        "type": "object",
        "properties": {form: _BODIES[form], **keys},
        "required": [form],
        "additionalProperties": False,
    }


def _type(name: str) -> dict[str, Any]:
    """A kind of layer: its type, its fields, and what may stand beside them."""
    known = known_kinds()[name]
    said = {key: _FIELDS[annotation] for key, annotation in known.fields.items()}
    beside = {key: _BESIDE[key] for key in ("parameters", *sorted(FORMS["type"]))}
    return {
        "description": known.summary,
        "type": "object",
        "properties": {"type": {"const": name}, **said, **beside},
        "required": ["type", *known.required],
        "additionalProperties": False,
    }
