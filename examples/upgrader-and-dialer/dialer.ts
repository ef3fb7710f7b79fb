/**
 * A tour of gorilla's `Dialer`, and of what a client does with its `Conn`, in terms of this
 * library. Each comment begins with the name in Go. `Dialer.Proxy` is in through-a-proxy.ts.
 *
 *     node examples/.build/upgrader-and-dialer/dialer.js [url]      first start upgrader.js
 */
import { connect as connectTcp } from 'node:net';
import { CloseCode, connect, ConnectionClosedError, HandshakeError } from 'framewire';

type Print = (line: string) => void;

export async function main(url: string, print: Print = console.log): Promise<void> {
  const connection = await connect(url, {
    // Dialer.HandshakeTimeout: from the first packet to the 101. The same default, 45 s.
    handshakeTimeout: 5_000,
    // DialContext(ctx, …): ends the opening in any of its phases.
    signal: AbortSignal.timeout(10_000),
    // Dialer.Subprotocols, and then Conn.Subprotocol().
    protocols: ['tour.v3', 'tour.v1'],
    // The requestHeader of Dial. Dialer.Jar: the cookies one has, and see responseHeaders below.
    headers: { 'User-Agent': 'tour', Cookie: 'theme=dark' },
    origin: 'https://www.example.com',
    // Dialer.TLSClientConfig, for wss: only.
    tls: { minVersion: 'TLSv1.3' },
    // Dialer.NetDial, NetDialContext, NetDialTLSContext, NewClient: any Duplex that is connected.
    transport: connectTcp(Number(new URL(url).port), '127.0.0.1'),
    // Dialer.EnableCompression: offered; the server may decline.
    perMessageDeflate: true,
    // Conn.SetPongHandler and the like; without `message` the connection is read below.
    handler: { pong: (_, payload) => print(`a Pong with ${payload.length} octets`) },
  });

  // The *http.Response of Dial.
  print(`a cookie: ${connection.responseHeaders?.has('set-cookie')}`);
  // Conn.Subprotocol, RemoteAddr; Conn.NetConn is `connection.transport`.
  print(`${connection.protocol} with ${connection.remoteAddress}`);
  print(`compression: ${connection.perMessageDeflate !== undefined}`);

  // ReadMessage: a string is text, a Uint8Array binary. SetReadDeadline for this one read, after
  // which the connection is as good as before.
  print(String(await connection.receive({ signal: AbortSignal.timeout(5_000) })));
  // WriteMessage(BinaryMessage, …); NextWriter is `sendStream`, WriteJSON is `withCodec(json())`.
  await connection.send(Uint8Array.of(1, 2, 3));
  print(`binary: ${String(await connection.receive())}`);
  // WriteControl(PingMessage, …): resolves with the round trip's milliseconds.
  await connection.ping({ payload: 'are you there?' });

  // WriteControl(CloseMessage, FormatCloseMessage(…)), and the wait for the answer. Conn.Close,
  // without a closing handshake, is `connection.terminate()`.
  const { code, wasClean } = await connection.close(CloseCode.normal, 'the tour is over');
  print(`closed with ${code}, ${wasClean ? 'clean' : 'not clean'}`);
  // ErrCloseSent; IsCloseError(err, …) and IsUnexpectedCloseError compare `error.info.code`.
  await connection.send('too late').catch((error: unknown) => {
    print(`closed: ${error instanceof ConnectionClosedError && error.info.code === 1000}`);
  });

  // ErrBadHandshake, with the response and the first octets of its body.
  try {
    await connect(url, { origin: 'https://example.org' });
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error;
    print(`${error.status}: ${new TextDecoder().decode(error.body).trim()}`);
  }
}

if (process.argv[1] === import.meta.filename) {
  await main(process.argv[2] ?? 'ws://127.0.0.1:8080/');
}
