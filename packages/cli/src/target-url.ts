/** What people type instead of a whole WebSocket URL. */

/** A scheme with its slashes, or one of the schemes for unix sockets, which have none. */
const HAS_SCHEME = /^(?:[a-z][a-z\d+.-]*:\/\/|wss?\+unix:)/iu;

/** `:8080/path`, and the bare number of a port. */
const PORT_FIRST = /^:?(\d{1,5})(?=[/?]|$)/u;

/**
 * The URL that is meant: `localhost:8080` is `ws://localhost:8080`, `:8080/path` and `8080/path` are
 * `ws://127.0.0.1:8080/path`. What has a scheme stays as it is.
 */
export function completeUrl(text: string): string {
  if (HAS_SCHEME.test(text)) return text;
  const port = PORT_FIRST.exec(text);
  if (port === null) return `ws://${text.replace(/^\/\//u, '')}`;
  return `ws://127.0.0.1:${port[1]}${text.slice(port[0].length)}`;
}
