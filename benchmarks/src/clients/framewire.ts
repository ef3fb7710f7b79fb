/** A client with framewire, read by a handler. */
import { connect } from 'framewire';
import { serveClient } from './serving.ts';

serveClient(async (url, events) => {
  const connection = await connect(url, {
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
