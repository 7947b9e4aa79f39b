// The numbers for one selection: the same as `kpis/insights/analysis.py`, made from the page's cubes. No words, no DOM.

const OTHERS = '';
const DIMENSIONS = ['category', 'payment_method', 'discount_applied', 'repeat_customer', 'city_group', 'age_group'];
// The largest cities have larger orders by the choice alone (model.py), so they are not compared by them.
const CHOSEN_BY_REVENUE = ['city_group'];
const SEGMENT_NAMES = { Yes: 'true', No: 'false', Repeat: 'true', New: 'false' };
const FLAGS = ['discount_applied', 'repeat_customer'];

const plus = (a, b) => ({ orders: a.orders + b.orders, cents: a.cents + b.cents, squares: a.squares + b.squares });
const segmentName = (dimension, value) => (FLAGS.includes(dimension) ? SEGMENT_NAMES[value] : value);

/** Order of texts by code points, as Python sorts. */
function byCodePoint(a, b) {
  const [left, right] = [[...a], [...b]];
  for (let index = 0; index < Math.min(left.length, right.length); index += 1) {
    if (left[index] !== right[index]) return left[index].codePointAt(0) - right[index].codePointAt(0);
  }
  return left.length - right.length;
}

/** The month before, as YYYY-MM. */
function previousMonth(month) {
  const [year, number] = month.split('-').map(Number);
  return number === 1 ? `${year - 1}-12` : `${year}-${String(number - 1).padStart(2, '0')}`;
}

/** @param {any} story @param {Record<string, Cube>} cubes @param {Record<string, string>} filters values by dimension */
function analyse(story, cubes, filters) {
  const covered = story.months;
  const { month: chosen, ...kept } = filters;
  const places = placesOf(kept, story.members);
  const month = chosen ?? latestComplete(covered);
  const previous = previousMonth(month);
  const totals = byMonthOf(story, sumsBy(cubes.main, places, 'month'));
  const [now, before] = [totals[month] ?? NO_SUMS(), totals[previous] ?? NO_SUMS()];
  const status = statusOf(covered, month, previous, now, before);
  const segments = Object.fromEntries(DIMENSIONS.map((name) => [name, segmentsOf(story, cubes, places, name)]));
  const possible = DIMENSIONS.reduce((count, name) => count + possibleIn(pairsOf(name, segments[name].total)), 0);
  const confidence = 1 - (1 - CONFIDENCE) / Math.max(1, possible);
  return {
    status, month, previous, now, confidence, months: covered, cities: story.insights.cities,
    customers: story.insights.customers, orders: story.insights.orders,
    first_month: covered[0].month, last_month: covered[covered.length - 1].month,
    before: status === 'compared' || status === 'gone' ? before : NO_SUMS(),
    split: status === 'compared' ? splitChange(before, now) : null,
    range: usualRange(perDayOf(covered, totals), month, LIMIT),
    breakdowns: Object.fromEntries(DIMENSIONS.map((name) => [name,
      breakdownOf(name, segments[name], covered, month, previous, status, confidence)])),
  };
}

function latestComplete(covered) {
  const complete = covered.filter((month) => month.is_complete);
  return (complete.length ? complete : covered).at(-1).month;
}

function statusOf(covered, month, previous, now, before) {
  const complete = Object.fromEntries(covered.map((each) => [each.month, each.is_complete]));
  const isComparable = Boolean(complete[month] && complete[previous]);
  if (!now.orders) return isComparable && before.orders ? 'gone' : 'no_orders';
  if (!complete[month]) return 'partial';
  if (!(previous in complete)) return 'no_previous';
  if (!isComparable) return 'previous_partial';
  return before.orders ? 'compared' : 'new';
}

/** Sums by month name, without the months that have no orders. */
const byMonthOf = (story, groups) => Object.fromEntries(groups
  .map((sums, index) => [story.members.month[index], sums]).filter(([, sums]) => sums.orders));

/** Of each segment with orders: its sums by month, and over all months with their squares. */
function segmentsOf(story, cubes, places, name) {
  const cube = name === 'age_group' ? cubes.age : cubes.main;
  const totals = sumsBy(name === 'age_group' ? cubes.age_total : cubes.main, places, name);
  const months = sumsByTwo(cube, places, name, 'month');
  const named = story.members[name].map((value, index) => ({ name: segmentName(name, value), index }))
    .filter(({ index }) => totals[index].orders).sort((a, b) => byCodePoint(a.name, b.name));
  return {
    total: new Map(named.map(({ name: segment, index }) => [segment, totals[index]])),
    months: new Map(named.map(({ name: segment, index }) => [segment, byMonthOf(story, months[index])])),
  };
}

const perDayOf = (covered, totals) => Object.fromEntries(covered.filter((month) => month.is_complete)
  .map((month) => [month.month, (totals[month.month] ?? NO_SUMS()).cents / month.days]));

function breakdownOf(dimension, segments, covered, month, previous, status, confidence) {
  const inMonth = (wanted) => new Map([...segments.months].filter(([, months]) => months[wanted])
    .map(([name, months]) => [name, months[wanted]]));
  const now = inMonth(month);
  const before = status === 'compared' || status === 'gone' ? inMonth(previous) : new Map();
  const names = [...new Set([...now.keys(), ...before.keys()])];
  const contributions = names.map((segment) => {
    const [then, recent] = [(before.get(segment) ?? NO_SUMS()).cents, (now.get(segment) ?? NO_SUMS()).cents];
    return { segment, before: then, now: recent, change: recent - then };
  }).sort((a, b) => Math.abs(b.change) - Math.abs(a.change) || b.now - a.now || byCodePoint(a.segment, b.segment));
  return {
    contributions,
    mix: status === 'compared' ? mixAndRate(before, now) : null,
    ranges: new Map([...segments.months].map(([name, months]) => [name, usualRange(perDayOf(covered, months), month, SEGMENT_LIMIT)])),
    comparisons: pairsOf(dimension, segments.total).map(([name, other, first, second]) => compare([name, other], first, second, confidence)),
  };
}

/** What is compared: two segments with each other, more of them each with all the others. */
function pairsOf(dimension, totals) {
  const names = [...totals.keys()];
  if (names.length < 2 || CHOSEN_BY_REVENUE.includes(dimension)) return [];
  if (names.length === 2) {
    const [first, second] = names.join() === 'false,true' ? ['true', 'false'] : names;
    return [[first, second, totals.get(first), totals.get(second)]];
  }
  return names.map((name) => [name, OTHERS, totals.get(name),
    names.filter((each) => each !== name).reduce((sum, each) => plus(sum, totals.get(each)), NO_SUMS())]);
}

const possibleIn = (pairs) => pairs
  .filter(([, , first, second]) => Math.min(first.orders, second.orders) >= LEAST_ORDERS).length;
