// What the marks of every chart share: values on hover and focus, one tab stop a chart with arrow keys inside, and
// Enter, Space or a click that filters.

const tip = h('div', { class: 'tip', hidden: true, 'aria-hidden': 'true' });

function showTip(mark, text) {
  if (!tip.isConnected) document.body.append(tip);
  tip.textContent = text;
  tip.hidden = false;
  const box = mark.getBoundingClientRect();
  const own = tip.getBoundingClientRect();
  const left = Math.min(Math.max(8, box.left + box.width / 2 - own.width / 2), innerWidth - own.width - 8);
  const above = box.top - own.height - 8;
  tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(above > 8 ? above : box.bottom + 8)}px)`;
}

const hideTip = () => { tip.hidden = true; };

/** Give a mark its value text and, where it filters, its action. `text` is both tip and accessible name. */
function interactive(mark, text, action, isPressed) {
  mark.setAttribute('aria-label', text.replaceAll('\n', ', '));
  mark.setAttribute('role', action ? 'button' : 'img');
  if (action) mark.setAttribute('aria-pressed', String(Boolean(isPressed)));
  else mark.classList.add('still');
  mark.setAttribute('tabindex', '-1');
  mark.addEventListener('pointerenter', () => showTip(mark, text));
  mark.addEventListener('pointerleave', hideTip);
  mark.addEventListener('focus', () => showTip(mark, text));
  mark.addEventListener('blur', hideTip);
  if (action) mark.addEventListener('click', action);
  return mark;
}

/** One tab stop for all marks of a chart, arrows between them. `start` is the mark that has the stop at first. */
function roving(svg, marks, start = marks.length - 1) {
  if (!marks.length) return svg;
  marks[Math.max(0, start)].setAttribute('tabindex', '0');
  svg.addEventListener('keydown', (event) => {
    const at = marks.indexOf(document.activeElement);
    if (at < 0) return;
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -at, End: marks.length - 1 - at };
    if (event.key in steps) {
      const next = marks[Math.min(marks.length - 1, Math.max(0, at + steps[event.key]))];
      marks[at].setAttribute('tabindex', '-1');
      next.setAttribute('tabindex', '0');
      next.focus();
      event.preventDefault();
    } else if (event.key === 'Enter' || event.key === ' ') {
      marks[at].dispatchEvent(new MouseEvent('click', { bubbles: true }));
      event.preventDefault();
    }
  });
  return svg;
}

addEventListener('keydown', (event) => { if (event.key === 'Escape') hideTip(); });
addEventListener('scroll', hideTip, { passive: true });
