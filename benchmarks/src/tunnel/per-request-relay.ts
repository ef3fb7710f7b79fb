/** The public side of one WebSocket per request. */
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { WebSocketServer, type Connection } from 'framewire';
import type { AnswerHead, RequestHead } from './per-request.ts';

export function attachPerRequest(server: Server): void {
  const spare: Connection[] = [];
  const waiting: ((connection: Connection) => void)[] = [];
  const webSockets = new WebSocketServer({
    perMessageDeflate: false,
    onConnection(connection) {
      const takeIt = waiting.shift();
      if (takeIt === undefined) spare.push(connection);
      else takeIt(connection);
    },
  });
  webSockets.attach(server);
  const take = (): Connection | Promise<Connection> =>
    spare.shift() ?? new Promise((resolve) => waiting.push(resolve));
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    void relay(request, response, take);
  });
}

async function relay(
  request: IncomingMessage,
  response: ServerResponse,
  take: () => Connection | Promise<Connection>,
): Promise<void> {
  try {
    const connection = await take();
    const { method = 'GET', url: path = '/', rawHeaders: headers } = request;
    void connection.send(JSON.stringify({ method, path, headers } satisfies RequestHead));
    for await (const message of connection) {
      if (typeof message === 'string') {
        const { status, reason, headers } = JSON.parse(message) as AnswerHead;
        response.writeHead(status, reason, [...headers]);
      } else if (!response.write(message)) await once(response, 'drain');
    }
    response.end();
  } catch {
    response.destroy();
  }
}
