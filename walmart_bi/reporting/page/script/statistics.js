// The arithmetic of "why" and "is it unusual": the same as `kpis/insights/statistics.py`, whose comments give the
// reasons; a test holds both to equal numbers. Money in cents. No DOM, no words, no cube.

/** @typedef {{change: number, orders_effect: number, aov_effect: number}} Split */
/** @typedef {{segment: any, other: any, orders: number, other_orders: number, difference: number, lower: number,
 *   upper: number, spread: number, verdict: string}} Comparison */
/** @typedef {{months: number, value: number, mean: number, lower: number, upper: number, verdict: string}} Range */

const LEAST_ORDERS = 30;
const CONFIDENCE = 0.999;
const EFFECT_FLOOR = 0.2;
const LIMIT = 2.66;
const SEGMENT_LIMIT = 5;
const LEAST_MONTHS = 6;

const bitsOf = (value) => value.toString(2).length;

/** The quotient of two whole numbers, rounded once; the denominator is positive. */
function ratio(numerator, denominator) {
  const [a, b] = [BigInt(numerator), BigInt(denominator)];
  if (a < 0n) return -ratio(-a, b);
  const shift = Math.max(0, 66 + bitsOf(b) - bitsOf(a));
  const scaled = a << BigInt(shift);
  const whole = scaled / b;
  return Number(whole * b === scaled ? whole : whole | 1n) / 2 ** shift;
}

/** The quotient as a whole number, halves away from zero; the denominator is positive. */
function halfAway(numerator, denominator) {
  const [a, b] = [BigInt(numerator), BigInt(denominator)];
  const whole = (2n * (a < 0n ? -a : a) + b) / (2n * b);
  return Number(a < 0n ? -whole : whole);
}

const meanOf = (sums) => sums.cents / sums.orders;

function varianceOf(sums) {
  const [n, cents] = [BigInt(sums.orders), BigInt(sums.cents)];
  return ratio(n * sums.squares - cents * cents, n * (n - 1n));
}

/** Orders times average order: the midpoint split, to the cent. @returns {Split} */
function splitChange(before, now) {
  const [n0, n1, c0, c1] = [before.orders, now.orders, before.cents, now.cents].map(BigInt);
  const change = now.cents - before.cents;
  const orders = halfAway((n1 - n0) * (c0 * n1 + c1 * n0), 2n * n0 * n1);
  return { change, orders_effect: orders, aov_effect: change - orders };
}

/** The change of the average order over segments; both months have orders. @param {Map<string, Sums>} before @param {Map<string, Sums>} now */
function mixAndRate(before, now) {
  const total = (part, name) => [...part.values()].reduce((sum, each) => sum + each[name], 0);
  const [n0, n1] = [total(before, 'orders'), total(now, 'orders')];
  const centre = (total(before, 'cents') / n0 + total(now, 'cents') / n1) / 2;
  let [mix, rate] = [0, 0];
  for (const segment of [...new Set([...before.keys(), ...now.keys()])].sort(byCodePoint)) {
    const [old, recent] = [before.get(segment) ?? NO_SUMS(), now.get(segment) ?? NO_SUMS()];
    const oldMean = old.orders ? meanOf(old) : meanOf(recent);
    const newMean = recent.orders ? meanOf(recent) : oldMean;
    const [oldWeight, newWeight] = [old.orders / n0, recent.orders / n1];
    mix += (newWeight - oldWeight) * ((oldMean + newMean) / 2 - centre);
    rate += ((oldWeight + newWeight) / 2) * (newMean - oldMean);
  }
  return { mix, rate };
}

const polynomial = (coefficients, x) => coefficients.reduce((sum, each) => sum * x + each, 0);

const AS241 = [
  [[2.5090809287301226727e+3, 3.3430575583588128105e+4, 6.7265770927008700853e+4, 4.5921953931549871457e+4,
    1.3731693765509461125e+4, 1.9715909503065514427e+3, 1.3314166789178437745e+2, 3.3871328727963666080e+0],
  [5.2264952788528545610e+3, 2.8729085735721942674e+4, 3.9307895800092710610e+4, 2.1213794301586595867e+4,
    5.3941960214247511077e+3, 6.8718700749205790830e+2, 4.2313330701600911252e+1, 1.0]],
  [[7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e+0,
    3.64784832476320460504e+0, 5.76949722146069140550e+0, 4.63033784615654529590e+0, 1.42343711074968357734e+0],
  [1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
    6.89767334985100004550e-1, 1.67638483018380384940e+0, 2.05319162663775882187e+0, 1.0]],
  [[2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
    2.96560571828504891230e-1, 1.78482653991729133580e+0, 5.46378491116411436990e+0, 6.65790464350110377720e+0],
  [2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
    1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0]],
];

/** The standard normal quantile: Wichura's algorithm AS 241. */
function normalQuantile(probability) {
  const q = probability - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (polynomial(AS241[0][0], r) * q) / polynomial(AS241[0][1], r);
  }
  const r = Math.sqrt(-Math.log(q <= 0 ? probability : 1 - probability));
  const [[above, below], from] = r <= 5 ? [AS241[1], 1.6] : [AS241[2], 5];
  const size = polynomial(above, r - from) / polynomial(below, r - from);
  return q < 0 ? -size : size;
}

/** Student's quantile by the Cornish-Fisher expansion, for 29 degrees of freedom and more. */
function tQuantile(probability, freedom) {
  const x = normalQuantile(probability);
  const terms = [
    (x ** 3 + x) / 4,
    (5 * x ** 5 + 16 * x ** 3 + 3 * x) / 96,
    (3 * x ** 7 + 19 * x ** 5 + 17 * x ** 3 - 15 * x) / 384,
    (79 * x ** 9 + 776 * x ** 7 + 1482 * x ** 5 - 1920 * x ** 3 - 945 * x) / 92160,
  ];
  return x + terms.reduce((sum, term, index) => sum + term / freedom ** (index + 1), 0);
}

/** Welch's interval for the difference of two averages, and what may be said about it. @returns {Comparison} */
function compare([segment, other], first, second, confidence) {
  const found = { segment, other, orders: first.orders, other_orders: second.orders, difference: 0, lower: 0, upper: 0, spread: 0 };
  if (Math.min(first.orders, second.orders) < LEAST_ORDERS) return { ...found, verdict: 'too_few' };
  const [v1, v2] = [varianceOf(first), varianceOf(second)];
  const [one, two] = [v1 / first.orders, v2 / second.orders];
  const difference = meanOf(first) - meanOf(second);
  let width = 0;
  if (one + two > 0) {
    const freedom = (one + two) ** 2 / (one ** 2 / (first.orders - 1) + two ** 2 / (second.orders - 1));
    width = tQuantile((1 + confidence) / 2, freedom) * Math.sqrt(one + two);
  }
  const [lower, upper] = [difference - width, difference + width];
  const spread = Math.sqrt(((first.orders - 1) * v1 + (second.orders - 1) * v2) / (first.orders + second.orders - 2));
  const isSure = lower > 0 || upper < 0;
  const verdict = !isSure ? 'unclear' : Math.abs(difference) >= EFFECT_FLOOR * spread ? 'difference' : 'negligible';
  return { ...found, difference, lower, upper, spread, verdict };
}

/** The month after, as YYYY-MM. */
function nextMonth(month) {
  const [year, number] = month.split('-').map(Number);
  return number === 12 ? `${year + 1}-01` : `${year}-${String(number + 1).padStart(2, '0')}`;
}

/** Limits for single values (XmR) from months that follow each other. @returns {Range} */
function usualRange(perDay, month, limit) {
  const names = Object.keys(perDay).sort();
  const values = names.map((name) => perDay[name]);
  const moves = names.slice(1).map((later, index) => [names[index], later])
    .filter(([earlier, later]) => later === nextMonth(earlier))
    .map(([earlier, later]) => Math.abs(perDay[later] - perDay[earlier]));
  const value = perDay[month] ?? 0;
  if (values.length < LEAST_MONTHS || !moves.length || !(month in perDay)) {
    return { months: values.length, value, mean: 0, lower: 0, upper: 0, verdict: 'too_few' };
  }
  const sum = (numbers) => numbers.reduce((total, each) => total + each, 0);
  const mean = sum(values) / values.length;
  const width = limit * (sum(moves) / moves.length);
  const verdict = value > mean + width ? 'above' : value < mean - width ? 'below' : 'usual';
  return { months: values.length, value, mean, lower: Math.max(0, mean - width), upper: mean + width, verdict };
}

/** A single average order in dollars with its 95% interval; null for fewer than 30 orders. */
function intervalOf(sums) {
  if (sums.orders < LEAST_ORDERS) return null;
  const width = tQuantile(0.975, sums.orders - 1) * Math.sqrt(varianceOf(sums) / sums.orders);
  const mean = meanOf(sums);
  return { mean: mean / 100, low: (mean - width) / 100, high: (mean + width) / 100 };
}
