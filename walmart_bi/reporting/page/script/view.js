// The data as one state of the filters shows it: sums, months, splits, and the words that go with them.

/** @param {any} story @param {Record<string, Cube>} cubes @param {State} state @param {(name: string, value: string) => void} toggle */
function viewOf(story, cubes, state, toggle) {
  const places = placesOf(state.filters, story.members);
  const { month: chosen, ...ofSegments } = places;
  const months = story.months.map((month, index) => ({ ...month, key: month.month, index, partial: !month.is_complete }));
  const byMonth = sumsBy(cubes.main, ofSegments, 'month');
  const history = added(byMonth);
  const shown = chosen === undefined ? history : byMonth[chosen];
  const analysis = analysisMonth(months, chosen);
  const before = comparable(months, analysis);
  const isFiltered = Object.keys(state.filters).length > 0;
  const numbers = analyse(story, cubes, state.filters);
  const partial = months.filter((month) => month.partial);
  return {
    cubes, state, places, months, byMonth, history, shown, analysis, before, isFiltered, toggle, members: story.members,
    all: added(sumsBy(cubes.main, {}, 'month')),
    span: chosen === undefined ? story.span : monthName(months[chosen].key),
    totalLabel: `${months.length} months`,
    splits: months.map((month, index) => splitOf(months, byMonth, index)),
    otherCities: 'Other cities',
    noComparison: noComparisonText(months, analysis),
    emptyText: 'No order fits these filters. Reset them, or take one away.',
    splitNote: partial.length ? `No comparison with an incomplete month: ${partial.map(coverage).join('; ')}.` : null,
    leftOutNote: partial.length ? `Left out of the chart: ${partial.map(coverage).join('; ')}.` : null,
    partialNote: partial.length ? `Dotted and hollow: ${partial.map(coverage).join('; ')}.` : null,
    range: numbers.range,
    insightOf: (persona) => textsOf(boxOf(numbers, persona.id, story.phrases)),
  };
}

/** A box's sentences as texts; the headline is one. */
function textsOf(box) {
  const texts = Object.fromEntries(Object.entries(box).map(([part, sentences]) => [part, sentences.map(({ text }) => text)]));
  return { ...texts, headline: texts.headline.join(' ') };
}

/** The chosen month, or the latest complete one. */
const analysisMonth = (months, chosen) => (chosen !== undefined ? months[chosen]
  : [...months].reverse().find((month) => !month.partial) ?? months[months.length - 1]);

/** The month before, where both are complete and neighbours in the calendar. */
function comparable(months, month) {
  const before = months[month.index - 1];
  return before && !before.partial && !month.partial ? before : null;
}

const dayText = (iso) => `${Number(iso.slice(8))} ${monthShort(iso)}`;
const coverage = (month) => `${monthName(month.key)} has orders from ${dayText(month.first_date)} to ${dayText(month.last_date)} only`;

function noComparisonText(months, month) {
  if (month.partial) return `No comparison: ${coverage(month)}.`;
  const before = months[month.index - 1];
  return before ? `No comparison: ${coverage(before)}.` : 'No comparison: there is no month before.';
}

/** How a month's change splits into orders and order value, in cents; null where the two cannot be compared. */
function splitOf(months, byMonth, index) {
  const before = comparable(months, months[index]);
  if (!before || !byMonth[before.index].orders || !byMonth[index].orders) return null;
  return splitChange(byMonth[before.index], byMonth[index]);
}
