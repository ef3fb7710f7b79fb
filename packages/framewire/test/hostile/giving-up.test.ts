/** 33 An opening handshake that is given up, in each of the phases in which it waits for somebody. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { connect, type ConnectOptions } from 'framewire';
import { hex, ManualClock } from 'framewire/testing';
import { selfSigned } from '../connection/certificate.ts';
import { RawListener } from '../connection/opening.ts';
import { turn, turns, within } from '../connection/raw-peer.ts';
import { listen } from '../server/http2-peer.ts';

const certificate = selfSigned();

/** How a client gets to where nobody answers. */
interface Phase {
  readonly url: string;
  readonly options?: ConnectOptions;
  /** Resolves when it waits there. */
  readonly reached: Promise<unknown>;
}

function never<Value>(): Promise<Value> {
  return new Promise(() => {});
}

/** A function that is called, and never answers; and when it was. */
function silent<Value>(): { readonly call: () => Promise<Value>; readonly called: Promise<void> } {
  let tell!: () => void;
  const called = new Promise<void>((resolve) => (tell = resolve));
  return { call: () => (tell(), never<Value>()), called };
}

type Setting = (listener: RawListener, t: TestContext) => Phase | Promise<Phase>;

/** The next client of the listener has sent something, which nobody answers. */
async function asked(listener: RawListener): Promise<void> {
  await (await listener.next()).read(1);
}

async function answered(listener: RawListener, ...answer: string[]): Promise<void> {
  const peer = await listener.next();
  await peer.readHead();
  peer.send(...answer);
  await turns(5);
}

function secure({ url }: RawListener): string {
  return url.replace('ws:', 'wss:');
}

function proxied({ port }: RawListener, scheme: string): ConnectOptions {
  return { proxy: `${scheme}://127.0.0.1:${port}` };
}

const PHASES: Readonly<Record<string, Setting>> = {
  'the headers function': ({ url }) => {
    const { call, called } = silent<Record<string, string>>();
    return { url, options: { headers: call }, reached: called };
  },
  'the cookie jar': ({ url }) => {
    const { call, called } = silent<string>();
    return {
      url,
      options: { cookieJar: { getCookieString: call, setCookie() {} } },
      reached: called,
    };
  },
  'the proxy function': ({ url }) => {
    const { call, called } = silent<string>();
    return { url, options: { proxy: call }, reached: called };
  },
  DNS: () => {
    const { call, called } = silent<void>();
    return { url: 'ws://name.invalid/', options: { tcp: { lookup: call } }, reached: called };
  },
  'the dial hook': ({ url }) => {
    const { call, called } = silent<net.Socket>();
    return { url, options: { dial: call }, reached: called };
  },
  'the dialTls hook': (listener) => {
    const { call, called } = silent<net.Socket>();
    return { url: secure(listener), options: { dialTls: call }, reached: called };
  },
  TCP: ({ url }) => ({ url, reached: Promise.resolve() }),
  TLS: (listener) => ({ url: secure(listener), reached: asked(listener) }),
  'an HTTP proxy': (listener) => ({
    url: 'ws://name.invalid/',
    options: proxied(listener, 'http'),
    reached: asked(listener),
  }),
  'the TLS of a proxy': (listener) => ({
    url: 'ws://name.invalid/',
    options: proxied(listener, 'https'),
    reached: asked(listener),
  }),
  'a SOCKS proxy': (listener) => ({
    url: 'ws://name.invalid/',
    options: proxied(listener, 'socks5'),
    reached: asked(listener),
  }),
  'TLS behind a proxy': (listener) => ({
    url: 'wss://name.invalid/',
    options: proxied(listener, 'http'),
    reached: answered(listener, 'HTTP/1.1 200 OK\r\n\r\n'),
  }),
  'HTTP behind a proxy': (listener) => ({
    url: 'ws://name.invalid/',
    options: proxied(listener, 'http'),
    reached: answered(listener, 'HTTP/1.1 200 OK\r\n\r\n'),
  }),
  HTTP: (listener) => ({ url: listener.url, reached: asked(listener) }),
  'HTTP through an agent': (listener, t) => {
    const agent = new http.Agent({ keepAlive: true });
    t.after(() =>
      assert.deepEqual([agent.sockets, agent.requests], [{ __proto__: null }, { __proto__: null }]),
    );
    return { url: listener.url, options: { agent }, reached: asked(listener) };
  },
  'what a redirect leads to': (listener) => ({
    url: listener.url,
    options: { maxRedirects: 1 },
    reached: (async () => {
      await answered(listener, 'HTTP/1.1 302 Found\r\nLocation: /next\r\n\r\n');
      await asked(listener);
    })(),
  }),
  'the cookie jar, with a cookie': (listener) => {
    const { call, called } = silent<void>();
    return {
      url: listener.url,
      options: { cookieJar: { getCookieString: () => '', setCookie: call } },
      reached: Promise.all([
        answered(listener, 'HTTP/1.1 403 No\r\nSet-Cookie: a=b\r\n\r\n'),
        called,
      ]),
    };
  },
  'the SETTINGS of HTTP/2': (listener) => ({
    url: listener.url,
    options: { httpVersion: 2 },
    reached: asked(listener),
  }),
  'HTTP/2': (listener) => ({
    url: listener.url,
    options: { httpVersion: 2 },
    reached: (async () => {
      const peer = await listener.next();
      peer.send(hex`000006 04 00 00000000 0008 00000001`);
      // The preface, SETTINGS and WINDOW_UPDATE are shorter than what comes with the request.
      await peer.read(120);
    })(),
  }),
};

function openSockets(): number {
  const names = process.getActiveResourcesInfo();
  return names.filter((name) => /^(TCP|TLS|Pipe|GetAddr)/u.test(name) && !/Server/u.test(name))
    .length;
}

for (const [phase, set] of Object.entries(PHASES)) {
  for (const how of ['timeout', 'abort'] as const) {
    test(`33 ${how} while waiting for ${phase}: rejects, and leaves no socket, timer or listener`, async (t) => {
      const listener = await RawListener.start(t);
      const clock = new ManualClock();
      const controller = new AbortController();
      const { signal } = controller;
      const before = openSockets();
      const { url, options, reached } = await set(listener, t);
      const connecting = connect(url, { ...options, clock, signal, handshakeTimeout: 500 });
      connecting.catch(() => {});
      await within(reached, phase);
      const reason = new Error('changed my mind');
      if (how === 'abort') controller.abort(reason);
      else clock.advance(500);
      await assert.rejects(
        within(connecting, 'the rejection'),
        how === 'abort' ? (error) => error === reason : { code: 'ERR_WS_OPENING_TIMEOUT' },
      );
      assert.equal(clock.pending, 0);
      assert.equal(getEventListeners(signal, 'abort').length, 0);
      await listener.abandoned();
      listener.endAll();
      for (let count = 0; count < 1000 && openSockets() > before; count++) await turn();
      assert.ok(openSockets() <= before, `${openSockets()} sockets after ${before}`);
    });
  }
}

test('33 what a hook dials too late is destroyed', async () => {
  const controller = new AbortController();
  const reason = new Error('changed my mind');
  let give!: (socket: net.Socket) => void;
  const connecting = connect('ws://name.invalid/', {
    signal: controller.signal,
    dial: () => new Promise((resolve) => (give = resolve)),
  });
  connecting.catch(() => {});
  await turn();
  controller.abort(reason);
  await assert.rejects(connecting, reason);
  const socket = new net.Socket();
  give(socket);
  await turn();
  assert.equal(socket.destroyed, true);
});

test('33 one of several WebSockets of a session that gives up leaves the session to the others', async (t) => {
  const httpServer = http2.createSecureServer({
    ...certificate,
    settings: { enableConnectProtocol: true },
  });
  const streams: http2.ServerHttp2Stream[] = [];
  httpServer.on('stream', (stream) => {
    stream.on('error', () => {});
    streams.push(stream);
    // The second one is never answered.
    if (streams.length === 1) stream.respond({ ':status': 200 });
  });
  const url = `wss://127.0.0.1:${await listen(t, httpServer)}/`;
  const options: ConnectOptions = { httpVersion: 2, tls: { ca: certificate.cert } };
  const connection = await connect(url, options);
  const controller = new AbortController();
  const second = connect(url, { ...options, signal: controller.signal });
  second.catch(() => {});
  while (streams.length < 2) await turn();
  const gone = new Promise((resolve) => streams[1]!.once('close', resolve));
  controller.abort();
  await assert.rejects(second, { name: 'AbortError' });
  await within(gone, 'the end of the stream');
  assert.equal(streams[1]!.rstCode, http2.constants.NGHTTP2_CANCEL);
  assert.equal(connection.readyState, 'open');
  connection.terminate();
});
