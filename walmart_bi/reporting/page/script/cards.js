// One card a KPI: its data under the reader's filters, its chart by its header, and the table behind it.

/** @typedef {{key: string, name: string, sums: Sums}} Row */

const orderValue = (sums) => (sums.orders ? sums.cents / sums.orders / 100 : null);
const MEASURE = {
  revenue: (sums) => sums.cents / 100, total_revenue: (sums) => sums.cents / 100,
  orders: (sums) => sums.orders, aov: orderValue,
};

/** The card's element. @param {any} card @param {any} view the current view of the data (view.js) @param {number} width */
function cardOf(card, view, width) {
  const content = contentOf(card, view, width);
  return h('article', { class: 'card', 'data-kpi': card.name },
    h('p', { class: 'eyebrow' }, card.live && !card.grain.includes('month') ? `${card.title} · ${view.span}` : card.title),
    h('h3', {}, card.question),
    card.live ? null : h('p', { class: 'note unfiltered' }, view.isFiltered ? 'All data: the filters do not apply here.' : 'All data.'),
    content.note && h('p', { class: 'note' }, content.note),
    h('div', { class: 'figure' }, content.figure),
    content.table && dataTable(content.table),
    h('p', { class: 'look' }, card.caption));
}

function contentOf(card, view, width) {
  if (!card.live) return publishedContent(card, view, width);
  if (!view.shown.orders && !card.grain.includes('month')) return { figure: nothing(view) };
  if (!view.history.orders) return { figure: nothing(view) };
  if (card.chart === 'effects') return effectsContent(card, view, width);
  if (!card.grain.length) return totalContent(card, view);
  if (card.grain.includes('month')) return linesContent(card, view, width);
  return segmentsContent(card, view);
}

const nothing = (view) => h('p', { class: 'empty' }, view.emptyText);

/** The sums of each value of the card's dimension, the remainder of the cities as one more row. @returns {Row[]} */
function segmentRows(card, view) {
  const dimension = card.dimension;
  const cube = dimension === 'city' ? view.cubes.city : dimension === 'age_group' ? view.cubes.age : view.cubes.main;
  const groups = sumsBy(cube, view.places, dimension);
  const rows = view.members[dimension].map((name, index) => ({ key: name, name, sums: groups[index], isOther: false }));
  const shown = card.order ? card.order.map((index) => rows[index])
    : rows.sort((a, b) => b.sums.cents - a.sums.cents || (a.name < b.name ? -1 : 1));
  if (dimension === 'city') {
    const named = added(groups);
    shown.push({ key: '', name: view.otherCities, isOther: true,
      sums: { orders: view.shown.orders - named.orders, cents: view.shown.cents - named.cents, squares: 0n } });
  }
  return shown.filter((row) => row.sums.orders || view.members[dimension].length <= 10);
}

function segmentsContent(card, view) {
  const rows = segmentRows(card, view);
  const measure = card.y[0];
  const hasIntervals = card.dimension !== 'city' && card.dimension !== 'age_group';
  const [valueOf, textOf] = [MEASURE[measure] ?? MEASURE.revenue, MEASURE_TEXT[measure] ?? MEASURE_TEXT.revenue];
  // One step for the whole column, or its digits would not stand below each other.
  const isWhole = textOf === MEASURE_TEXT.revenue && rows.some((row) => row.sums.cents >= WHOLE_DOLLARS_FROM);
  const filterName = FILTERS.some(({ name }) => name === card.dimension) ? card.dimension : null;
  const bars = rows.map((row) => ({
    name: row.name, value: valueOf(row.sums) ?? 0, text: isWhole ? positiveMoney(row.sums.cents, true) : textOf(row.sums), isOther: row.isOther,
    share: measure === 'aov' ? null : valueOf(row.sums) / (valueOf(view.shown) || 1),
    isPicked: filterName !== null && view.state.filters[filterName] === row.key,
    aov: hasIntervals ? intervalOf(row.sums) : null,
    pick: filterName && row.key ? () => view.toggle(filterName, row.key) : null,
    tip: tipOfSums(row.name, row.sums, view.shown, hasIntervals),
  }));
  const heads = [card.columns[card.grain[0]].label, card.columns[measure].label, '', 'Share', 'Order value, 95% interval'];
  return { note: card.note,
    figure: barChart({ rows: bars, heads, label: `${card.title}, ${view.span}`, isRanked: !card.order }),
    table: { caption: `${card.title}, ${view.span}`, heads: [card.columns[card.grain[0]].label, 'Revenue', 'Orders', 'AOV', 'Share'],
      rows: rows.map((row) => [row.name, ...sumCells(row.sums), shareText(row.sums.cents / (view.shown.cents || 1))]),
      total: ['Total', ...sumCells(view.shown), view.shown.cents ? shareText(1) : '–'] } };
}

function tipOfSums(name, sums, whole, hasInterval) {
  const interval = hasInterval ? intervalOf(sums) : null;
  return [name, `Revenue ${revenueText(sums.cents)} (${shareText(sums.cents / (whole.cents || 1))})`,
    `Orders ${countText(sums.orders)}`, `AOV ${aovText(sums)}`,
    interval && `95% interval ${dollarsText(interval.low)} to ${dollarsText(interval.high)}`].filter(Boolean).join('\n');
}

const sumCells = (sums) => [revenueText(sums.cents), countText(sums.orders), aovText(sums)];

function linesContent(card, view, width) {
  const places = { ...view.places };
  delete places.month;
  const names = card.dimension ? view.members[card.dimension] : ['All orders'];
  const cube = card.dimension === 'city' ? view.cubes.city : card.dimension === 'age_group' ? view.cubes.age : view.cubes.main;
  const all = card.dimension ? sumsByTwo(cube, places, card.dimension, 'month') : [sumsBy(cube, places, 'month')];
  const measure = card.y[0];
  const valueOf = MEASURE[measure];
  const series = names.map((name, index) => ({ name, colour: (index % 9) + 1, sums: all[index],
    values: all[index].map((sums) => (sums.orders ? valueOf(sums) : measure === 'aov' ? null : 0)) }))
    .filter((each) => each.sums.some((sums) => sums.orders));
  const filterName = FILTERS.some(({ name }) => name === card.dimension) ? card.dimension : null;
  const figure = lineChart({ months: view.months, series, format: AXIS_FORMAT[measure], width, chosen: view.analysis.key, label: card.title,
    tipOf: (each, index) => [series.length > 1 ? each.name : null, monthLabel(view.months[index]),
      `${card.columns[measure].label} ${MEASURE_TEXT[measure](each.sums[index])}`, `Orders ${countText(each.sums[index].orders)}`].filter(Boolean).join('\n'),
    pick: (each, index) => (filterName ? () => view.toggle(filterName, each.name) : () => view.toggle('month', view.months[index].key)),
    isPicked: (each, index) => (filterName ? view.state.filters[filterName] === each.name
      : view.state.filters.month === view.months[index].key) });
  const heads = ['Month', ...(card.dimension ? [card.columns[card.series].label] : []), 'Revenue', 'Orders', 'AOV'];
  const rows = view.months.flatMap((month, index) => series.map((each) => [monthLabel(month),
    ...(card.dimension ? [each.name] : []), ...sumCells(each.sums[index])]));
  return { note: series.length > 1 ? view.leftOutNote : view.partialNote, figure,
    table: { caption: card.title, heads, rows, total: ['Total', ...(card.dimension ? [''] : []), ...sumCells(view.history)] } };
}

function effectsContent(card, view, width) {
  const splits = view.splits;
  const parts = [
    { name: width < 420 ? 'From orders' : 'From the number of orders', colour: 1, values: splits.map((split) => split && split.orders_effect / 100) },
    { name: width < 420 ? 'From order value' : 'From the order value', colour: 2, values: splits.map((split) => split && split.aov_effect / 100) },
  ];
  const figure = effectsChart({ months: view.months, parts, width, format: moneyText, label: card.title, chosen: view.analysis.key,
    tipOf: (index) => [`${monthLabel(view.months[index])} against ${monthName(view.months[index - 1].key)}`,
      `Change ${changeText(splits[index].change)}`, `From orders ${changeText(splits[index].orders_effect)}`,
      `From order value ${changeText(splits[index].aov_effect)}`].join('\n'),
    pick: (index) => () => view.toggle('month', view.months[index].key) });
  const rows = view.months.map((month, index) => [monthLabel(month), ...sumCells(view.byMonth[index]),
    ...(splits[index] ? [splits[index].change, splits[index].orders_effect, splits[index].aov_effect].map(changeText) : ['–', '–', '–'])]);
  return { note: view.splitNote, figure,
    table: { caption: card.title, heads: ['Month', 'Revenue', 'Orders', 'AOV', 'Change', 'From orders', 'From order value'], rows,
      total: ['Total', ...sumCells(view.history), '', '', ''] } };
}

function totalContent(card, view) {
  const cells = card.y.map((name) => [card.columns[name].label, MEASURE_TEXT[name](view.shown)]);
  return { figure: h('dl', { class: 'single' }, cells.map(([label, value]) => h('div', {}, h('dt', {}, label), h('dd', {}, value)))),
    table: { caption: card.title, heads: ['Measure', 'Value'], rows: cells, total: null } };
}

/** How much of the revenue the largest cities hold together; of all data, as the cities are no dimension to filter by. */
function concentrationCard(story, view, width) {
  const { cities } = story.insights;
  if (cities.cities < 3) return null;
  const points = cities.curve.map(([part, share]) => [part * cities.cities, share]);
  const texts = points.map(([count, share]) => [countText(Math.round(count)), shareText(share)]);
  const half = points.find(([, share]) => share >= 0.5);
  return h('article', { class: 'card', 'data-kpi': 'concentration' }, h('p', { class: 'eyebrow' }, 'Concentration'),
    h('h3', {}, `The largest ${shareText(half[0] / cities.cities)} of ${countText(cities.cities)} cities bring ${shareText(half[1])} of revenue`),
    h('p', { class: 'note unfiltered' }, view.isFiltered ? 'All data: the filters do not apply here.' : 'All data.'),
    h('div', { class: 'figure' }, curveChart({ points, width, label: 'Share of revenue of the largest cities',
      tipOf: (point) => `The ${countText(Math.round(point[0]))} largest cities\nShare of revenue ${shareText(point[1])}` })),
    dataTable({ caption: 'Share of revenue of the largest cities', heads: ['Largest cities', 'Share of revenue'], rows: texts, total: null }),
    h('p', { class: 'look' }, 'The further the line bends away from the dotted one, the more a few cities matter.'));
}

/** Whether the month is unusual, as a picture: revenue a day of each complete month in its usual range. */
function signalCard(view, width, extra = 0) {
  const values = view.months.map((month, index) => (month.partial ? null : view.byMonth[index].cents / month.days / 100));
  if (!view.history.orders || values.every((value) => value === null)) return null;
  const { verdict, mean, lower, upper } = view.range;
  const limits = verdict === 'too_few' ? null : { low: lower / 100, mean: mean / 100, high: upper / 100 };
  const figure = lineChart({ months: view.months, series: [{ name: 'Revenue a day', colour: 1, values }], format: moneyText, width, extra,
    chosen: view.analysis.key, limits, label: 'Revenue a day',
    tipOf: (each, index) => [monthLabel(view.months[index]), `Revenue a day ${dollarsText(values[index])}`,
      limits && `Usual range ${dollarsText(limits.low)} to ${dollarsText(limits.high)}`].filter(Boolean).join('\n'),
    pick: (each, index) => () => view.toggle('month', view.months[index].key),
    isPicked: (each, index) => view.state.filters.month === view.months[index].key });
  return h('article', { class: 'card', 'data-kpi': 'revenue_a_day' }, h('p', { class: 'eyebrow' }, 'Revenue a day'),
    h('h3', {}, { usual: `${monthLabel(view.analysis)} is within the usual range`, above: `${monthLabel(view.analysis)} is above the usual range`,
      below: `${monthLabel(view.analysis)} is below the usual range`, too_few: 'How revenue a day runs' }[verdict]),
    h('div', { class: 'figure' }, figure),
    dataTable({ caption: 'Revenue a day', heads: ['Month', 'Revenue', 'Days', 'Revenue a day'], total: null,
      rows: view.months.map((month, index) => [monthLabel(month), revenueText(view.byMonth[index].cents), countText(month.days),
        values[index] === null ? '–' : dollarsText(values[index])]) }),
    h('p', { class: 'look' }, 'A day makes months of different lengths alike. Incomplete months are left out; a month outside the band is worth a question.'));
}

/** A view as published, for what the cubes cannot recompute. */
function publishedContent(card, view, width) {
  const unitOf = (name) => card.columns[name].unit;
  const at = Object.fromEntries(Object.keys(card.columns).map((name, index) => [name, index]));
  const table = { caption: card.title, heads: Object.values(card.columns).map((column) => column.label),
    rows: card.rows.map((row) => row.map((value, index) => unitText(value, Object.values(card.columns)[index].unit))), total: null };
  if (!card.rows.length) return { figure: h('p', { class: 'empty' }, card.emptyText), note: card.note };
  if (card.chart === 'scatter') {
    const figure = scatterChart({ width, label: card.title, mean: card.y[0] === 'aov' ? orderValue(view.all) : null,
      points: card.rows.map((row) => ({ name: row[at[card.grain[0]]], x: Number(row[at[card.x]]), y: Number(row[at[card.y[0]]]) })),
      xFormat: (value) => unitText(value, unitOf(card.x)), yFormat: (value) => unitText(value, unitOf(card.y[0])),
      xLabel: card.columns[card.x].label, yLabel: card.columns[card.y[0]].label,
      tipOf: (point) => `${point.name}\n${card.columns[card.x].label} ${unitText(point.x, unitOf(card.x))}\n${card.columns[card.y[0]].label} ${unitText(point.y, unitOf(card.y[0]))}` });
    return { figure, table, note: card.note };
  }
  if ((card.chart === 'bar' || card.chart === 'line' || card.chart === 'effects') && card.grain.length) {
    return { figure: publishedBars(card, at), table, note: card.note };
  }
  if (!card.grain.length) {
    const figure = h('dl', { class: 'single' }, Object.entries(card.columns).map(([name, column]) => h('div', {},
      h('dt', {}, column.label), h('dd', {}, unitText(card.rows[0][at[name]], column.unit)))));
    return { figure, table, note: card.note };
  }
  return { figure: h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': card.title }, tableOf(table)), table: null, note: card.note };
}

function publishedBars(card, at) {
  const measure = card.y[0];
  const name = (row) => card.grain.map((column) => unitText(row[at[column]], card.columns[column].unit)).join(', ');
  const rows = card.rows.slice(0, 30).map((row) => ({ name: name(row), value: Math.max(0, Number(row[at[measure]])), share: null,
    text: unitText(row[at[measure]], card.columns[measure].unit),
    isOther: false, isPicked: false, aov: null, pick: null,
    tip: `${name(row)}\n${card.columns[measure].label} ${unitText(row[at[measure]], card.columns[measure].unit)}` }));
  return barChart({ rows, isRanked: false, label: card.title,
    heads: [card.columns[card.grain[0]].label, card.columns[measure].label, '', ''] });
}

function dataTable(table) {
  return h('details', {}, h('summary', {}, 'Data table', h('span', { class: 'visually-hidden' }, `: ${table.caption}`)),
    h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `Data: ${table.caption}` }, tableOf(table)));
}

function tableOf(table) {
  const isText = table.heads.map((_, index) => table.rows.length > 0 && table.rows.every((row) => !/^[−+<$\d]/.test(String(row[index]))
    || /^\d{1,2}[-–]/.test(String(row[index]))));
  const look = (index) => (index === 0 || isText[index] ? { class: 'text' } : {});
  return h('table', {}, h('caption', { class: 'visually-hidden' }, table.caption),
    h('thead', {}, h('tr', {}, table.heads.map((text, index) => h('th', { scope: 'col', ...look(index) }, text)))),
    h('tbody', {}, table.rows.map((row) => h('tr', {}, row.map((cell, index) => h('td', look(index), h('bdi', {}, cell)))))),
    table.total && h('tfoot', {}, h('tr', {}, table.total.map((cell, index) => h(index ? 'td' : 'th', { ...look(index), ...(index ? {} : { scope: 'row' }) }, cell)))));
}
