"""The shape world in numpy: prompts, renderer and rule judge of Sources/World/Tasks/Shapes, for many
pictures at once.

The rules, thresholds and roundings are those of the Swift files; only the reasons that a verdict
gives in words and the second judge are left out.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

SIDE = 32
BACKGROUND = 240
PALETTE = np.float32(
    [[220, 40, 40], [40, 160, 60], [40, 80, 220], [245, 215, 45], [150, 50, 170]]
)
COLOUR_TOLERANCE = np.float32([45, 45, 45, 32, 45])
# Circle, square, triangle: how far the outline reaches sideways, up and down, in radii.
REACH = np.float32([[1, 1, 1], [0.9, 0.9, 0.9], [1.125833, 1.3, 0.65]])
SHAPE_TOLERANCE = np.float32([[0.03, 0.004], [0.045, 0.004], [0.095, 0.0065]])  # error, skew
LEFT, RIGHT, ABOVE, BELOW = range(4)


class Request(NamedTuple):
    """What a prompt asks for, as indices; -1 is a free colour, "and", or no second object."""

    first: int
    colour: int = -1
    count: int = 1
    relation: int = -1
    second: int = -1
    second_colour: int = -1

    @property
    def words(self):
        """Indices into the vocabulary: none, shapes, plurals, colours, numbers, and, relations."""
        item = lambda shape, colour: ([7 + colour] if colour >= 0 else []) + [1 + shape]
        if self.count > 1:
            return [10 + self.count, 4 + self.first]
        if self.second < 0:
            return item(self.first, self.colour)
        link = [16 + self.relation if self.relation >= 0 else 15]
        return item(self.first, self.colour) + link + item(self.second, self.second_colour)

    @property
    def is_held_out(self):
        missing = 3 - self.first - self.second
        if self.count > 1:
            return (self.count, self.first) in [(2, 2), (4, 0)]
        if self.second < 0:
            return self.colour == (2 * self.first + 2) % 5
        if self.relation >= 0:
            turned = self.relation in (RIGHT, BELOW)
            pair = (self.second, self.first) if turned else (self.first, self.second)
            return pair == ((0, 2) if self.relation in (LEFT, RIGHT) else (1, 0))
        if self.colour < 0:
            return missing == 1
        a, b = self.colour, self.second_colour
        return ((a + 2 * b if self.first < self.second else b + 2 * a) + missing) % 5 == 0


_shapes, _colours = range(3), range(5)
_pairs = [(a, b) for a in _shapes for b in _shapes if a != b]
CATEGORIES = [
    [Request(a) for a in _shapes],
    [Request(a, second=b) for a, b in _pairs],
    [Request(a, count=n) for n in (2, 3, 4) for a in _shapes],
    [Request(a, c) for c in _colours for a in _shapes],
    [Request(a, relation=r, second=b) for r in range(4) for a, b in _pairs],
    [Request(a, c, 1, -1, b, d) for a, b in _pairs for c in _colours for d in _colours if c != d],
]
TRAIN = [[r for r in all_of if not r.is_held_out] for all_of in CATEGORIES]


def held_out_prompts():
    """64 requests of each category, every third one a combination that is kept out of training."""
    result = []
    for all_of, seen in zip(CATEGORIES, TRAIN):
        unseen = [r for r in all_of if r.is_held_out]
        for i in range(64):
            if unseen and i % 3 == 2:
                result.append(unseen[37 * (i // 3) % len(unseen)])
            else:
                result.append(seen[37 * (i - i // 3 if unseen else i) % len(seen)])
    return result


def render(latents):
    """Latents [P, 5, 10] to pictures [P, 32, 32, 3]: figures in token order over the background."""
    pictures = np.full((len(latents) * SIDE * SIDE, 3), BACKGROUND, np.uint8)
    picture, slot = np.nonzero((latents[..., 0] > 0) & np.isfinite(latents).all(-1))
    token = latents[picture, slot]
    if len(token) == 0:
        return pictures.reshape(-1, SIDE, SIDE, 3)
    x, y = 0.5 + 0.4 * token[:, 1], 0.5 + 0.4 * token[:, 2]
    radius = np.clip(0.12 + 0.03 * token[:, 3], 0.02, 0.4)
    shape = token[:, 4:7].argmax(1)
    rgb = np.clip(127.5 * (token[:, 7:] + 1), 0, 255)

    # Every figure in a window as large as the largest one needs.
    side, up, down = (REACH[shape] * radius[:, None]).T
    span = np.arange(int(np.ceil(SIDE * max(2 * side.max(), (up + down).max()))) + 3)
    columns, rows = (
        np.clip(np.floor(SIDE * low) - 1, -SIDE, SIDE).astype(np.int64)[:, None] + span
        for low in (x - side, y - up)
    )
    dx = ((columns.astype(np.float32) + 0.5) / SIDE - x[:, None])[:, None, :]
    dy = ((rows.astype(np.float32) + 0.5) / SIDE - y[:, None])[:, :, None]
    coverage = np.empty((len(token), len(span), len(span)), np.float32)
    for kind in range(3):
        own = shape == kind
        a, b, r = dx[own], dy[own], radius[own, None, None]
        if kind == 0:
            distance = np.sqrt(a * a + b * b) - r
        elif kind == 1:
            distance = np.maximum(abs(a), abs(b)) - 0.9 * r
        else:
            distance = np.maximum(b, 0.8660254 * abs(a) - 0.5 * b) - 0.65 * r
        coverage[own] = 0.5 - SIDE * distance
    coverage *= ((columns >= 0) & (columns < SIDE))[:, None, :]
    coverage *= ((rows >= 0) & (rows < SIDE))[:, :, None]

    # Blend the covered pixels, one token after the other.
    figure, row, column = np.nonzero(coverage > 0)
    pixel = (picture[figure] * SIDE + rows[figure, row]) * SIDE + columns[figure, column]
    alpha = np.minimum(coverage[figure, row, column], 1)[:, None]
    for turn in range(latents.shape[1]):
        own = np.flatnonzero(slot[figure] == turn)
        under = pictures[pixel[own]].astype(np.float32)
        blend = under + alpha[own] * (rgb[figure[own]] - under) + 0.5
        pictures[pixel[own]] = blend.astype(np.uint8)
    return pictures.reshape(-1, SIDE, SIDE, 3)


class Blobs(NamedTuple):
    """Connected patches of many pictures: [blobs] each."""

    picture: np.ndarray
    shape: np.ndarray  # -1 if none of the three
    colour: np.ndarray  # -1 if off the palette
    x: np.ndarray
    y: np.ndarray
    flawed: np.ndarray


def find_blobs(pictures):
    """4-neighbours that differ visibly from the background belong together."""
    seen = (pictures < BACKGROUND - 6) | (pictures > BACKGROUND + 6)
    seen = seen[..., 0] | seen[..., 1] | seen[..., 2]
    in_plane = np.zeros((3, 3, 3), bool)
    in_plane[1] = ndimage.generate_binary_structure(2, 1)
    labels, count = ndimage.label(seen, in_plane)
    pixel = np.flatnonzero(seen)
    blob = labels.ravel()[pixel] - 1
    total = lambda weights, key=blob, size=count: np.bincount(key, weights, size)

    # The inside's mean colour, then how much of it every pixel holds.
    rgb = pictures.reshape(-1, 3)[pixel].astype(np.float32)
    difference = rgb - BACKGROUND
    strength = np.sqrt(np.einsum("pc,pc->p", difference, difference))
    farthest = np.zeros(count, np.float32)
    np.maximum.at(farthest, blob, strength)
    inside = strength >= np.float32(0.9) * farthest[blob]
    members = blob[inside]
    size = np.bincount(members, minlength=count)
    solid = np.stack([total(rgb[inside, c], members) / size for c in range(3)], 1)
    ink = solid.astype(np.float32) - BACKGROUND
    own_ink = ink[blob]
    inverse = 1 / np.einsum("bc,bc->b", ink, ink)
    coverage = np.clip(np.einsum("pc,pc->p", difference, own_ink) * inverse[blob], 0, 1)
    rest = difference - coverage[:, None] * own_ink
    strangers = total(np.einsum("pc,pc->p", rest, rest) > 14 * 14) > 0

    row, column = pixel // SIDE % SIDE, pixel % SIDE
    touches = total((row % (SIDE - 1) == 0) | (column % (SIDE - 1) == 0)) > 0
    heights = total(coverage, blob * SIDE + column, count * SIDE).reshape(-1, SIDE)
    widths = total(coverage, blob * SIDE + row, count * SIDE).reshape(-1, SIDE)
    area = widths.sum(1)
    middle = np.arange(SIDE) + 0.5
    x, y = heights @ middle / area, widths @ middle / area
    skew = abs(total(coverage * (row + 0.5) * (column + 0.5)) - x * y * area) / area**2
    shape = shape_of(widths, heights, area, x, y, skew)
    shape[strangers] = -1

    distance = np.linalg.norm(solid[:, None] - PALETTE, axis=2)
    colour = distance.argmin(1)
    colour[distance.min(1) > COLOUR_TOLERANCE[colour]] = -1
    flawed = touches | (area < 12) | strangers | (colour < 0) | (shape < 0)
    picture = np.empty(count, np.int64)
    picture[blob] = pixel // (SIDE * SIDE)
    return Blobs(picture, shape, colour, x / SIDE, y / SIDE, flawed)


def shape_of(widths, heights, area, x, y, skew):
    """The shape whose filling of rows and columns is nearest: half the sum of |share - dF|."""

    def circle(t):
        t = np.clip(t, -1, 1)
        return 0.5 + (t * np.sqrt(1 - t * t) + np.arcsin(t)) / np.pi

    def square(t):
        return np.clip(t + 0.5, 0, 1)

    def triangle_columns(t):
        t = np.clip(2 * t, -1, 1)
        return np.where(t < 0, 0.5 * (1 + t) ** 2, 1 - 0.5 * (1 - t) ** 2)

    def triangle_rows(t):
        return np.clip(t / 0.8660254 + 2 / 3, 0, 1) ** 2

    def error(lengths, centre, scale, share):
        before = share((np.arange(SIDE + 1) - centre[:, None]) / scale[:, None])
        miss = abs(lengths / area[:, None] - np.diff(before)).sum(1)
        return 0.5 * (before[:, 0] + miss + 1 - before[:, -1])

    errors = []
    for unit_area, rows, columns in (
        (np.pi, circle, circle), (1, square, square), (0.4330127, triangle_rows, triangle_columns)
    ):
        scale = np.sqrt(area / unit_area)
        errors.append(error(widths, y, scale, rows) + error(heights, x, scale, columns))
    relative = np.stack(errors, 1) / SHAPE_TOLERANCE[:, 0]
    relative[skew[:, None] >= SHAPE_TOLERANCE[:, 1]] = np.inf
    return np.where(relative.min(1) < 1, relative.argmin(1), -1)


def judge(pictures, requests):
    """Soft [P] and strict [P] scores of pictures, one request each."""
    blobs = find_blobs(pictures)
    count = len(pictures)
    asked = np.array(requests)
    first, colour, number, relation, second, second_colour = asked.T
    each = np.arange(count)
    known = blobs.shape >= 0
    place = blobs.picture[known] * 3 + blobs.shape[known]
    found = np.bincount(place, minlength=count * 3).reshape(-1, 3)
    of_colour = np.zeros((count, 3, 6), bool)  # the last column takes what is off the palette
    of_colour[blobs.picture[known], blobs.shape[known], blobs.colour[known]] = True

    # How far the two objects of any pair stand apart, in the direction asked for.
    low, high = np.full((2, count * 3), np.inf), np.full((2, count * 3), -np.inf)
    for axis, centre in enumerate((blobs.x[known], blobs.y[known])):
        np.minimum.at(low[axis], place, centre)
        np.maximum.at(high[axis], place, centre)
    axis, a, b = relation // 2, each * 3 + first, each * 3 + second
    far = high[axis, [b, a]] - low[axis, [a, b]]
    distance = np.where(relation % 2 == 0, *far)

    has_two, has_colour, has_relation = second >= 0, colour >= 0, relation >= 0
    met = (found[each, first] > 0).astype(np.float64)
    met += has_colour & of_colour[each, first, colour]
    met += has_two & (found[each, second] > 0)
    met += has_two & (second_colour >= 0) & of_colour[each, second, second_colour]
    met += has_relation & (distance >= 0.1)
    conditions = 1 + has_colour + has_two + (second_colour >= 0) + has_relation
    alike = found[each, first]
    counts = np.maximum(0, 1 - abs(alike - number) / number)
    share = np.where(number > 1, counts, met / conditions)

    expected = np.where(number > 1, np.maximum(alike, number), 1 + has_two)
    tidy = np.bincount(blobs.picture, minlength=count) <= expected
    tidy &= np.bincount(blobs.picture, blobs.flawed, count) == 0
    return np.where(tidy, share, 0.7 * share), tidy & (share == 1)
