// What a polygon measures, in the unit of its corners [x, y].
const next = (corners, i) => corners[(i + 1) % corners.length];

/** By the shoelace formula; of a polygon that doesn't cross itself. */
export function area(corners) {
  return Math.abs(corners.reduce((sum, [x, y], i) => sum + x * next(corners, i)[1] - next(corners, i)[0] * y, 0)) / 2;
}

/** The largest distance between two of its points, which are corners: {from, to, length}. */
export function diameter(corners) {
  let found = { from: corners[0], to: corners[0], length: 0 };
  corners.forEach((from, i) => {
    for (const to of corners.slice(i + 1)) {
      const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
      if (length > found.length) found = { from, to, length };
    }
  });
  return found;
}

/** Whether two sides that aren't neighbours share a point: it has no one inside then. */
export function crosses(corners) {
  const n = corners.length;
  for (let i = 0; i < n; i++) {
    for (let j = i + 2; j < n; j++) {
      if ((j + 1) % n !== i && meet(corners[i], next(corners, i), corners[j], next(corners, j))) return true;
    }
  }
  return false;
}

function meet(a, b, c, d) {
  const [abc, abd, cda, cdb] = [side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b)];
  if (abc !== abd && cda !== cdb) return true;
  return [[abc, a, b, c], [abd, a, b, d], [cda, c, d, a], [cdb, c, d, b]].some(([s, p, q, r]) => s === 0 && within(p, q, r));
}

/** On which side of the line through a and b the point c lies: -1, 0 (on it) or 1. */
const side = (a, b, c) => Math.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));

const within = (a, b, c) => [0, 1].every((k) => Math.min(a[k], b[k]) <= c[k] && c[k] <= Math.max(a[k], b[k]));
