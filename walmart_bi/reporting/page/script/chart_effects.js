// Bars from zero, side by side, that add up to a change: one group a month.

/**
 * @param {{months: {key: string, partial: boolean}[], parts: {name: string, colour: number, values: (number|null)[]}[],
 *   format: (value: number) => string, label: string, chosen: string, width: number,
 *   tipOf: (index: number) => string, pick: (index: number) => (() => void)|null}} chart
 */
function effectsChart(chart) {
  const { months, parts, width, format } = chart;
  const height = width < 420 ? 240 : 290;
  const bottom = height - 36;
  const values = parts.flatMap((part) => part.values.filter((value) => value !== null));
  const steps = ticks(Math.min(0, ...values), Math.max(0, ...values), 5);
  const y = linear(steps[0], steps[steps.length - 1], bottom, 34);
  const left = axisWidth(steps, format);
  const band = (width - left) / months.length;
  const x = (index) => left + band * (index + 0.5);
  const size = Math.min(16, band * 0.36);
  const marks = [];
  const svg = s('svg', { viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': chart.label },
    valueGrid(y, steps, width, format), monthAxis(months.map((month) => month.key), x, bottom + 18));
  months.forEach((month, index) => {
    if (parts[0].values[index] === null) return;
    const isChosen = month.key === chart.chosen;
    const mark = s('g', { class: `mark${isChosen ? '' : ' faded'}` },
      s('rect', { class: 'hit', x: x(index) - band / 2, y: 20, width: band, height: bottom - 20 }),
      parts.map((part, place) => {
        const value = part.values[index];
        const top = Math.min(y(0), y(value));
        const fill = month.partial ? 'bar-hollow' : 'fill';
        return s('rect', { class: `s${part.colour} ${fill}`, x: x(index) + (place - 1) * (size + 1) + 1, width: size,
          y: top, height: Math.max(0.75, Math.abs(y(value) - y(0))), opacity: isChosen || month.partial ? 1 : 0.42 });
      }),
      s('rect', { class: 'ring', x: x(index) - band / 2 + 1, y: 22, width: band - 2, height: bottom - 20, rx: 4 }));
    marks.push(interactive(mark, chart.tipOf(index), chart.pick(index), isChosen));
    svg.append(mark);
  });
  let at = 0;
  for (const part of parts) {
    svg.append(s('rect', { class: `s${part.colour} fill`, x: at, y: 1, width: 10, height: 10, 'aria-hidden': 'true' }),
      s('text', { class: `ink s${part.colour}`, x: at + 15, y: 10, 'aria-hidden': 'true' }, part.name));
    at += textWidth(part.name, 12, 600) + 36;
  }
  return roving(svg, marks, marks.findIndex((mark) => mark.getAttribute('aria-pressed') === 'true'));
}
