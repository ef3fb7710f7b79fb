/** The agent: what it is asked, and what it tells by itself. */

/** In the fragment of the address, which goes to nobody. */
const token = location.hash.slice(1);

/** Milliseconds until the next attempt after the connection was lost. */
const RECONNECT_DELAY = 1000;

export async function ask(method, path, value) {
  let response;
  try {
    response = await fetch(`/api/${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}` },
      body: value === undefined ? undefined : JSON.stringify(value),
    });
  } catch (error) {
    throw new Error('The agent does not answer.', { cause: error });
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

/** Calls `onMessage` with a snapshot first, and again whenever the connection is there again. */
export function follow(onMessage, onState) {
  if (token === '') {
    onState('locked');
    return;
  }
  onState('connecting');
  let wasOpen = false;
  const socket = new WebSocket(`ws://${location.host}/live`, [
    'framewire-inspector',
    `token.${token}`,
  ]);
  socket.addEventListener('message', ({ data }) => onMessage(JSON.parse(data)));
  socket.addEventListener('open', () => {
    wasOpen = true;
    onState('live');
  });
  const onClose = async () => {
    // A browser does not say why a handshake failed.
    if (!wasOpen && (await isLocked())) {
      onState('locked');
      return;
    }
    onState('gone');
    setTimeout(() => follow(onMessage, onState), RECONNECT_DELAY);
  };
  socket.addEventListener('close', () => void onClose());
}

async function isLocked() {
  try {
    const headers = { Authorization: `Bearer ${token}` };
    const { status } = await fetch('/api/search?q=', { headers });
    return status === 401;
  } catch {
    return false;
  }
}
