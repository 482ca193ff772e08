"""A sweep's rows as Parquet files, one for each chunk, and a manifest that says of what sweep."""

from __future__ import annotations

import hashlib
import json
import os
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from netcalc.errors import InputError, OutputError
from netcalc.sweep.best import Table
from netcalc.sweep.chunks import CANDIDATE, Found, Job
from netcalc.sweep.survey import LIMIT, survey

MANIFEST = "_manifest.json"
"""Readers of Parquet folders pass over a name that begins so."""

_PART = re.compile(r"part-(\d{6,})\.parquet")
_BESIDE = re.compile(rf"\.({_PART.pattern}|{re.escape(MANIFEST)})\.tmp")
"""What is being written; of a sweep that was killed it is left."""

_TOLD = b"netcalc"


class Parts:
    """A folder for the rows of a sweep.

    Everything is written beside its place and renamed. Raises InputError for a folder that holds
    another sweep, or this one when it is not to be resumed; OutputError where nothing can be
    written.
    """

    def __init__(self, folder: Path, job: Job, resume: bool) -> None:
        self.folder, self.job = folder, job
        self.schema = _schema(job)
        told = [job.space.digest, job.sample, job.seed if job.sample is not None else None]
        self.digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()
        try:
            self._open(resume)
        except OSError as problem:
            raise OutputError(f"cannot write {folder}: {problem.strerror or problem}") from None

    def _open(self, resume: bool) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        manifest = self.folder / MANIFEST
        if manifest.exists():
            self._check(manifest, resume)
        elif any(_PART.fullmatch(path.name) for path in self.folder.iterdir()):
            raise InputError(f"{self.folder} holds parts and no {MANIFEST}; choose another folder")
        for path in self.folder.iterdir():
            if _BESIDE.fullmatch(path.name):
                path.unlink()
        if not manifest.exists():
            self._manifest({"complete": False})

    def _check(self, manifest: Path, resume: bool) -> None:
        try:
            held = json.loads(manifest.read_text("utf-8"))["hash"]
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{manifest} is no sweep's; choose another folder") from None
        if held != self.digest:
            raise InputError(
                f"{self.folder} holds another sweep: the space, what it depends on, --sample or"
                " --seed has changed; choose another folder"
            )
        if not resume:
            raise InputError(
                f"{self.folder} holds this sweep already; go on with it by --resume, or choose"
                " another folder"
            )

    def _manifest(self, more: dict[str, Any]) -> None:
        job = self.job
        told = {
            "hash": self.digest,
            "space": job.space.document(),
            "sample": job.sample,
            "seed": job.seed if job.sample is not None else None,
            "chunks": job.chunks,
            **more,
        }
        beside = self.folder / f".{MANIFEST}.tmp"
        beside.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
        os.replace(beside, self.folder / MANIFEST)

    def done(self) -> dict[int, Found]:
        """The chunks that are finished, without their rows; a file that is no such is none."""
        found = {}
        for path in sorted(self.folder.iterdir()):
            match = _PART.fullmatch(path.name)
            if match and (told := self._told(path)):
                number = int(match[1])
                found[number] = Found(number, told["examined"], told["left_out"], {}, {})
        return found

    def _told(self, path: Path) -> Any:
        """What a part says of its chunk; None of one that is damaged, or not ours."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            schema = pq.read_schema(path)
            told = json.loads(schema.metadata[_TOLD])
        except (pa.ArrowException, OSError, ValueError, KeyError, TypeError):
            return None
        return told if schema.equals(self.schema) else None

    def rows(self, number: int) -> Table:
        """The rows of a finished chunk."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._path(number)
        try:
            table = pq.read_table(path)
        except (pa.ArrowException, OSError):
            raise InputError(f"{path} is damaged; remove it and go on by --resume") from None
        return {name: _numbers(table.column(name)) for name in table.column_names}

    def write(self, found: Found) -> None:
        """Write a finished chunk."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        told = json.dumps({"examined": found.examined, "left_out": found.left_out}).encode()
        schema = self.schema.with_metadata({_TOLD: told})
        path = self._path(found.number)
        try:
            columns = [pa.array(found.rows[field.name], field.type) for field in schema]
        except (OverflowError, pa.ArrowException) as problem:
            raise OutputError(f"{path}: a number is larger than was foreseen: {problem}") from None
        beside = path.with_name(f".{path.name}.tmp")
        try:
            pq.write_table(pa.Table.from_arrays(columns, schema=schema), beside)
            os.replace(beside, path)
        except OSError as problem:
            raise OutputError(f"cannot write {path}: {problem.strerror or problem}") from None

    def close(self, examined: int, left_out: dict[str, int]) -> None:
        """Say in the manifest that all chunks are there."""
        self._manifest({"complete": True, "examined": examined, "left_out": left_out})

    def _path(self, number: int) -> Path:
        return self.folder / f"part-{number:06}.parquet"


def _schema(job: Job) -> Any:
    """Columns as 64-bit integers, of quantities that may be larger as exact decimals."""
    try:
        import pyarrow as pa
    except ModuleNotFoundError:
        raise InputError("writing rows needs pyarrow; pip install 'netcalc-nn[sweep]'") from None
    space = job.space
    bounds: dict[str, int] = {}
    for graph in range(space.graphs):
        for name, bound in survey(space, graph).bounds.items():
            bounds[name] = max(bounds.get(name, 0), bound)
    fields = [pa.field(CANDIDATE, pa.int64())]
    for axis in space.axes:
        fields.append(pa.field(axis.name, _kind(pa, axis.values)))
    for name in space.shown:
        bound = bounds.get(name, 0)
        if bound >= 10**76:
            raise InputError(f"{name} may have more than 76 digits, which Parquet has no type for")
        wide = pa.decimal128(38, 0) if bound < 10**38 else pa.decimal256(76, 0)
        fields.append(pa.field(name, pa.int64() if bound < LIMIT else wide))
    return pa.schema(fields)


def _kind(pa: Any, values: tuple[Any, ...]) -> Any:
    kinds = {bool if type(v) is bool else type(v) for v in values}
    if kinds == {int}:
        return pa.int64()
    if kinds <= {int, Fraction}:
        return pa.float64()
    return pa.bool_() if kinds == {bool} else pa.string()


def _numbers(column: Any) -> Any:
    """A column as an array: of 64-bit integers, or of Python's own."""
    if str(column.type).startswith("decimal"):
        return np.array([int(x.as_py()) for x in column], dtype=object)
    return column.to_numpy()
