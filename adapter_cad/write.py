"""Meshes made fit for a file, and the files: STL in mm and 3MF with its unit; the same mesh gives the same bytes."""

from __future__ import annotations

import io
import zipfile
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import trimesh
from manifold3d import Error
from trimesh.exchange.stl import export_stl

from adapter_cad.errors import BadDesign
from adapter_cad.solids import to_solid

__all__ = ["GRID", "slivers", "stl_bytes", "threemf_bytes", "weld"]

GRID = 10_000  # places a mm: STL's float32 tells neighbours apart up to 1024 mm, where its own step is 6e-5
STEPS = (1, 2, 5, 10, 20)  # of that grid
DRIFT = 3e-4  # mm; how far, on average, weld may move the surface
STL_HEADER = b"edge-wbc adapter, lengths in mm; research use, not for diagnosis"


def weld(mesh: trimesh.Trimesh, name: str = "part") -> trimesh.Trimesh:
    """The same solid with its corners on a grid of 1e-4 mm, as files need it: closed after a reload, no slivers.

    Rounding merges corners, and lays others onto an edge beside them: faces without area that slicers drop, so that
    the solid opens. Those are taken out by edge collapses and swaps, which keep the rest of the corners on the grid.
    Where one stays all the same, the corner on its long side splits its neighbour; where that fails
    too, a grid of 2, 5, 10 or 20 times the step has other neighbours, and is tried instead.
    Faces come in an order of their own, whatever the order given.
    Raises BadDesign where the solid is open, inside out, or touches itself along an edge: there no file can say which
    faces belong together.
    """
    genus = to_solid(mesh).genus()
    for step in STEPS:
        rounded = _rounded(mesh.vertices, mesh.faces, step)
        solid = to_solid(rounded)
        if solid.status() != Error.NoError:
            continue
        simple = solid.simplify(step / GRID).to_mesh64()
        # Where faces lie on each other, simplify may fill a notch or close a hole: then as rounded, if that will do.
        for candidate in (_rounded(simple.vert_properties, simple.tri_verts), rounded):
            welded = _without_collapsed(candidate)
            same = welded.is_volume and abs(welded.volume - mesh.volume) <= DRIFT * mesh.area
            if same and not len(slivers(welded)) and to_solid(welded).genus() == genus:
                return welded
    fault = "its solid is open, inside out, touches itself in an edge, or has faces too thin to write"
    raise BadDesign(name, fault, "overlap its pieces, or keep them apart")


def _without_collapsed(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """The mesh with each collapsed face taken out: the corner on its longest side splits the face beyond that side.

    No surface moves by more than the face's altitude. One that cannot be taken out so is left.
    """
    corners = mesh.faces.copy()
    for face in slivers(mesh):
        points = mesh.vertices[corners[face]]
        longest = int(np.argmax(np.linalg.norm(points - np.roll(points, -1, axis=0), axis=1)))
        a, b, tip = np.roll(corners[face], -longest)
        beyond = np.flatnonzero((corners == a).any(axis=1) & (corners == b).any(axis=1))
        beyond = beyond[beyond != face]
        if len(beyond) != 1:
            continue
        other = next(corner for corner in corners[beyond[0]] if corner not in (a, b))
        if not ((corners == tip).any(axis=1) & (corners == other).any(axis=1)).any():
            corners[face], corners[beyond[0]] = (tip, a, other), (b, tip, other)
    return _rounded(mesh.vertices, corners)


def slivers(mesh: trimesh.Trimesh) -> np.ndarray:
    """Indices of the faces that are collapsed, or doubled by another between the same corners.

    Collapsed: the least altitude is below 1e-4 mm, the grid that files are written on. Rounding can turn such a face
    over, so its normal says nothing, and a slicer may drop it and leave a gap. Length and area are no measure: a large
    flat face round small holes is rightly cut into triangles 150 mm long and micrometres high; their normals hold.
    """
    triangles = mesh.vertices.astype(np.float32).astype(float)[mesh.faces]  # as an STL holds them
    sides = triangles - np.roll(triangles, 1, axis=1)
    doubled = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1)
    altitude = doubled / np.maximum(np.linalg.norm(sides, axis=2).max(axis=1), 1e-12)
    _, first, uses = np.unique(np.sort(mesh.faces, axis=1), axis=0, return_inverse=True, return_counts=True)
    return np.flatnonzero((altitude < 1 / GRID) | (uses[first.reshape(-1)] > 1))


def _rounded(vertices: np.ndarray, faces: np.ndarray, step: int = 1) -> trimesh.Trimesh:
    """Corners on every step-th place of the grid, each once; faces between three of them, in one fixed order."""
    places = np.rint(np.asarray(vertices)[:, :3] * GRID / step).astype(np.int64) * step
    places, index = np.unique(places, axis=0, return_inverse=True)
    corners = index.reshape(-1)[np.asarray(faces, np.int64)]
    a, b, c = corners.T
    corners = corners[(a != b) & (b != c) & (c != a)]
    first = np.argmin(corners, axis=1)
    corners = np.take_along_axis(corners, (first[:, None] + np.arange(3)) % 3, axis=1)
    return trimesh.Trimesh(places / GRID, corners[np.lexsort(corners.T[::-1])], process=False)


def stl_bytes(mesh: trimesh.Trimesh) -> bytes:
    """A binary STL: float32, mm (STL itself has no unit; its header says so)."""
    return STL_HEADER.ljust(80) + export_stl(mesh)[80:]


CONTENT_TYPES = """<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/>
</Types>
"""
RELATIONS = """<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Target="/3D/3dmodel.model" Id="model" Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/>
</Relationships>
"""


def threemf_bytes(mesh: trimesh.Trimesh, name: str) -> bytes:
    """A 3MF of one object called `name`, unit millimetre, corners to 1e-4 mm.

    trimesh's own writer puts the time and random names in. Entries are stored, not deflated: what zlib makes of the
    same input differs between its versions.
    """
    corners = "\n".join('<vertex x="{:.4f}" y="{:.4f}" z="{:.4f}"/>'.format(*p) for p in mesh.vertices.tolist())
    faces = "\n".join('<triangle v1="{}" v2="{}" v3="{}"/>'.format(*f) for f in mesh.faces.tolist())
    model = f"""<?xml version="1.0" encoding="UTF-8"?>
<model unit="millimeter" xml:lang="en" xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02">
<metadata name="Title">{escape(name)}</metadata>
<metadata name="Description">research use, not for diagnosis</metadata>
<resources>
<object id="1" type="model" name={quoteattr(name)}>
<mesh>
<vertices>
{corners}
</vertices>
<triangles>
{faces}
</triangles>
</mesh>
</object>
</resources>
<build>
<item objectid="1"/>
</build>
</model>
"""
    files = {"[Content_Types].xml": CONTENT_TYPES, "_rels/.rels": RELATIONS, "3D/3dmodel.model": model}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # or Windows would write another byte
            archive.writestr(entry, text.encode())
    return packed.getvalue()
