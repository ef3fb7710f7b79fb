/** The page of `framewire echo`: one WebSocket, everything that happens to it, and what it may do. */

/** Rows of the log; the oldest make room. */
const MAX_ROWS = 500;
/** Round trips that are remembered for the median and drawn. */
const MAX_SAMPLES = 120;
/** What of a message is shown: characters of text, octets of binary. */
const SHOWN_CHARACTERS = 400;
const SHOWN_OCTETS = 64;
const PROBE = 'framewire round trip ';

const CLOSE_CODES = new Map([
  [1000, 'normal closure'],
  [1001, 'going away'],
  [1002, 'protocol error'],
  [1003, 'unsupported data'],
  [1005, 'no code was sent'],
  [1006, 'no Close was received'],
  [1007, 'invalid payload'],
  [1008, 'policy violation'],
  [1009, 'message too big'],
  [1010, 'mandatory extension'],
  [1011, 'internal error'],
  [1012, 'service restart'],
  [1013, 'try again later'],
  [1014, 'bad gateway'],
  [1015, 'TLS handshake'],
]);

const byId = (id) => document.getElementById(id);
const utf8 = new TextEncoder();

let socket;
/** Messages whose echo has not come back, oldest first: an echo server keeps the order. */
let awaited = [];
let connectedAt = 0;
/** The Close of this side, in words. */
let sentClose;
/** Rows of the log that the next frame will show. */
let newRows = [];
let probes = 0;
let samples = [];
let timer;
const totals = { sent: 0, received: 0 };

// What is shown.

function clockTime(date = new Date()) {
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

function milliseconds(value) {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

function octets(count) {
  return count === 1 ? '1 octet' : `${count.toLocaleString('en')} octets`;
}

function cell(name, text) {
  const span = document.createElement('span');
  span.className = name;
  span.textContent = text;
  return span;
}

function addRow(direction, cells) {
  const row = document.createElement('div');
  row.className = 'row';
  row.dataset.direction = direction;
  row.append(...cells);
  if (newRows.length === 0) requestAnimationFrame(showRows);
  newRows.push(row);
  if (newRows.length > MAX_ROWS) newRows.shift();
}

/** Once a frame, however many messages came meanwhile: each time costs a layout of the log. */
function showRows() {
  const log = byId('log');
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(...newRows);
  newRows = [];
  while (log.childElementCount > MAX_ROWS) log.firstElementChild.remove();
  // Whoever scrolled up to read is left alone.
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

function logMessage(direction, { type, size, content }, trip) {
  totals[direction]++;
  addRow(direction, [
    cell('time', clockTime()),
    cell('direction', direction === 'sent' ? '→ sent' : '← received'),
    cell('type', type),
    cell('size', octets(size)),
    cell('trip', trip === undefined ? '' : milliseconds(trip)),
    cell('content', content),
  ]);
  byId('totals').textContent = `${totals.sent} sent, ${totals.received} received`;
}

function logEvent(text) {
  addRow('event', [cell('time', clockTime()), cell('event', text)]);
}

function describe(data) {
  if (typeof data === 'string') {
    const content = data.length > SHOWN_CHARACTERS ? `${data.slice(0, SHOWN_CHARACTERS)}…` : data;
    return { type: 'text', size: utf8.encode(data).length, content };
  }
  const shown = new Uint8Array(data).subarray(0, SHOWN_OCTETS);
  const hex = Array.from(shown, (octet) => octet.toString(16).padStart(2, '0')).join(' ');
  const content = data.byteLength > shown.length ? `${hex} …` : hex;
  return { type: 'binary', size: data.byteLength, content };
}

function setState(state) {
  const output = byId('state');
  if (output.dataset.state === state) return;
  output.dataset.state = state;
  output.textContent = state;
  const isOpen = state === 'open';
  byId('connect').disabled = state !== 'closed';
  byId('disconnect').disabled = !isOpen && state !== 'connecting';
  for (const id of ['send-text', 'send-binary', 'send-file', 'ping', 'close']) {
    byId(id).disabled = !isOpen;
  }
  if (state === 'connecting') clearLife();
  const since = performance.now() - connectedAt;
  const later = state === 'connecting' ? '' : ` (+${milliseconds(since)})`;
  document.querySelector(`[data-phase='${state}']`).textContent = clockTime() + later;
  // A button that was pressed and is disabled now must not take the keyboard's place with it.
  if (document.activeElement === document.body || document.activeElement?.disabled) {
    byId(isOpen ? 'text' : 'connect').focus({ preventScroll: true });
  }
}

function clearLife() {
  for (const phase of document.querySelectorAll('[data-phase]')) phase.textContent = '–';
  byId('protocol').textContent = '–';
  byId('extensions').textContent = '–';
  showClose('Not closed yet.', 'none');
}

function showClose(text, tone) {
  byId('close-info').textContent = text;
  byId('close-info').dataset.tone = tone;
}

// The connection.

function connect() {
  const protocols = byId('subprotocols')
    .value.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  connectedAt = performance.now();
  let opening;
  try {
    opening = new WebSocket(byId('url').value.trim(), protocols);
  } catch (error) {
    showClose(`Cannot connect: ${error.message}`, 'bad');
    return;
  }
  socket = opening;
  socket.binaryType = 'arraybuffer';
  awaited = [];
  sentClose = undefined;
  setState('connecting');
  logEvent(`connecting to ${socket.url}`);
  socket.addEventListener('open', onOpen);
  socket.addEventListener('message', ({ data }) => onMessage(data));
  socket.addEventListener('close', onClose);
  socket.addEventListener('error', onError);
}

/** A connection that the page's own policy forbids ends in an error and no close. */
function onError() {
  const failed = socket;
  setTimeout(() => {
    if (failed !== socket || failed.readyState !== WebSocket.CLOSED) return;
    if (byId('state').dataset.state === 'closed') return;
    setState('closed');
    showClose(
      'Not allowed: this page connects to the server it came from, and to no other.',
      'bad',
    );
    logEvent('not allowed by the policy of this page');
  });
}

function onOpen() {
  setState('open');
  byId('protocol').textContent = socket.protocol === '' ? 'none' : socket.protocol;
  byId('extensions').textContent = socket.extensions === '' ? 'none' : socket.extensions;
  logEvent(`open after ${milliseconds(performance.now() - connectedAt)}`);
  if (byId('every-second').checked) startTimer();
}

function onMessage(data) {
  const message = describe(data);
  const first = awaited[0];
  // Another server than an echo server may say anything; then there is no round trip to tell.
  const isEcho = first?.type === message.type && first.size === message.size;
  const trip = isEcho ? performance.now() - first.at : undefined;
  if (isEcho) awaited.shift();
  if (isEcho && first.isProbe) addSample(trip);
  else logMessage('received', message, trip);
}

function onClose({ code, reason, wasClean }) {
  stopTimer();
  setState('closed');
  const text = `received ${describeCode(code)}, ${describeReason(reason)}`;
  const how = wasClean ? 'clean' : 'not clean';
  const own = sentClose === undefined ? '' : ` Sent before: ${sentClose}.`;
  showClose(`Closed: ${text}; ${how} (wasClean: ${wasClean}).${own}`, wasClean ? 'good' : 'bad');
  logEvent(`closed: ${text}; ${how}`);
}

function describeCode(code) {
  const name = CLOSE_CODES.get(code);
  return name === undefined ? String(code) : `${code} (${name})`;
}

function describeReason(reason) {
  return reason === '' ? 'no reason' : `“${reason}”`;
}

function close(code, reason) {
  try {
    if (code === undefined && reason === '') socket.close();
    else if (code === undefined) throw new TypeError('A reason needs a code.');
    else socket.close(code, reason);
  } catch (error) {
    showClose(error.message, 'bad');
    return;
  }
  stopTimer();
  if (socket.readyState !== WebSocket.CLOSING || sentClose !== undefined) return;
  sentClose = `${describeCode(code ?? 1005)}, ${describeReason(reason)}`;
  setState('closing');
  logEvent(`closing: sent ${sentClose}`);
}

function send(data) {
  if (socket?.readyState !== WebSocket.OPEN) return;
  const message = describe(data);
  awaited.push({ ...message, content: '', at: performance.now(), isProbe: false });
  socket.send(data);
  logMessage('sent', message);
}

// The round trip.

function probe() {
  // A server that does not echo must not be flooded with questions.
  if (socket?.readyState !== WebSocket.OPEN || awaited.some((message) => message.isProbe)) return;
  probes++;
  const text = PROBE + probes;
  awaited.push({ type: 'text', size: text.length, at: performance.now(), isProbe: true });
  socket.send(text);
}

function addSample(trip) {
  samples = [...samples, trip].slice(-MAX_SAMPLES);
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
  const values = { last: trip, min: sorted[0], median, max: sorted.at(-1) };
  for (const [name, value] of Object.entries(values)) {
    byId('latency').querySelector(`[data-value='${name}']`).textContent = milliseconds(value);
  }
  drawGauge(values.max);
}

function drawGauge(max) {
  const points = samples.map((sample, index) => {
    const x = samples.length === 1 ? 0 : (index / (samples.length - 1)) * 240;
    return `${x.toFixed(1)},${(38 - (sample / max) * 35).toFixed(1)}`;
  });
  if (points.length === 1) points.push(points[0].replace(/^0\.0|^0/, '240'));
  document.querySelector('#gauge polyline').setAttribute('points', points.join(' '));
}

function startTimer() {
  stopTimer();
  probe();
  timer = setInterval(probe, 1000);
}

function stopTimer() {
  clearInterval(timer);
}

// What the person does.

function onSubmit(id, action) {
  byId(id).addEventListener('submit', (event) => {
    event.preventDefault();
    action();
  });
}

function parseHex(text) {
  const digits = text.replaceAll(/0x|[\s,:]/gi, '');
  if (!/^(?:[\da-f]{2})*$/i.test(digits)) return undefined;
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function sendHex() {
  const input = byId('hex');
  const bytes = parseHex(input.value);
  input.setCustomValidity(bytes === undefined ? 'Two hexadecimal digits for each octet' : '');
  if (bytes === undefined) input.reportValidity();
  else send(bytes.buffer);
}

async function sendFile() {
  const [file] = byId('file').files;
  if (file !== undefined) send(await file.arrayBuffer());
}

function listen() {
  onSubmit('connect-form', connect);
  onSubmit('text-form', () => {
    send(byId('text').value);
    // Enter again repeats it, typing replaces it.
    byId('text').select();
  });
  onSubmit('hex-form', sendHex);
  onSubmit('file-form', sendFile);
  onSubmit('close-form', () => {
    const code = byId('close-code').value.trim();
    close(code === '' ? undefined : Number(code), byId('close-reason').value);
  });
  byId('hex').addEventListener('input', () => byId('hex').setCustomValidity(''));
  byId('disconnect').addEventListener('click', () => close(1000, ''));
  byId('ping').addEventListener('click', probe);
  byId('every-second').addEventListener('change', ({ target }) => {
    if (target.checked && socket?.readyState === WebSocket.OPEN) startTimer();
    else stopTimer();
  });
  byId('text').addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (!byId('send-text').disabled) byId('text-form').requestSubmit();
  });
  byId('clear').addEventListener('click', () => {
    newRows = [];
    byId('log').replaceChildren();
  });
}

const { path, subprotocols } = document.body.dataset;
byId('url').value = `${location.protocol.replace('http', 'ws')}//${location.host}${path}`;
byId('subprotocols').value = subprotocols;
listen();
