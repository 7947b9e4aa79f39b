// Lines over months: one or several series, direct labels at their ends, limits of the usual, partial months hollow.

/**
 * @param {{months: {key: string, partial: boolean}[],
 *   series: {name: string, values: (number|null)[], colour: number}[],
 *   format: (value: number) => string, label: string, chosen: string, limits?: {low: number, mean: number, high: number},
 *   width: number, extra?: number, tipOf: (series: any, index: number) => string, pick: (series: any, index: number) => (() => void)|null,
 *   isPicked: (series: any, index: number) => boolean}} chart
 */
function lineChart(chart) {
  const { months, format, width } = chart;
  const single = chart.series.length === 1;
  // Several lines that all fall to a month's few days would hide how they differ in whole ones.
  const series = single ? chart.series : chart.series.map((each) => (
    { ...each, values: each.values.map((value, index) => (months[index].partial ? null : value)) }));
  const labels = single ? [] : series.map((each) => fitted(each.name, Math.min(130, width * 0.28), 12, 600));
  const gutter = single ? 14 : Math.max(...labels.map((text) => textWidth(text, 12, 600))) + 14;
  const height = (width < 420 ? 220 : 270) + (chart.extra ?? 0);
  const bottom = height - 36;
  const right = width - gutter;
  const values = series.flatMap((each) => each.values.filter((value) => value !== null));
  if (chart.limits) values.push(chart.limits.high, Math.max(0, chart.limits.low));
  const [low, high] = lineDomain(values.length ? values : [0]);
  const steps = ticks(low, high, chart.extra > 60 ? 6 : 4);
  const y = linear(steps[0], steps[steps.length - 1], bottom, 20);
  const edge = axisWidth(steps, format);
  const left = edge + 14;
  const x = (index) => (months.length < 2 ? (left + right) / 2 : left + ((right - left) * index) / (months.length - 1));
  const marks = [];
  const svg = s('svg', { viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': chart.label },
    limitBand(chart, y, [edge, width]), valueGrid(y, steps, width, format), monthAxis(months.map((m) => m.key), x, bottom + 18));
  for (const each of series) {
    svg.append(s('g', { class: `s${each.colour}`, 'aria-hidden': 'true' }, linePaths(each, months, x, y)));
    const shown = months.map((_, index) => index).filter((index) => each.values[index] !== null);
    for (const index of shown) {
      const mark = pointMark(each, months[index], x(index), y(each.values[index]), months[index].key === chart.chosen, single);
      marks.push(interactive(mark, chart.tipOf(each, index), chart.pick(each, index), chart.isPicked(each, index)));
      svg.append(mark);
    }
  }
  svg.append(...endLabels(series, labels, right + 10, y, bottom));
  if (steps[0] > 0) svg.append(s('text', { x: width, y: 10, 'text-anchor': 'end' }, `axis starts at ${format(steps[0])}`));
  return roving(svg, marks);
}

/** The paths of one series: solid between complete months, dotted to and from partial ones, none across a gap. */
function linePaths(series, months, x, y) {
  const paths = { solid: '', dotted: '' };
  for (let index = 1; index < months.length; index += 1) {
    if (series.values[index] === null || series.values[index - 1] === null) continue;
    const kind = months[index].partial || months[index - 1].partial ? 'dotted' : 'solid';
    paths[kind] += `M${x(index - 1)} ${y(series.values[index - 1])}L${x(index)} ${y(series.values[index])}`;
  }
  return [s('path', { class: 'line stroke', d: paths.solid }), s('path', { class: 'line stroke partial', d: paths.dotted })];
}

function pointMark(series, month, cx, cy, isChosen, single) {
  const radius = isChosen ? 5 : single ? 3.5 : 2.75;
  const look = month.partial ? `dot stroke hollow` : `dot stroke fill`;
  return s('g', { class: `mark s${series.colour}` },
    s('circle', { class: 'hit', cx, cy, r: 11 }), s('circle', { class: look, cx, cy, r: radius }),
    s('circle', { class: 'ring', cx, cy, r: radius + 4 }));
}

function endLabels(series, labels, x, y, bottom) {
  const placed = series.map((each, index) => {
    const last = each.values.reduce((found, value, at) => (value === null ? found : at), -1);
    return last < 0 || !labels.length ? null : { y: y(each.values[last]) + 4, text: labels[index], colour: each.colour };
  }).filter(Boolean);
  return spread(placed, 15, 14, bottom + 4)
    .map((label) => s('text', { class: `ink s${label.colour}`, x, y: label.y, 'aria-hidden': 'true' }, label.text));
}

function limitBand(chart, y, [left, right]) {
  if (!chart.limits) return null;
  const { low, mean, high } = chart.limits;
  const floor = Math.max(0, low);
  // The band's name goes where the end of the line is not.
  const values = chart.series[0].values.filter((value) => value !== null).slice(-2);
  const isHigh = values.some((value) => y(value) - y(high) < 26);
  return s('g', { 'aria-hidden': 'true' },
    s('rect', { class: 'limit-band', x: left, width: right - left, y: y(high), height: Math.max(0, y(floor) - y(high)) }),
    s('line', { class: 'limit-line', x1: left, x2: right, y1: y(mean), y2: y(mean) }),
    s('text', { x: right - 6, y: isHigh ? y(floor) - 7 : y(high) + 15, 'text-anchor': 'end' }, 'usual range'));
}
