"""Pictures of the tasks `shapes` and `density`, as the built-in decoders draw them: float32 throughout."""

from __future__ import annotations

import numpy as np

BACKGROUND = 240
# Figures by their scores: circle, square, triangle.
CIRCLE, SQUARE, TRIANGLE = range(3)


def scene_picture(latent: np.ndarray, side: int) -> np.ndarray:
    """uint8 [side, side, 3] of a latent [5, 10], one object a token, drawn in their order.

    A token is: presence (drawn if above 0), place of the centre (2), radius, scores of the three
    shapes, and red, green, blue; each on a scale of ±1.
    """
    picture = np.full((side, side, 3), BACKGROUND, np.float32)
    centres = ((np.arange(side) + np.float32(0.5)) / side).astype(np.float32)
    for token in np.asarray(latent, np.float32):
        if not (token[0] > 0 and np.isfinite(token).all()):
            continue
        dx = centres[None, :] - (np.float32(0.5) + np.float32(0.4) * token[1])
        dy = centres[:, None] - (np.float32(0.5) + np.float32(0.4) * token[2])
        radius = np.clip(np.float32(0.12) + np.float32(0.03) * token[3],
                         np.float32(0.02), np.float32(0.4))
        coverage = np.float32(0.5) - np.float32(side) * _distance(
            int(np.argmax(token[4:7])), dx, dy, radius)
        colour = np.clip(np.float32(127.5) * (token[7:10] + np.float32(1)), 0, 255)
        alpha = np.clip(coverage, 0, 1)[..., None]
        picture = np.floor(picture + alpha * (colour - picture) + np.float32(0.5))
    return picture.astype(np.uint8)


def _distance(shape: int, dx: np.ndarray, dy: np.ndarray, radius: np.float32) -> np.ndarray:
    """The signed distance from the outline, negative inside."""
    if shape == CIRCLE:
        return np.sqrt(dx * dx + dy * dy) - radius
    if shape == SQUARE:
        return np.maximum(abs(dx), abs(dy)) - np.float32(0.9) * radius
    edge = np.float32(0.8660254) * abs(dx) - np.float32(0.5) * dy
    return np.maximum(dy, edge) - np.float32(0.65) * radius


def point_picture(latent: np.ndarray, side: int) -> np.ndarray:
    """uint8 [side, side, 3] of a latent [1, 2]: the circle of modes faintly, the point as a dot.

    The canvas shows −1.5 … 1.5, y upwards.
    """
    unit = np.float32(side) / np.float32(3)
    places = (np.arange(side) + np.float32(0.5)) / unit - np.float32(1.5)
    x, y = places.astype(np.float32)[None, :], -places.astype(np.float32)[:, None]
    point = np.asarray(latent, np.float32).reshape(2)
    cover = lambda distance: np.clip(np.float32(0.5) - distance * unit, 0, 1).astype(np.float32)
    ring = cover(abs(np.hypot(x, y) - np.float32(1)) - np.float32(0.01))
    dot = np.zeros_like(ring)
    if np.isfinite(point).all():
        dot = cover(np.hypot(x - point[0], y - point[1]) - np.float32(0.07))
    paper = (np.float32(245) - np.float32(45) * ring)[..., None]
    ink = np.float32([40, 80, 220])
    return (paper + dot[..., None] * (ink - paper) + np.float32(0.5)).astype(np.uint8)
