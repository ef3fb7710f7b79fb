/** An echo with framewire. `handler`: one for all connections; `loop`: `for await` for each. */
import {
  WebSocketServer,
  type Connection,
  type PerMessageDeflateOptions,
  type ServerOptions,
} from 'framewire';
import { COMPRESS_ALL, type DeflateSettings, type ServerSettings } from '../operations.ts';
import { BACKLOG, HOST, serve, unknownStyle } from './serving.ts';

async function echo(connection: Connection): Promise<void> {
  for await (const message of connection) await connection.send(message);
}

function styleOptions(style: string): ServerOptions {
  if (style === 'loop') return { onConnection: echo };
  if (style !== 'handler') return unknownStyle(style);
  return {
    handler: {
      message(connection, message) {
        void connection.send(message);
      },
    },
  };
}

function deflateOptions(settings: DeflateSettings): PerMessageDeflateOptions {
  return { ...settings, threshold: COMPRESS_ALL };
}

serve(async ({ style, deflate }: ServerSettings) => {
  const server = new WebSocketServer({
    ...styleOptions(style),
    perMessageDeflate: deflate === undefined ? false : deflateOptions(deflate),
  });
  const { port } = await server.listen({ port: 0, host: HOST, backlog: BACKLOG });
  return port;
});
