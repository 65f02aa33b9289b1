"""Where rays meet a mesh, exactly: float32 says which face, that face's plane in float64 how far away it is."""

from __future__ import annotations

import numpy as np
from trimesh.ray.ray_pyembree import RayMeshIntersector

__all__ = ["first_face"]

ALONG = 1e-9  # a ray whose angle to a face has less for its sine lies in it


def first_face(
    rays: RayMeshIntersector, starts: np.ndarray, ways: np.ndarray, skip: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """The first face that each ray meets.

    Args:
        starts: (N, 3) mm. ways: (N, 3), or (3,) for all, of length 1.
        skip: mm that the search begins ahead of the start: one on a face would else find that face again.

    Returns:
        Mm from the start to it, infinite where there is none; the cosine between its normal and the way, above 0 where
        the ray leaves a solid.
    """
    ways = np.broadcast_to(ways, starts.shape)
    face = rays.intersects_first(starts + ways * skip, ways)
    normal = rays.mesh.face_normals[face]
    along = np.einsum("ij,ij->i", normal, ways)
    ahead = np.einsum("ij,ij->i", rays.mesh.triangles[face, 0] - starts, normal)
    length = np.full(len(starts), np.inf)
    np.divide(ahead, along, out=length, where=(face >= 0) & (abs(along) > ALONG))
    return length, along
