// Numbers and months as text, one way everywhere; `words.py` writes the same for readers without scripts. No DOM.

const MINUS = '−';
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const WHOLE_DOLLARS_FROM = 1000000; // cents: from $10,000 up the cents say nothing

const monthShort = (month) => MONTHS[Number(month.slice(5, 7)) - 1];
const monthName = (month) => `${monthShort(month)} ${month.slice(0, 4)}`;
const monthLabel = (month) => monthName(month.key) + (month.partial ? ' (part)' : '');

/** Digits with thousands commas; the number is whole. */
const grouped = (number) => String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
const halfUp = (number) => Math.floor(number + 0.5);

function positiveMoney(cents, whole) {
  if (whole) return `$${grouped(halfUp(cents / 100))}`;
  const rounded = halfUp(cents);
  return `$${grouped(Math.floor(rounded / 100))}.${String(rounded % 100).padStart(2, '0')}`;
}

/** Money from cents: whole dollars from $10,000 up, cents below. */
const revenueText = (cents) => (cents < 0 ? MINUS : '') + positiveMoney(Math.abs(cents), Math.abs(cents) >= WHOLE_DOLLARS_FROM);
const signed = (number, text) => `${number < 0 ? MINUS : '+'}${text}`;
const changeText = (cents) => signed(cents, positiveMoney(Math.abs(cents), Math.abs(cents) >= WHOLE_DOLLARS_FROM));
const countText = (number) => (number < 0 ? MINUS : '') + grouped(Math.abs(number));
/** The average order, to the cent as every view has it. */
const aovText = (sums) => (sums.orders ? revenueText(halfAway(sums.cents, sums.orders)) : '–');
/** A part of a whole; one too small to show is not nothing. */
const shareText = (share) => (share > 0 && halfUp(share * 1000) === 0 ? '<0.1%' : `${share < 0 ? MINUS : ''}${(Math.abs(halfUp(share * 1000)) / 10).toFixed(1)}%`);
const shareChangeText = (share) => signed(halfUp(share * 1000), `${(Math.abs(halfUp(share * 1000)) / 10).toFixed(1)}%`);

/** An axis value in dollars: no cents unless it has some. */
const moneyText = (dollars) => (dollars < 0 ? MINUS : '') + positiveMoney(Math.abs(dollars) * 100, Number.isInteger(dollars));

// In the step of what it is a change of, as the sentences have it.
const moneyChange = (now, then) => signed(now.cents - then.cents, positiveMoney(Math.abs(now.cents - then.cents),
  Math.max(now.cents, then.cents) >= WHOLE_DOLLARS_FROM));
const countChange = (now, then) => signed(now.orders - then.orders, grouped(Math.abs(now.orders - then.orders)));
const aovChange = (now, then) => {
  const change = halfAway(now.cents, now.orders) - halfAway(then.cents, then.orders);
  return signed(change, positiveMoney(Math.abs(change), false));
};

/** A value of a measure, in dollars where it is money. */
const dollarsText = (dollars) => revenueText(halfUp(dollars * 100));
const AXIS_FORMAT = { revenue: moneyText, total_revenue: moneyText, orders: countText, aov: moneyText, revenue_share: shareText };

/** A measure of sums as text. */
const MEASURE_TEXT = {
  revenue: (sums) => revenueText(sums.cents), total_revenue: (sums) => revenueText(sums.cents),
  orders: (sums) => countText(sums.orders), aov: aovText,
};

/** A published value by the unit of its column. */
function unitText(value, unit) {
  if (value === null) return '–';
  if (unit === 'usd') return revenueText(halfUp(Number(value) * 100));
  if (unit === 'share') return shareText(Number(value));
  if (unit === 'month') return monthName(value);
  return typeof value === 'number' && Number.isInteger(value) && unit !== 'label' ? countText(value) : String(value);
}
