// Bars from zero, as rows of text: names stay selectable, wrap with the reader's font size and print well. Beside them,
// where the data has it, the order value with its 95% interval on one scale.

/**
 * @param {{rows: {name: string, value: number, text: string, share: number|null, isOther: boolean, isPicked: boolean,
 *   aov: {mean: number, low: number, high: number}|null, pick: (() => void)|null, tip: string}[],
 *   heads: string[], label: string, isRanked: boolean}} chart
 */
function barChart(chart) {
  // The rest of the cities is no bar to compare with: beside it, all others would be hairlines.
  const largest = Math.max(...chart.rows.filter((row) => !row.isOther).map((row) => row.value), 0) || 1;
  const known = chart.rows.filter((row) => row.aov).map((row) => row.aov);
  const low = Math.min(...known.map((aov) => aov.low));
  const high = Math.max(...known.map((aov) => aov.high));
  const place = linear(low, high, 4, 96);
  const heads = chart.heads.slice(0, known.length ? 5 : 4);
  return h('div', { class: `bars${known.length ? ' with-aov' : ''}${chart.isRanked ? '' : ' plain-order'}`, role: 'group',
    'aria-label': chart.label },
  h('div', { class: 'bar-head', 'aria-hidden': 'true' }, heads.map((text) => h('span', {}, text))),
  chart.rows.map((row) => barRow(row, chart, largest, known.length ? place : null)));
}

function barRow(row, chart, largest, place) {
  const cells = [
    h('span', { class: 'label' }, h('bdi', {}, row.name)),
    h('span', { class: 'track' }, !row.isOther && h('span', { class: 'length', style: { width: `${(100 * row.value) / largest}%` } })),
    h('span', { class: 'value' }, row.text),
    h('span', { class: 'share' }, row.share === null ? '' : shareText(row.share)),
    place && intervalDot(row.aov, place),
  ];
  const look = `bar-row${row.isOther ? ' is-other' : ''}${row === chart.rows[0] ? ' is-first' : ''}`;
  const node = row.pick
    ? h('button', { type: 'button', class: look, 'aria-pressed': String(row.isPicked), onclick: row.pick,
      'aria-label': row.tip.replaceAll('\n', ', ') }, cells)
    : h('div', { class: look }, cells);
  node.addEventListener('pointerenter', () => showTip(node, row.tip));
  node.addEventListener('pointerleave', hideTip);
  node.addEventListener('focus', () => showTip(node, row.tip));
  node.addEventListener('blur', hideTip);
  return node;
}

function intervalDot(aov, place) {
  const svg = s('svg', { 'aria-hidden': 'true', class: 's1' });
  if (!aov) return svg;
  svg.append(
    s('line', { class: 'grid-line', x1: '0%', x2: '100%', y1: '50%', y2: '50%' }),
    s('line', { class: 'interval', x1: `${place(aov.low)}%`, x2: `${place(aov.high)}%`, y1: '50%', y2: '50%' }),
    s('circle', { class: 'fill', cx: `${place(aov.mean)}%`, cy: '50%', r: 4 }));
  return svg;
}

/** A line without axes for a tile; partial months are left out, the chosen one carries the dot. */
function sparkline(values, chosen) {
  const width = 110;
  const height = 30;
  const known = values.filter((value) => value !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const x = linear(0, Math.max(1, values.length - 1), 3, width - 5);
  const y = linear(low, high === low ? low + 1 : high, height - 4, 4);
  let path = '';
  values.forEach((value, index) => {
    if (value !== null) path += `${path && values[index - 1] !== null ? 'L' : 'M'}${x(index)} ${y(value)}`;
  });
  const svg = s('svg', { viewBox: `0 0 ${width} ${height}`, width, height, class: 's1', 'aria-hidden': 'true' },
    s('path', { class: 'line stroke', d: path, 'stroke-width': 1.5 }));
  if (values[chosen] !== null && values[chosen] !== undefined) {
    svg.append(s('circle', { class: 'fill', cx: x(chosen), cy: y(values[chosen]), r: 3.5 }));
  }
  return svg;
}
