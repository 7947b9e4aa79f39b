// Axes: round steps, positions, month ticks. No drawing of data.

/** Round steps that cover low..high, about `count` of them. */
function ticks(low, high, count = 4) {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const found = [];
  for (let at = Math.floor(low / step); at <= Math.ceil(high / step); at += 1) found.push(at * step);
  return found;
}

const linear = (from, to, start, end) => (value) => start + ((value - from) / (to - from || 1)) * (end - start);

/** The domain of a line: from zero, unless its values lie so close together that zero would hide their course. */
function lineDomain(values) {
  const high = Math.max(...values, 0);
  const low = Math.min(...values);
  return low > 0.6 * high ? [low - (high - low) * 0.1, high] : [Math.min(0, low), high];
}

/** The room that the labels of a value axis need at the left: inside the chart they would lie under its first marks. */
const axisWidth = (steps, format) => Math.ceil(Math.max(...steps.map((value) => textWidth(format(value))))) + 10;

/** Horizontal grid from the end of its labels, which are right-aligned so that digits stand under digits. */
function valueGrid(at, steps, width, format) {
  const left = axisWidth(steps, format);
  return steps.map((value) => s('g', { 'aria-hidden': 'true' },
    s('line', { class: value === 0 ? 'zero-line' : 'grid-line', x1: left, x2: width, y1: at(value), y2: at(value) }),
    s('text', { x: left - 10, y: at(value) + 4, 'text-anchor': 'end' }, format(value))));
}

/** Month labels below: as many as fit, the year with the first and with each January. */
function monthAxis(months, x, y) {
  const gap = months.length > 1 ? x(1) - x(0) : 60;
  const every = [1, 2, 3, 6, 12].find((each) => each * gap >= 34) || 12;
  return months.map((month, index) => {
    const isJanuary = month.endsWith('-01');
    if (index % every && index !== 0) return null;
    return s('text', { x: x(index), y, 'text-anchor': 'middle', 'aria-hidden': 'true' },
      monthShort(month), (index === 0 || isJanuary || Number(month.slice(5)) <= every)
        && s('tspan', { x: x(index), dy: 14 }, month.slice(0, 4)));
  });
}

/** Move labels apart so that none overlaps; keeps their order. */
function spread(labels, least, top, bottom) {
  const sorted = [...labels].sort((a, b) => a.y - b.y);
  sorted.forEach((label, i) => { label.y = Math.max(label.y, i ? sorted[i - 1].y + least : top); });
  const over = sorted.length ? sorted[sorted.length - 1].y - bottom : 0;
  if (over > 0) {
    sorted[sorted.length - 1].y -= over;
    for (let i = sorted.length - 2; i >= 0; i -= 1) sorted[i].y = Math.min(sorted[i].y, sorted[i + 1].y - least);
  }
  return labels;
}
