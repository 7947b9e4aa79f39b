// Fills the patterns of `phrases.json`, as `kpis/insights/wording.py` does; a test holds both to equal texts. What a
// slot holds is data: it is put in after the pattern was chosen and is never read as a pattern. No DOM, no numbers made.

const NAME_LENGTH = 60;
const CONTROL = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** The step in which these amounts and their parts are shown, in cents. */
const unitOf = (...cents) => (Math.max(0, ...cents.map(Math.abs)) >= WHOLE_DOLLARS_FROM ? 100 : 1);

/** The nearest multiple of the step, halves away from zero. */
function rounded(value, step = 1) {
  const whole = Math.floor(Math.abs(value) / step + 0.5) * step;
  return value >= 0 ? whole : -whole;
}

function moneyIn(cents, unit = 1) {
  const shown = rounded(cents, unit);
  const size = Math.abs(shown);
  const whole = grouped(Math.floor(size / 100));
  return `${shown < 0 ? MINUS : ''}$${whole}${unit === 100 ? '' : `.${String(size % 100).padStart(2, '0')}`}`;
}

const withSign = (text, isPositive) => (isPositive ? `+${text}` : text);
const changeIn = (cents, unit) => withSign(moneyIn(cents, unit), rounded(cents, unit) > 0);

/** A part of a whole; one too small to show is not nothing. */
const shareIn = (value) => (value > 0 && !rounded(value * 1000) ? '<0.1%' : percentIn(value));

function percentIn(value) {
  const tenths = rounded(value * 1000);
  const size = Math.abs(tenths);
  return `${tenths < 0 ? MINUS : ''}${grouped(Math.floor(size / 10))}.${size % 10}%`;
}

/** A name from the data: no control characters, not too long, and its direction kept to itself. */
function nameIn(value) {
  let text = String(value).replace(CONTROL, '');
  const characters = [...text];
  if (characters.length > NAME_LENGTH) text = `${characters.slice(0, NAME_LENGTH - 1).join('')}…`;
  return RIGHT_TO_LEFT.test(text) ? `⁨${text}⁩` : text;
}

const SLOT_FORMATS = {
  money: moneyIn,
  change: changeIn,
  aov: (value) => moneyIn(value, unitOf(rounded(value))),
  aov_change: (value) => changeIn(value, unitOf(rounded(value))),
  share: shareIn,
  share_change: (value) => withSign(percentIn(value), rounded(value * 1000) > 0),
  number: countText,
  number_change: (value) => withSign(countText(value), value > 0),
  month: monthName,
  day: (value) => `${Number(value.slice(8, 10))} ${monthName(value)}`,
  name: nameIn,
  text: String,
};

/** The sentence of a pattern, by its key. */
function fill(phrases, pattern, slots, unit = 1) {
  const text = phrases.patterns[pattern]
    .replace(/\{([a-z_]+)(?::([a-z_]+))?\}/g, (_, slot, format) => SLOT_FORMATS[format ?? 'text'](slots[slot], unit));
  return { pattern, slots, unit, text };
}

/** What a segment is called inside a sentence; an empty one is all the others. */
function segmentLabel(phrases, dimension, segment) {
  const words = phrases.dimensions[dimension];
  if (!segment) return words.others;
  return Object.hasOwn(words.labels, segment) ? words.labels[segment] : segment;
}
