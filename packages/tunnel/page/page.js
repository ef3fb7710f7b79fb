/** The page of the inspector: what is there, what is open, and what the person does. */
import { ask, follow } from './api.js';
import { renderDetail } from './detail.js';
import * as list from './list.js';
import { isOver } from './words.js';

/** Milliseconds without typing, or without news, before the agent is asked to search. */
const SEARCH_DELAY = 200;

const STATES = {
  connecting: 'connecting',
  live: 'live',
  gone: 'the agent is gone',
  locked: 'locked',
};

const byId = (id) => document.getElementById(id);
const search = byId('search');
const detail = byId('detail');
const overview = detail.firstElementChild;
const editor = byId('editor');

let searchTimer;
let noticeTimer;
/** What is shown of the exchange that is open, so that what is the same is not drawn again. */
let shown = '';
/** Names that the tunnel was called by. */
const hosts = new Set();
/** The one that is being edited. */
let edited;

function onState(state) {
  byId('state').dataset.state = state;
  byId('state').textContent = STATES[state];
  const isLocked = state === 'locked';
  list.setEmptyText(
    isLocked
      ? 'Open the address that the terminal shows: what is after its # is the key to this page.'
      : 'Nothing has come through the tunnel yet.',
  );
}

function onMessage(message) {
  if (message.type === 'snapshot') list.replaceAll(message.exchanges);
  else list.update(message.exchanges, message.removed);
  for (const { host } of message.exchanges) {
    if (host !== '' && hosts.size < 3) hosts.add(host);
  }
  byId('about').textContent = [...hosts].join(', ');
  if (search.value.trim() !== '') planSearch();
  const open = list.selectedId();
  if (open === undefined) return;
  if (list.get(open) === undefined) close();
  else if (message.exchanges.some(({ id }) => id === open)) void refresh();
}

/** For what a person is told, whatever they look at. */
function notify(text) {
  clearTimeout(noticeTimer);
  byId('notice').textContent = text;
  byId('notice').hidden = false;
  noticeTimer = setTimeout(() => (byId('notice').hidden = true), 4000);
}

/** Undefined after an error, which the person was told. */
async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    notify(error.message);
    return undefined;
  }
}

function open(id) {
  if (id === undefined || list.get(id) === undefined) return;
  list.select(id);
  document.body.dataset.open = 'true';
  shown = '';
  detail.scrollTop = 0;
  void refresh();
}

function close() {
  list.select(undefined);
  delete document.body.dataset.open;
  shown = '';
  detail.replaceChildren(overview);
  byId('list').focus({ preventScroll: true });
}

async function refresh() {
  const id = list.selectedId();
  const answer = await attempt(() => ask('GET', `exchanges/${id}`));
  if (answer === undefined || list.selectedId() !== id) return;
  const text = JSON.stringify(answer);
  if (text === shown) return;
  shown = text;
  detail.replaceChildren(...renderDetail(answer, actions));
}

const actions = {
  back: close,
  open,
  async replay(id) {
    const answer = await attempt(() => ask('POST', `exchanges/${id}/replay`, {}));
    if (answer !== undefined) openSoon(answer.id);
  },
  async edit(id) {
    const draft = await attempt(() => ask('GET', `exchanges/${id}/draft`));
    if (draft === undefined) return;
    edited = id;
    byId('edit-method').value = draft.method;
    byId('edit-target').value = draft.target;
    byId('edit-headers').value = draft.headers;
    byId('edit-body').value = draft.body ?? '';
    byId('edit-body').disabled = draft.body === undefined;
    byId('edit-hint').textContent =
      draft.body === undefined ? 'The body is no plain text, and is sent as it was.' : '';
    byId('edit-error').textContent = '';
    editor.showModal();
    byId('edit-target').focus();
  },
  async curl(id, secrets) {
    const answer = await attempt(() => ask('POST', `exchanges/${id}/curl`, { secrets }));
    if (answer === undefined) return;
    await attempt(() => navigator.clipboard.writeText(answer.command));
    notify(secrets ? 'Copied, with its secrets.' : 'Copied; what is secret is … in it.');
  },
  async reveal(id, hidden) {
    const answer = await attempt(() => ask('POST', `exchanges/${id}/reveal`, { hidden }));
    return answer?.value;
  },
};

/** The row may come a moment after the answer to who asked for it. */
function openSoon(id) {
  if (list.get(id) === undefined) setTimeout(() => openSoon(id), 30);
  else open(id);
}

async function sendEdited() {
  const body = byId('edit-body');
  const draft = {
    method: byId('edit-method').value,
    target: byId('edit-target').value,
    headers: byId('edit-headers').value,
    ...(!body.disabled && { body: body.value }),
  };
  try {
    const { id } = await ask('POST', `exchanges/${edited}/replay`, { draft });
    editor.close();
    openSoon(id);
  } catch (error) {
    byId('edit-error').textContent = error.message;
  }
}

function planSearch() {
  clearTimeout(searchTimer);
  searchTimer = setTimeout(() => void runSearch(), SEARCH_DELAY);
}

async function runSearch() {
  const text = search.value;
  if (text.trim() === '') return;
  const answer = await attempt(() => ask('GET', `search?q=${encodeURIComponent(text)}`));
  if (answer !== undefined && search.value === text) list.setFound(answer.ids);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || editor.open) return;
  const { key, target } = event;
  const isTyping = target.matches('input, textarea');
  const id = list.selectedId();
  if (key === 'Escape') {
    if (isTyping) byId('list').focus();
    else close();
  } else if (key === 'ArrowDown' || key === 'ArrowUp') {
    if (target.closest('pre')) return;
    open(list.beside(key === 'ArrowDown' ? 1 : -1));
  } else if (isTyping) return;
  else if (key === 'j' || key === 'k') open(list.beside(key === 'j' ? 1 : -1));
  else if (key === '/') search.focus();
  else if (id !== undefined && 'rec'.includes(key)) {
    byId({ r: 'replay', e: 'edit', c: 'curl' }[key])?.click();
  } else return;
  event.preventDefault();
}

search.addEventListener('input', () => {
  list.setSearch(search.value);
  planSearch();
});
byId('classes').addEventListener('click', ({ target }) => {
  const name = target.dataset.class;
  if (name === undefined) return;
  for (const button of byId('classes').children) {
    button.setAttribute('aria-pressed', String(button === target));
  }
  list.setClass(name);
});
byId('list').addEventListener('click', ({ target }) => {
  const id = target.closest('.row')?.dataset.id;
  if (id !== undefined) open(Number(id));
});
byId('clear').addEventListener('click', () => void attempt(() => ask('POST', 'clear', {})));
byId('editor-form').addEventListener('submit', (event) => {
  event.preventDefault();
  void sendEdited();
});
byId('edit-cancel').addEventListener('click', () => editor.close());
document.addEventListener('keydown', onKey);
// An upgraded connection has more to tell every moment, and says so only when it changes.
setInterval(() => {
  const current = list.get(list.selectedId());
  if (current !== undefined && !isOver(current) && !document.hidden) void refresh();
}, 1000);
// Another key in the address is another page.
addEventListener('hashchange', () => location.reload());
follow(onMessage, onState);
