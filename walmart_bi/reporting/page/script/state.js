// What the reader chose: story point and filters, kept in the address so that a link shows the same page. No DOM but
// the address. Filters name values, not places, so that an old link means the same in a newer page.

/** The filters in the order of their controls; each is a dimension of the cubes. */
const FILTERS = [
  { name: 'month', label: 'Month' },
  { name: 'category', label: 'Category' },
  { name: 'city_group', label: 'Cities' },
  { name: 'payment_method', label: 'Payment' },
  { name: 'discount_applied', label: 'Discount' },
  { name: 'repeat_customer', label: 'Customers' },
];

/** @typedef {{tab: string, filters: Record<string, string>, unknown: string[]}} State */

/** The state that an address names; what the page does not know is listed, not guessed. @returns {State} */
function stateOf(hash, members, tabs) {
  const text = hash.replace(/^#/, '');
  if (!text.includes('=')) return { tab: tabs.includes(text) ? text : tabs[0], filters: {}, unknown: [] };
  const given = new URLSearchParams(text);
  const filters = {};
  const unknown = [];
  for (const { name, label } of FILTERS) {
    const value = given.get(name);
    if (value === null) continue;
    if (members[name].includes(value)) filters[name] = value;
    else unknown.push(`${label} “${value.slice(0, 60)}”`);
  }
  return { tab: tabs.includes(given.get('tab')) ? given.get('tab') : tabs[0], filters, unknown };
}

/** The address of a state; the same state always has the same one. */
function hashOf(state) {
  const pairs = [['tab', state.tab], ...FILTERS.filter(({ name }) => name in state.filters)
    .map(({ name }) => [name, state.filters[name]])];
  return `#${new URLSearchParams(pairs)}`;
}

/** The state with one filter set, or taken away (null). @returns {State} */
function withFilter(state, name, value) {
  const { [name]: _, ...others } = state.filters;
  return { ...state, filters: value === null ? others : { ...others, [name]: value } };
}

/** The state with one filter set, or taken away when it has this value already. @returns {State} */
const toggled = (state, name, value) => withFilter(state, name, state.filters[name] === value ? null : value);

/** The filter as places in the cubes, for `sumsBy`. */
function placesOf(filters, members) {
  return Object.fromEntries(Object.entries(filters).map(([name, value]) => [name, members[name].indexOf(value)]));
}
