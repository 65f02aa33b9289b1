"""Whether an adapter's written parts are what was designed, hold the phone, and let the light through."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace

import trimesh

from adapter_cad.catalogue import SecondReading
from adapter_cad.fit_checks import check_fit
from adapter_cad.mesh_checks import check_mesh, closed_volume
from adapter_cad.part import Adapter, Check
from adapter_cad.write import stl_bytes

__all__ = ["Report", "check", "check_together", "reloaded"]


@dataclass(frozen=True)
class Report:
    """All checks of one adapter, each named "PART: CHECK" or, for the parts together, "together: CHECK"."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether none of them failed; what could not be checked (ok None) did not fail."""
        return all(check.ok is not False for check in self.checks)


def reloaded(data: bytes) -> trimesh.Trimesh:
    """The mesh that an STL holds, corners merged."""
    mesh = trimesh.load_mesh(io.BytesIO(data), file_type="stl")
    mesh.merge_vertices()
    return mesh


def check(
    adapter: Adapter, meshes: Mapping[str, trimesh.Trimesh] | None = None, second: SecondReading | None = None
) -> Report:
    """Checks each part's mesh, then all together.

    meshes  by part, as read back from files; without them the adapter's own are written and read back
    second  the phone's data entered a second time, for the camera's axis
    """
    if meshes is None:
        meshes = {part.name: reloaded(stl_bytes(part.mesh)) for part in adapter.parts}
    checks: list[Check] = []
    for part in adapter.parts:
        found = check_mesh(meshes[part.name], part.genus, tuple(part.mesh.extents), adapter.printer)
        checks += [replace(one, name=f"{part.name}: {one.name}") for one in found]
    return Report((*checks, *check_together(adapter, meshes, second)))


def check_together(
    adapter: Adapter, meshes: Mapping[str, trimesh.Trimesh], second: SecondReading | None = None
) -> list[Check]:
    """Checks the parts with each other, on `meshes` as in `check`; not checked where one is no closed volume."""
    if not all(closed_volume(meshes[part.name]).ok for part in adapter.parts):
        return [Check("together: fit", None, "not checked: a part is not a closed volume", "all")]
    return [replace(one, name=f"together: {one.name}") for one in check_fit(adapter, meshes, second)]
