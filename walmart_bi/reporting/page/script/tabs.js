// The story points as tabs: arrow keys, Home and End move between them. What a point shows is not decided here.

/** Turn the list of links, which serves without scripts, into tabs. @returns {(tab: string) => void} shows one point */
function buildTabs(nav, choose) {
  const links = [...nav.querySelectorAll('a')];
  const buttons = links.map((link) => h('button', { type: 'button', role: 'tab', id: `tab-${link.hash.slice(1)}`,
    'aria-controls': link.hash.slice(1) }, [...link.childNodes]));
  const names = links.map((link) => link.hash.slice(1));
  const list = h('div', { role: 'tablist', 'aria-label': 'Story points' }, buttons);
  nav.replaceChildren(list);
  names.forEach((name, index) => {
    const panel = byId(name);
    panel.setAttribute('role', 'tabpanel');
    panel.setAttribute('aria-labelledby', `tab-${name}`);
    panel.setAttribute('tabindex', '-1');
    buttons[index].addEventListener('click', () => choose(name));
  });
  list.addEventListener('keydown', (event) => {
    const at = buttons.indexOf(document.activeElement);
    const last = buttons.length - 1;
    const next = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at === 0 ? last : at - 1, Home: 0, End: last }[event.key];
    if (at < 0 || next === undefined) return;
    buttons[next].focus();
    choose(names[next]);
    event.preventDefault();
  });
  return (chosen) => names.forEach((name, index) => {
    buttons[index].setAttribute('aria-selected', String(name === chosen));
    buttons[index].setAttribute('tabindex', name === chosen ? '0' : '-1');
    byId(name).hidden = name !== chosen;
  });
}
