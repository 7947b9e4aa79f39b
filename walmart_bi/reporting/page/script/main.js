// Puts the parts together: reads the data, listens to the address, and draws the chosen story point anew.

async function start() {
  const story = JSON.parse(byId('story-data').textContent);
  const cubes = Object.fromEntries(await Promise.all(
    Object.entries(story.cubes).map(async ([name, packed]) => [name, await unpackCube(packed)])));
  const tabs = story.personas.map((persona) => persona.id);
  const read = () => stateOf(location.hash, story.members, tabs);
  const go = (state) => { location.hash = hashOf(state); };
  const showTab = buildTabs(byId('points'), (tab) => go({ ...read(), tab }));
  const showFilters = buildFilters(byId('filters'), story.members,
    (name, value) => go(withFilter(read(), name, value)),
    () => go({ ...read(), filters: {} }));
  const toggle = (name, value) => go(toggled(read(), name, value));
  let announced = null;

  const draw = (width = null) => {
    const state = read();
    const view = viewOf(story, cubes, state, toggle);
    showTab(state.tab);
    showFilters(state);
    byId('shown').textContent = shownSentence(state, view.shown, view.all);
    for (const persona of story.personas) drawPoint(persona, story, view, width);
    document.title = `${story.personas.find((each) => each.id === state.tab).title} · ${story.title}`;
    return { state, view };
  };
  const refresh = () => {
    hideTip();
    const focus = focusPath();
    const { state, view } = draw();
    restoreFocus(focus);
    const filters = JSON.stringify(state.filters);
    if (announced !== null && announced !== filters) byId('announced').textContent = spoken(state, view);
    announced = filters;
  };
  addEventListener('hashchange', refresh);
  onWidthChange(refresh);
  addEventListener('beforeprint', () => draw(PRINT_WIDTH));
  addEventListener('afterprint', () => draw());
  buildThemeButton(byId('theme'));
  refresh();
  document.documentElement.dataset.ready = 'yes';
}

const LEAD_PART = 1.6 / 2.6; // of the width, as `.lead` in style.css has it
const MOST_EXTRA = 160; // pixels that a chart may grow to end beside the insight
const PRINT_WIDTH = 310; // of a chart: two of them side by side on a sheet

/** One story point: headline, tiles, the chart that matters beside its insight, then the other cards. */
function drawPoint(persona, story, view, printWidth) {
  const insight = view.insightOf(persona);
  const wide = byId('story').clientWidth;
  const isNarrow = wide < 940;
  const widths = printWidth ? [printWidth, printWidth] : [(isNarrow ? wide : (wide - 24) * LEAD_PART) - 54, (wide < 984 ? wide : (wide - 24) / 2) - 54];
  const cards = persona.cards.map((name) => story.cards[name]);
  byId(persona.id).replaceChildren(
    h('header', {}, h('p', { class: 'eyebrow' }, pointName(persona, story)), h('h2', {}, insight.headline)),
    tilesOf(view),
    h('div', { class: 'lead' }, h('div', { class: 'stack' }, cardOf(cards[0], view, Math.max(260, widths[0])),
      signalCard(view, Math.max(260, widths[0]))), insightBox(insight)),
    ...restOf(persona, story, view, cards.slice(1), Math.max(260, widths[1]), printWidth ?? wide - 54));
  if (!printWidth && !isNarrow) levelWithInsight(byId(persona.id), view, Math.max(260, widths[0]));
}

/** Let the chart of revenue a day grow where the insight is longer than the cards beside it. */
function levelWithInsight(point, view, width) {
  const [stack, insight] = [point.querySelector('.stack'), point.querySelector('.insight')];
  const signal = stack.querySelector('[data-kpi=revenue_a_day]');
  const extra = Math.min(MOST_EXTRA, insight.offsetHeight - stack.offsetHeight);
  if (signal && extra > 0) signal.replaceWith(signalCard(view, width, extra));
}

const pointName = (persona, story) => `${story.personas.indexOf(persona) + 1} of ${story.personas.length} · ${persona.title}`;

/** The cards below the first; a persona that looks at cities sees how concentrated they are. */
function restOf(persona, story, view, cards, width, whole) {
  const hasCities = persona.cards.some((name) => story.cards[name].dimension === 'city');
  const count = cards.length + (hasCities ? 1 : 0);
  const widthAt = (index) => (count % 2 && index === count - 1 ? whole : width); // the last of an odd number has a row to itself
  const found = [...cards.map((card, index) => cardOf(card, view, widthAt(index))),
    hasCities && concentrationCard(story, view, widthAt(count - 1))].filter(Boolean);
  return found.length ? [h('div', { class: 'rest' }, found)] : [];
}

/** A sentence whose amounts do not break from their signs. */
const unbroken = (text) => text.split(/([−+]?\$[\d,.]*\d)/).map((part, index) => (index % 2 ? h('span', { class: 'amount' }, part) : part));

function insightBox(insight) {
  const parts = [['What happened', insight.what, ''], ['Why', insight.why, ''], ['Is it unusual?', insight.unusual, ''],
    ['What the data cannot say', insight.limits, 'limits']];
  return h('aside', { class: 'insight', 'aria-label': 'Insight' }, h('h3', {}, 'What is behind it'),
    h('dl', {}, parts.filter(([, sentences]) => sentences.length).flatMap(([title, sentences, look]) => [
      h('dt', { class: look || null }, title), h('dd', { class: look || null }, sentences.map((sentence) => h('p', {}, unbroken(sentence))))])));
}

/** What a screen reader is told after a filter changed. */
function spoken(state, view) {
  return view.shown.orders ? `${shownSentence(state, view.shown, view.all)} Revenue ${revenueText(view.shown.cents)}.` : view.emptyText;
}

/** Where the focus is, so that it survives drawing anew: the place among the controls of its story point. */
function focusPath() {
  const panel = document.activeElement && document.activeElement.closest('.point');
  if (!panel) return null;
  return { panel: panel.id, label: labelOf(document.activeElement), card: cardName(document.activeElement) };
}

const FOCUSABLE = 'button, [tabindex], summary';
const cardName = (node) => node.closest('[data-kpi]')?.dataset.kpi ?? '';
const labelOf = (node) => (node.getAttribute('aria-label') ?? node.textContent).split(/[,:] /)[0];

function restoreFocus(path) {
  if (!path) return;
  const same = [...byId(path.panel).querySelectorAll(FOCUSABLE)]
    .find((node) => cardName(node) === path.card && labelOf(node) === path.label);
  if (same) same.focus({ preventScroll: true });
  hideTip();
}

function onWidthChange(act) {
  let width = byId('story').clientWidth;
  new ResizeObserver(() => {
    if (Math.abs(byId('story').clientWidth - width) < 2) return;
    width = byId('story').clientWidth;
    requestAnimationFrame(act);
  }).observe(byId('story'));
}

function buildThemeButton(button) {
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches);
  const name = () => { button.textContent = isDark() ? 'Light theme' : 'Dark theme'; };
  button.addEventListener('click', () => { root.dataset.theme = isDark() ? 'light' : 'dark'; name(); });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', name);
  button.hidden = false;
  name();
}

start();
