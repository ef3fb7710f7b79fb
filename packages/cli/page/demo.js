// The page of the sample service. Its addresses are relative: it may be found below a path, too.
const byId = (id) => document.getElementById(id);
const base = location.pathname.endsWith('/') ? location.href : `${location.href}/`;
const addressOf = (name) => new URL(name, base);

const MOST_ROUND_TRIPS = 60;
const MOST_LINES = 8;
const INTERVAL = 1000;

function setState(id, state) {
  byId(id).textContent = state;
  byId(id).dataset.state = state;
}

function addLine(id, text) {
  const line = document.createElement('li');
  line.textContent = text;
  byId(id).prepend(line);
  while (byId(id).children.length > MOST_LINES) byId(id).lastElementChild.remove();
}

// A probe has a mark that nobody types.
const PROBE = '\u0001';
const roundTrips = [];

function showRoundTrip(milliseconds) {
  roundTrips.push(milliseconds);
  if (roundTrips.length > MOST_ROUND_TRIPS) roundTrips.shift();
  byId('round-trip').textContent = milliseconds.toFixed(1);
  const most = Math.max(...roundTrips, 1);
  const points = roundTrips.map((value, index) => {
    const x = (index / (MOST_ROUND_TRIPS - 1)) * 240;
    return `${x.toFixed(1)},${(58 - (value / most) * 54).toFixed(1)}`;
  });
  byId('line').setAttribute('points', points.join(' '));
}

let socket;

function openSocket() {
  const url = addressOf('socket');
  url.protocol = url.protocol.replace('http', 'ws');
  socket = new WebSocket(url);
  setState('socket-state', 'connecting');
  let timer;
  const probe = () => socket.send(PROBE + performance.now());
  socket.addEventListener('open', () => {
    setState('socket-state', 'open');
    byId('send').disabled = false;
    probe();
    timer = setInterval(probe, INTERVAL);
  });
  socket.addEventListener('message', ({ data }) => {
    if (data.startsWith(PROBE)) showRoundTrip(performance.now() - Number(data.slice(1)));
    else addLine('echoes', data);
  });
  socket.addEventListener('close', () => {
    clearInterval(timer);
    setState('socket-state', 'closed');
    byId('send').disabled = true;
    setTimeout(openSocket, 2 * INTERVAL);
  });
}

function openEvents() {
  const events = new EventSource(addressOf('events'));
  setState('events-state', 'connecting');
  events.addEventListener('open', () => setState('events-state', 'open'));
  events.addEventListener('error', () => setState('events-state', 'connecting'));
  events.addEventListener('message', ({ data }) => {
    const { number, sent } = JSON.parse(data);
    // Both clocks are of this machine.
    const delay = Math.max(0, Date.now() - sent);
    byId('delay').textContent = String(delay);
    addLine('events', `#${number}  ${new Date(sent).toLocaleTimeString()}  after ${delay} ms`);
  });
}

function addFact(name, value) {
  const [term, description] = [document.createElement('dt'), document.createElement('dd')];
  term.textContent = name;
  description.textContent = value;
  byId('seen').append(term, description);
}

async function showRequest() {
  const { request, service, headers } = await (await fetch(addressOf('hello'))).json();
  byId('relay').textContent = location.host;
  byId('service').textContent = service;
  addFact('request', request);
  for (const [name, value] of Object.entries(headers)) addFact(name, value);
}

byId('say').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = byId('text').value;
  if (text === '' || socket.readyState !== WebSocket.OPEN) return;
  socket.send(text);
  byId('text').value = '';
});

openSocket();
openEvents();
await showRequest();
