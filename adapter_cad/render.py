"""Shaded pictures of solids without a graphics card: one parallel ray a pixel, two lights, dark lines at the edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import trimesh
from trimesh.ray.ray_pyembree import RayMeshIntersector

__all__ = ["Colour", "View", "look", "png", "render", "visible"]

Colour = tuple[int, int, int]

SUPERSAMPLE = 2
KEY = np.array([-0.45, 0.65, -0.61])  # where the lights stand, in the picture's right, up and depth; depth grows away
FILL = np.array([0.60, -0.50, -0.62])
AMBIENT, KEY_SHARE, FILL_SHARE = 0.50, 0.42, 0.26
CREASE = 0.87  # neighbours whose normals' cosine is below it (30 degrees apart) have an edge between them
STEP = 0.5  # mm of depth between neighbours that is an edge
LINE = 0.35  # brightness of an edge


@dataclass(frozen=True)
class View:
    """A parallel view: axes (3, 3) rows right, up, away from the eye; `centre` lies in the middle; scale in pixels a
    mm; size (width, height) in pixels."""

    axes: np.ndarray
    centre: np.ndarray
    scale: float
    size: tuple[int, int]

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) mm -> (N, 2) float64 pixels, x right, y down."""
        flat = (np.asarray(points, float) - self.centre) @ self.axes[:2].T * self.scale
        return np.array(self.size) / 2 + flat * (1, -1)


def look(
    meshes: Sequence[trimesh.Trimesh], azimuth: float, elevation: float, size: tuple[int, int], margin: float = 0.05
) -> View:
    """The view in which all meshes just fit.

    Args:
        azimuth, elevation: of the eye, degrees: azimuth 0 looks along +y, 90 along -x; elevation over the plane z = 0.
        size: width, height in pixels. margin: share of either kept free at each side.
    """
    turn, rise = np.radians([azimuth, elevation])
    right = np.array([np.cos(turn), np.sin(turn), 0])
    away = np.array([-np.sin(turn) * np.cos(rise), np.cos(turn) * np.cos(rise), -np.sin(rise)])
    axes = np.stack([right, np.cross(right, away), away])
    seen = np.vstack([mesh.vertices for mesh in meshes]) @ axes.T
    low, high = seen.min(axis=0), seen.max(axis=0)
    room = np.array(size) * (1 - 2 * margin)
    return View(axes, ((low + high) / 2) @ axes, float(np.min(room / np.maximum(high - low, 1e-9)[:2])), size)


def render(meshes: Sequence[trimesh.Trimesh], colours: Sequence[Colour], view: View) -> np.ndarray:
    """(H, W, 3) uint8 RGB of the meshes on white, each in its colour."""
    scale = view.scale * SUPERSAMPLE
    scene = _together(meshes)
    owner = np.repeat(np.arange(len(meshes)), [len(mesh.faces) for mesh in meshes])
    face = _first_faces(meshes, scene, view, SUPERSAMPLE)
    normals = scene.face_normals @ view.axes.T
    depth = _depths(scene, face, view, scale)

    light = AMBIENT + KEY_SHARE * np.clip(normals @ KEY, 0, 1) + FILL_SHARE * np.clip(normals @ FILL, 0, 1)
    paint = np.clip(np.array(colours)[owner] * light[:, None], 0, 255).astype(np.float32)
    white = np.full((1, 3), 255, np.float32)
    picture = np.vstack([paint, white])[face]  # face -1, nothing hit, is the last row
    shade = _crevices(depth, scale)
    shade[_edges(face, depth, owner, normals, scale)] *= LINE
    picture *= shade[..., None]
    return np.round(cv2.resize(picture, view.size, interpolation=cv2.INTER_AREA)).astype(np.uint8)


def visible(meshes: Sequence[trimesh.Trimesh], view: View) -> np.ndarray:
    """(H, W) int64: the index of the mesh that each pixel shows, -1 for none."""
    owner = np.repeat(np.arange(len(meshes)), [len(mesh.faces) for mesh in meshes])
    face = _first_faces(meshes, _together(meshes), view, 1)
    return np.where(face >= 0, owner[face], -1)


def _together(meshes: Sequence[trimesh.Trimesh]) -> trimesh.Trimesh:
    return cast(trimesh.Trimesh, trimesh.util.concatenate(list(meshes)))


def _first_faces(meshes: Sequence[trimesh.Trimesh], scene: trimesh.Trimesh, view: View, fine: int) -> np.ndarray:
    """(height * fine, width * fine) int64: the face of the scene that each pixel shows, -1 for none."""
    width, height = (side * fine for side in view.size)
    near = np.zeros((height, width), np.uint8)  # no ray is sent where nothing can be
    for mesh in meshes:
        outline = cv2.convexHull((view.pixels(mesh.vertices) * fine).astype(np.float32))
        cv2.fillConvexPoly(near, np.rint(outline).astype(np.int32), 1)
    row, column = np.nonzero(cv2.dilate(near, np.ones((5, 5), np.uint8)))
    far = view.axes[2] * (float(np.linalg.norm(scene.extents)) + 1)
    across = ((column + 0.5) / fine - view.size[0] / 2) / view.scale
    above = (view.size[1] / 2 - (row + 0.5) / fine) / view.scale
    starts = view.centre - far + np.stack([across, above], axis=1) @ view.axes[:2]
    face = np.full((height, width), -1, np.int64)
    face[row, column] = RayMeshIntersector(scene).intersects_first(starts, np.broadcast_to(view.axes[2], starts.shape))
    return face


def _depths(scene: trimesh.Trimesh, face: np.ndarray, view: View, scale: float) -> np.ndarray:
    """(H, W) float32 mm away from the eye's side, NaN where nothing is: each pixel on the plane of its face."""
    seen = (scene.triangles - view.centre) @ view.axes.T
    normals = scene.face_normals @ view.axes.T
    away = np.minimum(normals[:, 2], -1e-3)
    # depth = c + a * across + b * above on each face's plane; the last row is that of no face.
    plane = (
        np.stack([np.einsum("ij,ij->i", normals, seen[:, 0]), -normals[:, 0], -normals[:, 1]], axis=1) / away[:, None]
    )
    none = np.full(3, np.nan)
    c, a, b = (np.append(plane, [none], axis=0).astype(np.float32).T)[:, face]
    height, width = face.shape
    across = ((np.arange(width) + 0.5 - width / 2) / scale).astype(np.float32)
    above = ((height / 2 - np.arange(height) - 0.5) / scale).astype(np.float32)
    low, high = np.append(seen[..., 2].min(axis=1), np.nan), np.append(seen[..., 2].max(axis=1), np.nan)
    depth = c + a * across + b * above[:, None]
    return np.clip(depth, low.astype(np.float32)[face], high.astype(np.float32)[face])


def _crevices(depth: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) float32 factor up to 1: darker where nearer things stand close by, by depth less its blur."""
    hit = np.isfinite(depth)
    known = hit.astype(np.float32)
    filled = np.where(hit, depth, np.float32(0))
    factor = np.ones_like(known)
    for radius in (1.5, 5.0):
        sigma = radius * scale / 2
        step = max(1, int(sigma // 4))  # a wide blur needs no fine grid
        size = (max(1, depth.shape[1] // step), max(1, depth.shape[0] // step))
        weight = cv2.GaussianBlur(cv2.resize(known, size, interpolation=cv2.INTER_AREA), (0, 0), sigma / step)
        total = cv2.GaussianBlur(cv2.resize(filled, size, interpolation=cv2.INTER_AREA), (0, 0), sigma / step)
        around = cv2.resize(total / np.maximum(weight, 1e-6), depth.shape[::-1], interpolation=cv2.INTER_LINEAR)
        behind = np.where(hit, filled - around, np.float32(0)) / np.float32(2 * radius)
        factor *= 1 - np.float32(0.22) * np.clip(behind, 0, 1)
    return factor


def _edges(face: np.ndarray, depth: np.ndarray, owner: np.ndarray, normals: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) bool: pixels at an outline, a crease, or a step in depth that the surfaces' own slopes do not explain."""
    # mm of depth a mm across; of no face 0
    lean = np.append(np.hypot(normals[:, 0], normals[:, 1]) / np.maximum(-normals[:, 2], 0.05), 0)
    lines = np.zeros(face.shape, bool)
    for down, right in ((1, 0), (0, 1)):
        first, second = face[: face.shape[0] - down, : face.shape[1] - right], face[down:, right:]
        y, x = np.nonzero(first != second)
        a, b = first[y, x], second[y, x]
        both = (a >= 0) & (b >= 0)
        edge = ~both | (owner[a] != owner[b]) | (np.einsum("ij,ij->i", normals[a], normals[b]) < CREASE)
        step = np.abs(depth[y, x] - depth[y + down, x + right])  # NaN beside nothing, where it is an edge already
        edge |= step > STEP + (lean[a] + lean[b]) / scale
        bare = a < 0  # an outline is drawn on what it bounds
        lines[(y + down * bare)[edge], (x + right * bare)[edge]] = True
    return lines


def png(picture: np.ndarray) -> bytes:
    """(H, W, 3) uint8 RGB as PNG, without a date."""
    return bytes(cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1])
