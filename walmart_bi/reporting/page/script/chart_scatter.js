// Two measures against each other, and a curve of shares. Both show published values; nothing is recomputed here.

/** @param {{points: {name: string, x: number, y: number}[], xFormat: Function, yFormat: Function, xLabel: string,
 *   yLabel: string, label: string, width: number, mean: number|null, tipOf: (point: any) => string}} chart */
function scatterChart(chart) {
  const { points, width } = chart;
  const height = width < 420 ? 240 : 290;
  const bottom = height - 40;
  const span = (values) => { const [low, high] = lineDomain(values); return ticks(low, high); };
  const across = span(points.map((point) => point.x));
  const up = span([...points.map((point) => point.y), ...(chart.mean === null ? [] : [chart.mean])]);
  const left = axisWidth(up, chart.yFormat);
  const x = linear(across[0], across[across.length - 1], left + 14, width - 12);
  const y = linear(up[0], up[up.length - 1], bottom, 30);
  const marks = [];
  const svg = s('svg', { viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': chart.label },
    valueGrid(y, up, width, chart.yFormat), s('text', { x: 0, y: 10 }, chart.yLabel),
    across.map((value) => s('text', { x: x(value), y: bottom + 18, 'text-anchor': 'middle', 'aria-hidden': 'true' }, chart.xFormat(value))),
    s('text', { x: width, y: bottom + 34, 'text-anchor': 'end' }, `${chart.xLabel} →`));
  if (chart.mean !== null) {
    svg.append(s('line', { class: 'limit-line', x1: left, x2: width, y1: y(chart.mean), y2: y(chart.mean) }),
      s('text', { x: width, y: y(chart.mean) - 5, 'text-anchor': 'end' }, 'all orders'));
  }
  for (const point of points) {
    const mark = s('g', { class: 'mark s1' }, s('circle', { class: 'hit', cx: x(point.x), cy: y(point.y), r: 9 }),
      s('circle', { class: 'fill', cx: x(point.x), cy: y(point.y), r: 4, opacity: 0.65 }),
      s('circle', { class: 'ring', cx: x(point.x), cy: y(point.y), r: 8 }));
    marks.push(interactive(mark, chart.tipOf(point), null));
    svg.append(mark);
  }
  return roving(svg, marks, 0);
}

/** The share of revenue that the largest cities hold together. @param {{points: [number, number][], label: string,
 *   width: number, xFormat: Function, tipOf: (point: [number, number]) => string}} chart */
function curveChart(chart) {
  const { points, width } = chart;
  const height = width < 420 ? 220 : 250;
  const bottom = height - 40;
  const last = points[points.length - 1][0];
  const x = linear(0, last, 46, width - 12);
  const y = linear(0, 1, bottom, 22);
  const path = points.map(([count, share], index) => `${index ? 'L' : 'M'}${x(count)} ${y(share)}`).join('');
  const marks = [];
  const svg = s('svg', { viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': chart.label },
    valueGrid(y, [0, 0.5, 1], width, (value) => `${value * 100}%`),
    s('line', { class: 'limit-line', x1: x(0), y1: y(0), x2: x(last), y2: y(1) }),
    s('text', { x: x(last * 0.62), y: y(0.5) + 18 }, 'all cities equal'),
    s('g', { class: 's1' }, s('path', { class: 'line stroke', d: path })),
    s('text', { x: width, y: bottom + 30, 'text-anchor': 'end' }, 'cities, largest first →'));
  for (const point of points) {
    const mark = s('g', { class: 'mark s1' }, s('circle', { class: 'hit', cx: x(point[0]), cy: y(point[1]), r: 9 }),
      s('circle', { class: 'fill', cx: x(point[0]), cy: y(point[1]), r: 2.5 }),
      s('circle', { class: 'ring', cx: x(point[0]), cy: y(point[1]), r: 7 }));
    marks.push(interactive(mark, chart.tipOf(point), null));
    svg.append(mark);
  }
  return roving(svg, marks, 0);
}
