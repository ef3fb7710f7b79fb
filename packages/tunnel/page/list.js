/** The list of requests: newest first, filtered, drawn once a frame however much happens. */
import { classOf, clockTime, element, isOver, milliseconds, octets, statusText } from './words.js';

/** A bar is as long as this many milliseconds are to the power of ten. */
const LONGEST = 10_000;

/** Milliseconds between two drawings at least. */
const DRAW_PAUSE = 150;

const list = document.getElementById('list');
const empty = document.getElementById('list-empty');
const counts = document.getElementById('counts');

/** By id, oldest first. */
const exchanges = new Map();
const rows = new Map();
let dirty = new Set();
let isPlanned = false;
let lastDrawn = 0;
let words = [];
/** Ids in whose headers and bodies the agent has found the words. */
let found = new Set();
let wantedClass = 'all';
let selected;
let emptyText = '';

export function get(id) {
  return exchanges.get(id);
}

export function selectedId() {
  return selected;
}

export function replaceAll(all) {
  exchanges.clear();
  for (const row of rows.values()) row.remove();
  rows.clear();
  update(all, []);
}

export function update(changed, removed) {
  for (const exchange of changed) {
    exchanges.set(exchange.id, exchange);
    dirty.add(exchange.id);
  }
  for (const id of removed) {
    exchanges.delete(id);
    dirty.delete(id);
    rows.get(id)?.remove();
    rows.delete(id);
  }
  plan();
}

export function setSearch(text) {
  words = text.toLowerCase().split(/\s+/u).filter(Boolean);
  found = new Set();
  redrawAll();
}

export function setFound(ids) {
  found = new Set(ids);
  redrawAll();
}

export function setClass(name) {
  wantedClass = name;
  redrawAll();
}

export function setEmptyText(text) {
  emptyText = text;
  plan();
}

/** Draws which one is open; the row comes into sight. */
export function select(id) {
  mark(selected, false);
  selected = id;
  mark(id, true);
}

/** The id of the one that many rows further down, within what is shown. */
export function beside(steps) {
  const shown = [...list.children].filter((row) => !row.hidden);
  const at = shown.findIndex((row) => row.dataset.id === String(selected));
  const next = at < 0 ? shown[0] : shown[Math.min(Math.max(at + steps, 0), shown.length - 1)];
  return next === undefined ? undefined : Number(next.dataset.id);
}

function mark(id, isSelected) {
  const row = rows.get(id);
  if (row === undefined) return;
  row.setAttribute('aria-selected', String(isSelected));
  if (!isSelected) return;
  list.setAttribute('aria-activedescendant', row.id);
  row.scrollIntoView({ block: 'nearest' });
}

function redrawAll() {
  for (const id of exchanges.keys()) dirty.add(id);
  plan();
}

function plan() {
  if (isPlanned) return;
  isPlanned = true;
  // The first at once; what comes in a burst together.
  const wait = Math.max(0, lastDrawn + DRAW_PAUSE - performance.now());
  setTimeout(() => requestAnimationFrame(draw), wait);
}

function draw() {
  isPlanned = false;
  lastDrawn = performance.now();
  const newest = [];
  for (const id of [...dirty].sort((a, b) => a - b)) {
    const exchange = exchanges.get(id);
    if (exchange === undefined) continue;
    const isNew = !rows.has(id);
    const row = rows.get(id) ?? createRow(id);
    fill(row, exchange);
    if (isNew) newest.unshift(row);
  }
  dirty = new Set();
  // Whoever has scrolled away from the newest keeps what they look at (overflow-anchor).
  list.prepend(...newest);
  showCounts();
}

function showCounts() {
  const shown = [...rows.values()].filter((row) => !row.hidden).length;
  const all = exchanges.size;
  const isFiltered = words.length > 0 || wantedClass !== 'all';
  const total = all === 1 ? '1 request' : `${all === 0 ? 'No' : all} requests`;
  counts.textContent = isFiltered ? `${shown} of ${total}` : total;
  empty.hidden = shown > 0;
  empty.textContent = all > 0 ? 'Nothing fits.' : emptyText;
}

function createRow(id) {
  const row = element('div', { className: 'row', role: 'option', id: `row-${id}`, data: { id } });
  row.setAttribute('aria-selected', String(id === selected));
  for (const name of ['method', 'path', 'status', 'time', 'kind', 'size', 'duration']) {
    row.append(element('span', { className: name }));
  }
  row.append(element('span', { className: 'bar', ariaHidden: 'true' }, element('i'), element('b')));
  rows.set(id, row);
  return row;
}

function fill(row, exchange) {
  row.hidden = !isWanted(exchange);
  row.dataset.class = classOf(exchange);
  const cells = row.children;
  const { method, path, at, answerOctets, requestOctets, ended, answered } = exchange;
  cells[0].textContent = method;
  cells[1].textContent = path;
  cells[1].title = path;
  cells[2].textContent = statusText(exchange);
  cells[3].textContent = clockTime(at).slice(0, 8);
  cells[4].textContent = kindOf(exchange);
  cells[5].textContent = octets(exchange.isUpgrade ? requestOctets + answerOctets : answerOctets);
  cells[6].textContent = isOver(exchange) ? milliseconds(ended) : stateText(exchange);
  const [first, rest] = cells[7].children;
  const total = isOver(exchange) ? barLength(ended) : 0;
  const waited = Math.min(barLength(answered ?? ended ?? 0), total);
  first.style.width = `${waited}%`;
  rest.style.width = `${total - waited}%`;
}

function kindOf({ replayOf, isUpgrade, type, error }) {
  if (error !== undefined) return error.text;
  if (replayOf !== undefined) return '↻ replay';
  return isUpgrade ? 'upgrade' : type.replace(/^(?:application|text)\//u, '');
}

function stateText({ state }) {
  return state === 'open' ? 'open' : 'waiting';
}

function barLength(time) {
  return Math.min(100, (100 * Math.log10(1 + time)) / Math.log10(1 + LONGEST));
}

function isWanted(exchange) {
  const name = classOf(exchange);
  if (wantedClass !== 'all' && name !== wantedClass) return false;
  if (words.length === 0 || found.has(exchange.id)) return true;
  const { method, path, status, host, caller } = exchange;
  const text = `${method} ${path} ${status} ${host} ${caller}`.toLowerCase();
  return words.every((word) => text.includes(word));
}
