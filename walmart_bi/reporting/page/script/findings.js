// What can be said about a month: the same cases and slots as `kpis/insights/findings.py`, whose comments give the
// reasons, and the boxes that `personas.py` makes of them. The words are in `phrases.json`. No DOM.

const SPREAD_BELOW = 0.1;
const CITIES_SHOWN = 10;
const UNIQUE_CUSTOMERS = 0.9;
const MONTHS_OF_TWO_YEARS = 24;
const WHOLE_PER_DAY_FROM = 10000;

const finding = (name, slots = {}, unit = 1) => ({ name, slots, unit });
const unitOfAnalysis = (numbers) => unitOf(numbers.now.cents, numbers.before.cents);
const wordsOf = (phrases, dimension) => ({ one: phrases.dimensions[dimension].one, many: phrases.dimensions[dimension].many });
const shownAov = (sums) => (sums.orders ? halfAway(sums.cents, sums.orders) : 0);

function findRevenue(numbers) {
  const { status, month, previous, now, before, split } = numbers;
  const slots = { month, previous, revenue: now.cents, revenue_before: before.cents };
  if (status === 'partial') {
    const { first_date, last_date } = numbers.months.find((each) => each.month === month);
    Object.assign(slots, { first_date, last_date });
  }
  if (!split) return finding(status, slots, unitOfAnalysis(numbers));
  const share = split.change / before.cents;
  Object.assign(slots, { size: Math.abs(split.change), share, size_share: Math.abs(share) });
  return finding(split.change > 0 ? 'up' : split.change < 0 ? 'down' : 'same', slots, unitOfAnalysis(numbers));
}

function findCaptionRevenue(numbers) {
  const found = findRevenue(numbers);
  if (found.name === 'up' || found.name === 'down') {
    const { verdict } = numbers.range;
    const length = findCalendar(numbers);
    if (verdict === 'usual' && length && length.name !== 'same') {
      const isLonger = length.slots.days > length.slots.days_before;
      if (isLonger === (found.name === 'up')) {
        return { ...found, name: `${found.name}_${isLonger ? 'longer' : 'shorter'}_${length.name}`,
          slots: { ...found.slots, per_day_share: length.slots.per_day_share } };
      }
    }
    return verdict === 'too_few' ? found : { ...found, name: `${found.name}_${verdict}` };
  }
  if (found.name === 'same' || found.name === 'nothing_loaded') return found;
  return { ...found, name: numbers.now.orders ? 'alone' : 'no_orders' };
}

function findOrders(numbers) {
  const { now, before } = numbers;
  if (!now.orders) return null;
  const slots = { orders: now.orders, aov: shownAov(now) };
  if (!numbers.split) return finding(now.orders === 1 ? 'one' : 'alone', slots);
  return finding('compared', { ...slots, orders_change: now.orders - before.orders, aov_change: shownAov(now) - shownAov(before) });
}

const findUnexplained = (numbers) => (numbers.split || !numbers.month ? null : finding('always'));

function findCalendar({ split, months, month, previous, now, before }) {
  if (!split) return null;
  const [days, daysBefore] = [month, previous].map((name) => months.find((each) => each.month === name).days);
  if (days === daysBefore) return null;
  const perDay = (now.cents * daysBefore) / (before.cents * days) - 1;
  const shown = rounded(1000 * perDay);
  return finding(shown > 0 ? 'up' : shown < 0 ? 'down' : 'same',
    { month, previous, days, days_before: daysBefore, per_day_share: Math.abs(perDay) });
}

function findSplit(numbers) {
  const { split } = numbers;
  if (!split) return null;
  if (!split.change && !split.orders_effect) return finding('nothing');
  const unit = unitOfAnalysis(numbers);
  const fromOrders = rounded(split.orders_effect, unit);
  const slots = { orders_effect: fromOrders, aov_effect: rounded(split.change, unit) - fromOrders };
  const parts = [['aov', split.aov_effect], ['orders', split.orders_effect]].sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
  const named = parts.filter(([, part]) => part).map(([name, part]) => `${name}_${part > 0 ? 'up' : 'down'}`);
  return finding(named.length === 2 ? named.join('_') : `only_${named[0]}`, slots, unit);
}

function findShare(numbers, dimension, phrases) {
  const parts = numbers.breakdowns[dimension].contributions.filter((each) => each.now)
    .sort((a, b) => b.now - a.now || byCodePoint(a.segment, b.segment));
  if (!parts.length) return null;
  const name = (part) => segmentLabel(phrases, dimension, part.segment);
  const largest = rounded((1000 * parts[0].now) / numbers.now.cents) / 1000;
  const slots = { month: numbers.month, first: name(parts[0]), share: largest };
  if (parts.length === 1) return finding('one', slots);
  if (parts.length === 2) return finding('two', { ...slots, second: name(parts[1]), second_share: 1 - largest });
  const last = parts.at(-1);
  return finding('many', { ...wordsOf(phrases, dimension), ...slots, count: parts.length, last: name(last), last_share: last.now / numbers.now.cents });
}

function findLeader(numbers, dimension, phrases) {
  if (!numbers.split) return null;
  const parts = numbers.breakdowns[dimension].contributions;
  const unit = unitOfAnalysis(numbers);
  const name = (part) => segmentLabel(phrases, dimension, part.segment);
  const slots = { ...wordsOf(phrases, dimension), first: name(parts[0]) };
  if (!parts[0].change) return finding('still', slots, unit);
  if (parts.length === 1) return finding('one', slots, unit);
  const first = rounded(parts[0].change, unit);
  const second = parts.length === 2 ? rounded(numbers.split.change, unit) - first : rounded(parts[1].change, unit);
  return finding(parts.length === 2 ? 'two' : 'many',
    { ...slots, first_change: first, second: name(parts[1]), second_change: second, count: parts.length }, unit);
}

function findCaptionLeader(numbers, dimension, phrases) {
  const found = findLeader(numbers, dimension, phrases);
  if (!found || found.name === 'still' || found.name === 'one') return captionOfShare(numbers, dimension, phrases, 'share');
  const lookedAt = findSegments(numbers, dimension, phrases);
  const isUsual = lookedAt !== null && (lookedAt.name === 'none' || lookedAt.name === 'neither');
  return { ...found, name: isUsual ? 'moved_usual' : 'moved', slots: { ...found.slots, month: numbers.month } };
}

function captionOfShare(numbers, dimension, phrases, name) {
  const found = findShare(numbers, dimension, phrases);
  if (!found) return finding(numbers.month ? 'none' : 'nothing_loaded', { month: numbers.month });
  return finding(found.name === 'one' ? 'only' : name, { ...wordsOf(phrases, dimension), ...found.slots });
}

function findMix(numbers, dimension, phrases) {
  const { mix, contributions } = numbers.breakdowns[dimension];
  if (!mix || contributions.length < 2) return null;
  const fromMix = rounded(mix.mix);
  return finding('moved', { ...wordsOf(phrases, dimension), mix: fromMix, rate: shownAov(numbers.now) - shownAov(numbers.before) - fromMix });
}

function findUsual(numbers) {
  const { status, range, months, month } = numbers;
  if (months.some((each) => each.month === month && !each.is_complete)) return finding('partial');
  if (status === 'nothing_loaded') return null;
  if (range.verdict === 'too_few') return finding('too_few', { least: LEAST_MONTHS, months: range.months });
  const [slots, unit] = limitsOf(range);
  return finding(range.verdict, { ...slots, months: range.months }, unit);
}

function limitsOf(range) {
  const unit = range.upper >= WHOLE_PER_DAY_FROM ? 100 : 1;
  return [{ per_day: rounded(range.value, unit), lower: rounded(range.lower, unit), upper: rounded(range.upper, unit) }, unit];
}

function findSegments(numbers, dimension, phrases) {
  const ranges = [...numbers.breakdowns[dimension].ranges].filter(([, range]) => range.verdict !== 'too_few');
  if (ranges.length < 2) return null;
  const slots = { ...wordsOf(phrases, dimension), count: ranges.length };
  const outside = ranges.filter(([, range]) => range.verdict !== 'usual')
    .map(([name, range]) => ({ name, range, far: Math.abs(range.value - range.mean) / (range.upper - range.mean || 1) }))
    .sort((a, b) => b.far - a.far || byCodePoint(a.name, b.name));
  if (!outside.length) {
    const [first, second] = ranges.map(([name]) => segmentLabel(phrases, dimension, name));
    return ranges.length === 2 ? finding('neither', { ...slots, first, second }) : finding('none', slots);
  }
  const [limits, unit] = limitsOf(outside[0].range);
  return finding(outside.length === 1 ? 'one' : 'several',
    { ...slots, ...limits, name: segmentLabel(phrases, dimension, outside[0].name), outside: outside.length }, unit);
}

function strongest(breakdown) {
  const ranks = ['difference', 'negligible', 'unclear', 'too_few'];
  return [...breakdown.comparisons].sort((a, b) => ranks.indexOf(a.verdict) - ranks.indexOf(b.verdict)
    || Math.abs(b.difference) - Math.abs(a.difference) || byCodePoint(a.segment, b.segment))[0] ?? null;
}

function comparisonSlots(dimension, found, phrases) {
  const [first, second] = [found.segment, found.other].map((segment) => segmentLabel(phrases, dimension, segment));
  const [difference, lower, upper] = [found.difference, found.lower, found.upper].map((value) => rounded(value));
  const [low, high] = [Math.abs(lower), Math.abs(upper)].sort((a, b) => a - b);
  const slots = found.verdict === 'unclear' || found.verdict === 'too_few' ? { difference, lower, upper }
    : { size: Math.abs(difference), lower: low, upper: high, spread: rounded(found.spread) };
  const names = found.difference >= 0 ? { high: first, low: second } : { high: second, low: first };
  return { ...slots, ...names, first, second };
}

function findCompared(numbers, dimension, phrases) {
  const found = strongest(numbers.breakdowns[dimension]);
  if (!found) return null;
  const slots = { ...comparisonSlots(dimension, found, phrases), ...wordsOf(phrases, dimension),
    from: numbers.first_month, to: numbers.last_month, least: LEAST_ORDERS };
  const isOneOfMany = found.other === OTHERS && (found.verdict === 'unclear' || found.verdict === 'too_few');
  return finding(isOneOfMany ? `all_${found.verdict}` : found.verdict, slots);
}

function findCaptionCompare(numbers, dimension, phrases) {
  const found = strongest(numbers.breakdowns[dimension]);
  if (!found) return finding(numbers.breakdowns[dimension].ranges.size ? 'one' : 'none', wordsOf(phrases, dimension));
  return finding(found.verdict, comparisonSlots(dimension, found, phrases));
}

function findCities({ cities }) {
  if (!cities.cities) return null;
  const share = cities.ten_largest_cents / cities.cents;
  const slots = { cities: cities.cities, share };
  if (cities.cities <= CITIES_SHOWN) return finding(cities.cities === 1 ? 'single' : 'few', slots);
  return finding(share < SPREAD_BELOW ? 'spread' : 'concentrated', slots);
}

function findSingleOrders({ cities }) {
  if (!cities.single_order_cities) return null;
  return finding(2 * cities.single_order_cities >= cities.cities ? 'most' : 'some',
    { cities: cities.cities, single: cities.single_order_cities });
}

function findCityOrders({ cities }) {
  const count = cities.cities_of_30_orders;
  if (!cities.cities || count === cities.cities) return null;
  return finding(count > 1 ? 'some' : count ? 'one' : 'none', { least: LEAST_ORDERS, count });
}

function findPartial(numbers) {
  const names = numbers.months.filter((month) => !month.is_complete).map((month) => month.month);
  if (!names.length) return null;
  return finding(['one', 'two'][names.length - 1] ?? 'many', { first: names[0], second: names.at(-1), count: names.length });
}

function findSeason(numbers) {
  const complete = numbers.months.filter((month) => month.is_complete).length;
  return numbers.months.length && complete < MONTHS_OF_TWO_YEARS ? finding('short', { months: complete }) : null;
}

function findCustomers({ customers, orders }) {
  if (!orders) return null;
  return finding(customers >= UNIQUE_CUSTOMERS * orders ? 'unique' : 'known', { customers, orders });
}

const findAlways = (numbers) => (numbers.months.length ? finding('always', { confidence: CONFIDENCE }) : null);

const FINDINGS = {
  caption_revenue: findCaptionRevenue, caption_cities: (numbers) => findCities(numbers) ?? finding('none'),
  revenue: findRevenue, orders: findOrders, unexplained: findUnexplained, calendar: findCalendar, split: findSplit, range: findUsual, cities: findCities,
  single_orders: findSingleOrders, city_orders: findCityOrders, partial: findPartial, season: findSeason,
  customers: findCustomers, association: findAlways, intervals: findAlways, discounts: findAlways, costs: findAlways,
  payments: findAlways, places: findAlways,
  caption_leader: findCaptionLeader, caption_compare: findCaptionCompare, share: findShare, leader: findLeader, mix: findMix,
  caption_share: (numbers, dimension, phrases) => captionOfShare(numbers, dimension, phrases, 'largest'),
  segments: findSegments, compare: findCompared,
};

/** One persona's box: filled sentences by its parts. */
function boxOf(numbers, persona, phrases) {
  const table = Object.hasOwn(phrases.boxes, persona) ? phrases.boxes[persona] : phrases.boxes['*'];
  return Object.fromEntries(Object.entries(table).map(([part, insights]) => [part, insights.map((insight) => {
    const [name, dimension] = insight.split(':');
    const found = FINDINGS[name](numbers, dimension, phrases);
    return found && fill(phrases, `${name}.${found.name}`, found.slots, found.unit);
  }).filter(Boolean)]));
}
