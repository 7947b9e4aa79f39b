// The three numbers of the analysis month: big with its change and its course, the total small.

function tilesOf(view) {
  const { analysis, before, noComparison } = view;
  const kinds = [
    { name: 'Revenue', of: (sums) => sums.cents / 100, format: (sums) => revenueText(sums.cents), change: moneyChange },
    { name: 'Orders', of: (sums) => sums.orders, format: (sums) => countText(sums.orders), change: countChange },
    { name: 'Average order value', of: orderValue, format: aovText, change: aovChange },
  ];
  return h('div', { class: 'tiles' }, kinds.map((kind) => tileOf(kind, view, analysis, before, noComparison)));
}

function tileOf(kind, view, analysis, before, noComparison) {
  const sums = view.byMonth[analysis.index];
  const values = view.months.map((month, index) => (month.partial || !view.byMonth[index].orders ? null : kind.of(view.byMonth[index])));
  return h('section', { class: 'tile', 'aria-label': `${kind.name}, ${monthLabel(analysis)}` },
    h('h3', {}, `${kind.name} in ${monthLabel(analysis)}`),
    h('p', { class: 'big' }, kind.format(sums)),
    values.filter((value) => value !== null).length > 1 ? sparkline(values, analysis.index) : h('span', {}),
    h('p', { class: 'change' }, before ? changeSentence(kind, sums, view.byMonth[before.index], before) : noComparison),
    h('p', { class: 'total' }, `${view.totalLabel}: `, h('span', { class: 'sum' }, kind.format(view.history))));
}

function changeSentence(kind, now, then, before) {
  const [a, b] = [kind.of(then), kind.of(now)];
  if (a === null || b === null) return `No orders to compare with in ${monthLabel(before)}.`;
  const share = a ? ` (${shareChangeText(b / a - 1)})` : '';
  return `${kind.change(now, then)}${share} against ${monthLabel(before)}`;
}
