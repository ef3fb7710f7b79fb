/** The request that is open, and its answer. */
import { classOf, clockTime, element, isOver, milliseconds, octets, statusText } from './words.js';

const MASK = '••••••';

/** `actions` are those of the page: replay, edit, curl, reveal, back, open. */
export function renderDetail(detail, actions) {
  const masked = (value) => maskedNodes(detail.id, value, actions);
  const { request, answer, query, messages } = detail;
  return [
    head(detail, masked, actions),
    timing(detail),
    messages === undefined ? undefined : conversation(detail, masked),
    part('Request', 'request', detail.requestOctets, [
      query.length > 0 ? group('Query', fields(query, masked), true) : undefined,
      group(`Headers (${request.headers.length})`, fields(request.headers, masked), true),
      trailers(request, masked),
      messages === undefined ? body(request.body, masked) : undefined,
    ]),
    answer === undefined
      ? noAnswer(detail)
      : part('Answer', 'answer', detail.answerOctets, [
          group(`Headers (${answer.headers.length})`, fields(answer.headers, masked), true),
          trailers(answer, masked),
          messages === undefined ? body(answer.body, masked) : undefined,
        ]),
  ].filter((node) => node !== undefined);
}

function head(detail, masked, actions) {
  const { method, target, reason, replayOf, error } = detail;
  const status = element(
    'span',
    { className: 'badge', data: { class: classOf(detail) } },
    `${statusText(detail)} ${reason}`.trim(),
  );
  const origin = element('button', {
    type: 'button',
    className: 'link',
    textContent: `a replay of request ${replayOf}`,
    onclick: () => actions.open(replayOf),
  });
  return element(
    'div',
    { className: 'head' },
    element('button', { type: 'button', id: 'back', onclick: actions.back }, '← All requests'),
    element('h2', {}, element('span', { className: 'method' }, method), ' ', ...masked(target)),
    element('p', { className: 'facts' }, status, ...facts(detail)),
    replayOf === undefined ? '' : element('p', { className: 'facts' }, 'This is ', origin, '.'),
    error === undefined ? '' : problem(error),
    buttons(detail, actions),
  );
}

function buttons({ id, noReplay }, actions) {
  const button = (text, key, name, action) =>
    element('button', { type: 'button', id: name, onclick: action }, text, element('kbd', {}, key));
  const replay = button('Replay', 'r', 'replay', () => actions.replay(id));
  const edit = button('Edit and replay', 'e', 'edit', () => actions.edit(id));
  replay.className = 'primary';
  for (const one of [replay, edit]) {
    one.disabled = noReplay !== undefined;
    one.title = noReplay ?? '';
  }
  const withSecrets = element('button', { type: 'button', onclick: () => actions.curl(id, true) });
  withSecrets.textContent = '… with secrets';
  return element(
    'div',
    { className: 'buttons' },
    replay,
    edit,
    button('Copy as curl', 'c', 'curl', () => actions.curl(id, false)),
    withSecrets,
  );
}

function facts({ at, host, caller, server, httpVersion, hasRetried }) {
  const texts = [
    clockTime(at),
    host === '' ? '' : `for ${host}`,
    caller === '' ? '' : `from ${caller}`,
    `to ${server}`,
    `HTTP/${httpVersion}`,
    hasRetried ? 'sent twice: the first connection had died' : '',
  ];
  return texts.filter((text) => text !== '').map((text) => element('span', {}, text));
}

function problem({ code, text }) {
  const sentence = `${text[0].toUpperCase()}${text.slice(1)}.`;
  return element('p', { className: 'problem' }, sentence, ' ', element('code', {}, code));
}

function noAnswer(detail) {
  const text = isOver(detail) ? 'There was no answer of the target.' : 'No answer yet …';
  return part('Answer', 'answer', undefined, [element('p', { className: 'hint' }, text)]);
}

/** Three bars below each other, each where it belongs on the whole time. */
function timing(detail) {
  const { connected, answered, ended } = detail;
  const total = ended ?? answered ?? 0;
  if (total === 0) return undefined;
  const lanes = [
    ['connect', 0, connected],
    ['first byte', connected ?? 0, answered],
    [detail.isUpgrade ? 'open' : 'answer', answered, ended],
  ].filter(([, from, to]) => from !== undefined && to !== undefined);
  const rows = lanes.flatMap(([name, from, to]) => {
    const bar = element('i', { data: { lane: name } });
    bar.style.marginLeft = `${(100 * from) / total}%`;
    bar.style.width = `${Math.max(0.5, (100 * (to - from)) / total)}%`;
    return [
      element('dt', {}, name),
      element('dd', {}, element('span', { className: 'lane' }, bar), milliseconds(to - from)),
    ];
  });
  const whole = ended === undefined ? [] : [element('dt', {}, 'total'), totalOf(ended)];
  return element('dl', { className: 'timing' }, ...rows, ...whole);
}

function totalOf(ended) {
  return element('dd', {}, element('span', { className: 'lane' }), milliseconds(ended));
}

function part(title, name, size, children) {
  return element(
    'section',
    { className: 'part', id: name },
    element('h3', {}, title, size === undefined ? '' : element('small', {}, octets(size))),
    ...children,
  );
}

function group(title, content, isOpen) {
  return element('details', { open: isOpen }, element('summary', {}, title), content);
}

function fields(list, masked) {
  const rows = list.flatMap(({ name, value }) => [
    element('dt', {}, name),
    element('dd', {}, ...masked(value)),
  ]);
  return element('dl', { className: 'fields' }, ...rows);
}

function trailers({ trailers: list }, masked) {
  if (list.length === 0) return undefined;
  return group(`Trailers (${list.length})`, fields(list, masked), true);
}

function body({ kind, type, notes, text, image, fields: list, octets: size }, masked) {
  if (kind === 'none') return element('p', { className: 'hint' }, 'No body');
  const about = [type, kind === 'hex' ? 'in hexadecimal' : '', ...notes].filter(Boolean).join(', ');
  const content =
    image === undefined
      ? list === undefined
        ? element('pre', { tabIndex: 0, data: { kind } }, ...masked(text))
        : fields(list, masked)
      : element('img', { src: image, alt: `${type}, ${octets(size)}` });
  return element(
    'div',
    { className: 'body' },
    element('p', { className: 'hint' }, element('b', {}, 'Body'), ` ${about}`),
    content,
  );
}

function conversation({ messages, messagesDropped }, masked) {
  const rows = messages.map(({ side, at, type, octets: size, isCompressed, isWhole, text }) =>
    element(
      'div',
      { className: 'message', data: { side } },
      element('span', {}, clockTime(at)),
      element('span', {}, side === 'request' ? '→ from the caller' : '← from the target'),
      element('span', {}, `${type}, ${octets(size)}${isCompressed ? ', compressed' : ''}`),
      element('pre', {}, ...masked(text), isWhole ? '' : ' …'),
    ),
  );
  const older =
    messagesDropped === 0
      ? undefined
      : element('p', { className: 'hint' }, `${messagesDropped} older ones are not kept.`);
  return part('Messages', 'messages', undefined, [older, ...rows]);
}

function maskedNodes(id, pieces, actions) {
  return pieces.map((piece) => {
    if (typeof piece === 'string') return piece;
    const button = element('button', {
      type: 'button',
      className: 'secret',
      textContent: MASK,
      title: 'Hidden: show it',
      ariaLabel: 'A hidden value: show it',
    });
    button.addEventListener('click', () => void toggle(id, piece.hidden, button, actions));
    return button;
  });
}

async function toggle(id, hidden, button, actions) {
  const isShown = button.dataset.shown === 'true';
  const value = isShown ? MASK : await actions.reveal(id, hidden);
  if (value === undefined) return;
  button.textContent = value;
  button.dataset.shown = String(!isShown);
  button.title = isShown ? 'Hidden: show it' : 'Hide it again';
  button.setAttribute('aria-label', isShown ? 'A hidden value: show it' : `${value}: hide it`);
}
