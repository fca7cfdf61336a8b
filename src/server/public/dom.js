// @ts-check
/** Small helpers over the DOM. Text gets in by `textContent` alone: nothing that somebody wrote is ever markup. */

/**
 * The element with an id that the page is known to have.
 *
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`expected an element with the id ${id} in index.html`);
  return /** @type {T} */ (found);
}

/**
 * The first descendant of a class.
 *
 * @template {HTMLElement} [T=HTMLElement]
 * @param {ParentNode} parent
 * @param {string} className
 * @returns {T}
 */
export function part(parent, className) {
  const found = parent.querySelector(`.${className}`);
  if (!found) throw new Error(`expected an element of the class ${className}`);
  return /** @type {T} */ (found);
}

/**
 * A new element with its class and text.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} [className]
 * @param {string} [text]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function create(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

/**
 * A symbol of index.html.
 *
 * @param {string} symbol
 * @param {string} className
 * @returns {SVGSVGElement}
 */
export function icon(symbol, className) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#${symbol}`);
  svg.setAttribute('class', className);
  svg.setAttribute('aria-hidden', 'true');
  svg.append(use);
  return svg;
}

/**
 * Somebody's bird, always in the same colour; grey while nobody knows who it is.
 *
 * @param {string | undefined} userId
 * @returns {SVGSVGElement}
 */
export function bird(userId) {
  return icon('bird', `bird ${userId === undefined ? 'nobody' : tintOf(userId)}`);
}

const TINTS = 9;

/**
 * The class of somebody's colour.
 *
 * @param {string} userId
 */
export function tintOf(userId) {
  let hash = 7;
  for (const character of userId) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return `tint-${hash % TINTS}`;
}

/**
 * Tells screen readers, once, politely.
 *
 * @param {string} text
 */
export function announce(text) {
  byId('announcer').textContent = text;
}
