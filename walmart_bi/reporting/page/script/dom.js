// Making elements. All text goes in as text nodes and attributes, never as markup: names in the data are not trusted.

const SVG = 'http://www.w3.org/2000/svg';

/**
 * An element with attributes and children. `on*` keys are listeners, `style` is an object (set through the CSSOM, which
 * the content security policy allows), false and null leave an attribute out.
 * @param {Element} node
 * @param {Record<string, any>} attributes
 * @param {Array<Node|string|number|null|undefined|false>} children
 */
function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name === 'style') for (const [key, text] of Object.entries(value)) node.style.setProperty(key, text);
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An HTML element. */
const h = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);

/** An SVG element. */
const s = (tag, attributes = {}, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);

const byId = (id) => document.getElementById(id);

/** Width of a text in pixels, for labels that must fit. */
const textWidth = (() => {
  const context = document.createElement('canvas').getContext('2d');
  return (text, size = 12, weight = 400) => {
    context.font = `${weight} ${size}px ${getComputedStyle(document.body).fontFamily}`;
    return context.measureText(text).width;
  };
})();

/** The text, cut with an ellipsis where it is wider than the room. */
function fitted(text, room, size = 12, weight = 400) {
  if (textWidth(text, size, weight) <= room) return text;
  const characters = [...text.slice(0, 200)];
  while (characters.length > 1 && textWidth(`${characters.join('')}…`, size, weight) > room) characters.pop();
  return `${characters.join('').trimEnd()}…`;
}
