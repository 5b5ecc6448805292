// Digits as strokes of a pen, in a square from 0 to 1: x to the right, y down.

/** Points of an ellipse about a centre, from one angle to another in degrees; 0 is at the right, 90 below. */
function arc([x, y], [across, down], from, to) {
  const steps = 16;
  return Array.from({ length: steps + 1 }, (_, i) => {
    const angle = (from + (to - from) * i / steps) * Math.PI / 180;
    return [x + across * Math.cos(angle), y + down * Math.sin(angle)];
  });
}

/** Two ways to write each digit. */
export const STROKES = [
  [[arc([0.5, 0.5], [0.3, 0.45], -90, 270)], [arc([0.5, 0.5], [0.24, 0.42], -60, 300)]],
  [[[[0.5, 0.05], [0.5, 0.95]]], [[[0.62, 0.05], [0.42, 0.95]]]],
  [
    [[...arc([0.48, 0.3], [0.26, 0.25], -170, 30), [0.2, 0.92], [0.8, 0.92]]],
    [[...arc([0.5, 0.28], [0.27, 0.23], -160, 60), [0.24, 0.9], [0.5, 0.86], [0.82, 0.93]]],
  ],
  [
    [[...arc([0.45, 0.28], [0.25, 0.22], -150, 90), ...arc([0.45, 0.72], [0.29, 0.23], -90, 150)]],
    [[...arc([0.46, 0.28], [0.23, 0.23], -160, 80), ...arc([0.44, 0.71], [0.31, 0.22], -80, 160)]],
  ],
  [
    [[[0.25, 0.08], [0.2, 0.52], [0.78, 0.5]], [[0.7, 0.1], [0.64, 0.95]]],
    [[[0.3, 0.1], [0.24, 0.36], [0.36, 0.52], [0.72, 0.46]], [[0.74, 0.08], [0.68, 0.94]]],
  ],
  [
    [[[0.75, 0.07], [0.32, 0.08], [0.28, 0.45], ...arc([0.46, 0.68], [0.29, 0.26], -110, 140)]],
    [[[0.3, 0.1], [0.27, 0.42], ...arc([0.45, 0.67], [0.27, 0.25], -100, 130)], [[0.3, 0.1], [0.76, 0.07]]],
  ],
  [
    [[[0.62, 0.05], [0.4, 0.3], ...arc([0.5, 0.7], [0.24, 0.24], -160, 190)]],
    [[[0.7, 0.06], [0.45, 0.22], [0.28, 0.5], ...arc([0.5, 0.7], [0.25, 0.22], 180, -170)]],
  ],
  [[[[0.2, 0.1], [0.78, 0.1], [0.42, 0.95]]], [[[0.22, 0.16], [0.5, 0.1], [0.76, 0.12], [0.6, 0.5], [0.5, 0.93]]]],
  [
    [[...arc([0.5, 0.28], [0.2, 0.21], 90, -270), ...arc([0.5, 0.72], [0.25, 0.23], -90, 270)]],
    [[...arc([0.5, 0.27], [0.21, 0.2], -20, -250), ...arc([0.48, 0.72], [0.24, 0.23], -60, 250), [0.68, 0.3]]],
  ],
  [
    [[...arc([0.48, 0.3], [0.23, 0.24], 0, -360), [0.66, 0.95]]],
    [[...arc([0.46, 0.32], [0.22, 0.22], -20, -340), [0.7, 0.3], [0.64, 0.95]]],
  ],
];

/** Numbers from 0 to 1 that follow from a seed: a linear congruential generator. */
export function random(seed) {
  let state = BigInt(seed);
  return () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    return Number(state >> 33n) / 2 ** 31;
  };
}

/** Each digit so many times, at any place of a square of 280, of any size, slanted, with any of three pens and no steady hand. */
export function drawings(times, seed) {
  const draw = random(seed);
  const within = most => most * (2 * draw() - 1);
  return Array.from({ length: 10 * times }, (_, i) => {
    const [digit, way] = [i % 10, Math.trunc(i / 10) % 2];
    const width = [14, 22, 32][Math.trunc(3 * draw())];
    const height = 100 + 110 * draw();
    const across = height * (0.65 + 0.45 * draw());
    const [slant, turn] = [within(0.3), within(0.2)];
    const hand = ([x, y]) => {
      const [dx, dy] = [across * (x - 0.5) - slant * height * (y - 0.5) + within(3), height * (y - 0.5) + within(3)];
      return [dx * Math.cos(turn) - dy * Math.sin(turn), dx * Math.sin(turn) + dy * Math.cos(turn)];
    };
    const strokes = STROKES[digit][way].map(stroke => stroke.map(hand));
    // Anywhere where all of it is on the paper.
    const shift = [0, 1].map(axis => {
      const places = strokes.flat().map(place => place[axis]);
      const [low, high] = [width / 2 - Math.min(...places), 280 - width / 2 - Math.max(...places)];
      return low + (high - low) * draw();
    });
    return { digit, width, strokes: strokes.map(stroke => stroke.map(place => place.map((at, axis) => at + shift[axis]))) };
  });
}
