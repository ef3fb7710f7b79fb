/** A client with framewire, read by a handler. Over HTTP/2 its connections share a session. */
import { connect } from 'framewire';
import { serveClient } from './serving.ts';

serveClient(async (url, events, { http2, ca }) => {
  const connection = await connect(url, {
    httpVersion: http2 ? 2 : 1,
    ...(ca !== undefined && { tls: { ca } }),
    perMessageDeflate: false,
    handler: {
      message(_connection, message) {
        events.onMessage(message as Uint8Array);
      },
      closed: () => events.onClosed(),
    },
  });
  return {
    send: (data) => void connection.send(data),
    close: () => void connection.close(),
  };
});
