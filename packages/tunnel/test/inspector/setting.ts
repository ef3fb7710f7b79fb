/** A relay, an agent with an inspector, and a target, all on the loopback interface. */
import http, { type IncomingMessage, type RequestListener } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { connect, json, WebSocketServer, type CodecConnection } from 'framewire';
import {
  Inspector,
  openTunnel,
  TunnelRelay,
  type InspectorOptions,
  type InspectorServer,
  type TargetOption,
} from '#src/index.js';

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

export interface Setting extends AsyncDisposable {
  readonly inspector: Inspector;
  readonly server: InspectorServer;
  readonly relayPort: number;
  readonly token: string;
  /** What the target was asked, oldest first. */
  readonly asked: readonly { readonly message: IncomingMessage; readonly body: string }[];
  /** Asks through the tunnel. */
  call(path: string, options?: http.RequestOptions, body?: string | Buffer): Promise<Answer>;
  /** Asks the inspector, with its token unless other headers are given. */
  api(method: string, path: string, value?: unknown): Promise<{ status: number; value: never }>;
}

/** The target: it answers by path. */
const answerOf: RequestListener = (request, response) => {
  const path = (request.url ?? '').split('?', 1)[0];
  if (path === '/json') {
    response.setHeader('Content-Type', 'application/json');
    response.setHeader('Set-Cookie', 'sid=answer-cookie; HttpOnly');
    response.end('{"user":"ada","access_token":"answer-token","n":12345678901234567890}');
  } else if (path === '/gzip') {
    response.setHeader('Content-Type', 'text/plain');
    response.setHeader('Content-Encoding', 'gzip');
    response.end(gzipSync('needle in a haystack'));
  } else if (path === '/image') {
    response.setHeader('Content-Type', 'image/png');
    response.end(PIXEL);
  } else if (path === '/break') {
    response.writeHead(200, { 'Content-Length': 10 });
    response.write('half', () => response.destroy());
  } else {
    response.statusCode = Number(/^\/(\d{3})$/u.exec(path ?? '')?.[1] ?? 200);
    response.setHeader('Content-Type', 'text/plain');
    response.end(`${request.method} ${path}`);
  }
};

const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

export async function createSetting(
  options: InspectorOptions = {},
  otherTarget?: TargetOption,
): Promise<Setting> {
  const asked: { message: IncomingMessage; body: string }[] = [];
  const target = http.createServer((message, response) => {
    void bodyOf(message).then((body) => {
      asked.push({ message, body });
      answerOf(message, response);
    });
  });
  const echo = new WebSocketServer({
    perMessageDeflate: true,
    onConnection: async (connection) => {
      for await (const message of connection) await connection.send(message);
    },
  });
  echo.attach(target, { path: '/echo' });
  const targetPort = await listen(target);
  const relay = new TunnelRelay({ openRegistration: true, domains: ['tunnel.test'] });
  const front = http.createServer();
  relay.attach(front);
  const relayPort = await listen(front);
  const inspector = new Inspector(options);
  const tunnel = await openTunnel(`ws://127.0.0.1:${relayPort}`, {
    target: otherTarget ?? `http://127.0.0.1:${targetPort}`,
    name: 'app',
    connections: 1,
    onlooker: inspector,
  });
  const server = await inspector.serve();
  const token = server.url.hash.slice(1);
  const call: Setting['call'] = (path, { headers, ...rest } = {}, body) =>
    ask(
      {
        host: '127.0.0.1',
        port: relayPort,
        path,
        headers: { Host: 'app.tunnel.test', ...(headers as object) },
        agent: false,
        ...rest,
      },
      body,
    );
  return {
    inspector,
    server,
    relayPort,
    token,
    asked,
    call,
    api: async (method, path, value) => {
      const headers = { Authorization: `Bearer ${token}` };
      const at = { host: '127.0.0.1', port: server.port, path: `/api/${path}` };
      const body = value === undefined ? undefined : JSON.stringify(value);
      const { status, text } = await ask({ ...at, method, headers, agent: false }, body);
      return { status, value: JSON.parse(text) as never };
    },
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await tunnel.close(0);
      await echo.close({ timeout: 100 });
      for (const one of [front, target]) {
        one.close();
        one.closeAllConnections();
      }
    },
  };
}

export interface FeedMessage {
  readonly type: 'snapshot' | 'change';
  readonly exchanges: readonly {
    readonly id: number;
    readonly path: string;
    readonly state: string;
    readonly replayOf?: number;
  }[];
  readonly removed?: readonly number[];
}

/** The feed, and a way to wait for what it says. */
export class Feed {
  readonly connection: CodecConnection<FeedMessage>;

  private constructor(connection: CodecConnection<FeedMessage>) {
    this.connection = connection;
  }

  static async open({ server, token }: Setting): Promise<Feed> {
    const connection = await connect(`ws://127.0.0.1:${server.port}/live`, {
      protocols: ['framewire-inspector', `token.${token}`],
    });
    return new Feed(connection.withCodec(json<FeedMessage>()));
  }

  async next(): Promise<FeedMessage> {
    const message = await this.connection.receive();
    if (message === undefined) throw new Error('the feed has ended');
    return message;
  }

  async until(fits: (message: FeedMessage) => boolean): Promise<FeedMessage> {
    for (;;) {
      const message = await this.next();
      if (fits(message)) return message;
    }
  }

  /** The id of the exchange of this path, once it is over. */
  async over(path: string): Promise<number> {
    let id = 0;
    await this.until(({ exchanges }) => {
      const found = exchanges.find((one) => one.path === path && /done|failed/u.test(one.state));
      id = found?.id ?? 0;
      return found !== undefined;
    });
    return id;
  }
}

export async function ask(options: http.RequestOptions, body?: string | Buffer): Promise<Answer> {
  const request = http.request(options);
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const text = await bodyOf(response);
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function listen(server: http.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
