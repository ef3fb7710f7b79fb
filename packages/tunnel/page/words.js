/** Numbers and states in words, and elements. */

export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  const { data = {}, ...rest } = properties;
  Object.assign(made.dataset, data);
  for (const [key, value] of Object.entries(rest)) {
    if (key.startsWith('aria') || key === 'role') made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.filter((child) => child !== undefined && child !== ''));
  return made;
}

export function milliseconds(value) {
  if (value === undefined) return '';
  if (value < 10) return `${value.toFixed(1)} ms`;
  if (value < 1000) return `${Math.round(value)} ms`;
  if (value < 60_000) return `${(value / 1000).toFixed(value < 10_000 ? 2 : 1)} s`;
  return `${Math.floor(value / 60_000)} min ${Math.round((value % 60_000) / 1000)} s`;
}

export function octets(count) {
  if (count < 1024) return `${count} B`;
  if (count < 1024 * 1024) return `${(count / 1024).toFixed(count < 10_240 ? 1 : 0)} KiB`;
  return `${(count / 1024 / 1024).toFixed(1)} MiB`;
}

export function clockTime(at) {
  const date = new Date(at);
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** `2` to `5`, `1` for an upgrade, `failed`, or `pending`. */
export function classOf({ state, status }) {
  if (state === 'failed') return 'failed';
  return status === undefined ? 'pending' : String(Math.floor(status / 100));
}

export function statusText({ state, status }) {
  if (state === 'failed' && status === undefined) return 'failed';
  return status === undefined ? '…' : String(status);
}

export function isOver({ state }) {
  return state === 'done' || state === 'failed';
}
