// The filter controls and the sentence that names what is shown.

/** Build the controls once. @returns {(state: State) => void} makes them show a state */
function buildFilters(place, members, change, reset) {
  const selects = FILTERS.map(({ name }) => h('select', { id: `filter-${name}`, name,
    onchange: (event) => change(name, event.target.value || null) },
  h('option', { value: '' }, 'All'), members[name].map((value) => h('option', { value }, shownMember(name, value)))));
  const button = h('button', { type: 'button', onclick: reset }, 'Reset filters');
  place.append(...FILTERS.map(({ label }, index) => h('label', {}, label, selects[index])), button);
  place.hidden = false;
  return (state) => {
    for (const select of selects) {
      select.value = state.filters[select.name] ?? '';
      select.classList.toggle('is-set', select.name in state.filters);
    }
    button.disabled = !Object.keys(state.filters).length;
  };
}

/** A dimension's value as readers see it. */
function shownMember(name, value) {
  if (name === 'month') return monthName(value);
  const text = value.length > 60 ? `${[...value].slice(0, 59).join('')}…` : value;
  if (name === 'discount_applied') return value === 'Yes' ? 'With discount' : 'Without discount';
  return name === 'repeat_customer' ? `${text} customers` : text;
}

/** What is shown, in words. */
function shownSentence(state, shown, all) {
  const set = FILTERS.filter(({ name }) => name in state.filters);
  const share = `${countText(shown.orders)} of ${countText(all.orders)} orders`;
  const warning = state.unknown.length ? ` This page does not know ${state.unknown.join(', ')}.` : '';
  if (!set.length) return `Showing all ${countText(all.orders)} orders; nothing is filtered.${warning}`;
  const parts = set.map(({ name, label }) => `${label}: ${nameIn(shownMember(name, state.filters[name]))}`);
  return `Showing ${share}. ${parts.join(' · ')}.${warning}`;
}
