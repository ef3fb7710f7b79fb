/** WebSockets over HTTP/2 (RFC 8441) with Python's h2 and wsproto, in either role. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { CloseInfo, ConnectOptions } from 'framewire';
import { HOME } from '../peers.ts';
import { echo, ended, OurServer } from './our-server.ts';
import { Program } from './program.ts';
import type { Part, Scenario, Tool, Workshop } from './workshop.ts';

const H2: Tool = { debian: 'python3-h2', path: '/usr/lib/python3/dist-packages/h2' };
const WSPROTO: Tool = { debian: 'python3-wsproto', path: '/usr/lib/python3/dist-packages/wsproto' };

const INTERPRETER = '/usr/bin/python3';
const PROGRAM = join(HOME, 'peers', 'python', 'http2_peer.py');

interface Event {
  readonly event: string;
  readonly port?: number;
  readonly code?: number;
  readonly reason?: string;
  readonly length?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The program, and what it says happens to it. */
interface Peer {
  readonly program: Program;
  /** The next event of this kind; others before it are passed over. */
  readonly sees: (kind: string) => Promise<Event>;
}

async function start(workshop: Workshop, ...args: readonly string[]): Promise<Peer> {
  const program = await Program.start(INTERPRETER, ['-u', PROGRAM, ...args]);
  workshop.keep(program);
  const sees = async (kind: string): Promise<Event> => {
    for (;;) {
      const line = await program.lines.next().catch(async (error: Error) => {
        throw new Error(`${error.message}, waiting for ${kind}:\n${await program.log()}`);
      });
      const event: Event = JSON.parse(line);
      if (event.event !== kind) continue;
      await assertHealthy(program);
      return event;
    }
  };
  return { program, sees };
}

/** Its event loop would go on without what has failed. */
async function assertHealthy(program: Program): Promise<void> {
  const log = await program.log();
  assert.ok(!log.includes('Traceback'), log);
}

/** A server of Python's, to which the library is the client. */
interface PythonServer {
  readonly workshop: Workshop;
  readonly peer: Peer;
  readonly url: string;
}

async function listen(
  workshop: Workshop,
  scheme: 'ws' | 'wss',
  ...args: readonly string[]
): Promise<PythonServer> {
  const { certificate, key } = workshop.certificate;
  const tls = scheme === 'wss' ? ['--certificate', certificate, '--key', key] : [];
  const peer = await start(workshop, 'listen', ...tls, ...args);
  const { port } = await peer.sees('listening');
  return { workshop, peer, url: `${scheme}://127.0.0.1:${port}` };
}

function echoes(server: PythonServer, title: string, options: ConnectOptions): Scenario {
  const { workshop, peer, url } = server;
  return {
    title: `server, ${new URL(url).protocol} ${title}`,
    run: async () => {
      const client = await workshop.connect(`${url}/echo`, { httpVersion: 2, ...options });
      const isCompressed = options.perMessageDeflate === true;
      assert.equal(client.perMessageDeflate !== undefined, isCompressed);
      assert.equal(client.protocol, options.protocols === undefined ? '' : 'chat');
      await echo(client);
      const { code, wasClean } = await client.close(1000, 'done');
      assert.deepEqual({ code, wasClean }, { code: 1000, wasClean: true });
      const { headers = {} } = await peer.sees('request');
      assert.equal(headers[':protocol'], 'websocket');
      const { code: seen, reason } = await peer.sees('close');
      assert.deepEqual({ seen, reason }, { seen: 1000, reason: 'done' });
      await peer.sees('ended');
      await peer.sees('lost');
    },
  };
}

/** The server does something else than to close, when it is told to. */
function endsBadly(server: PythonServer, path: string, cause: RegExp): Scenario {
  const { workshop, peer, url } = server;
  return {
    title: `server, ${new URL(url).protocol} ${path}: 1006, and why`,
    run: async () => {
      const client = await workshop.connect(`${url}/${path}`, { httpVersion: 2 });
      await client.send('now');
      assertAbnormal(await ended(client), cause);
      await peer.sees('lost');
    },
  };
}

/** END_STREAM is an end in order (RFC 8441 §5), so that nothing is the cause of it. */
function assertAbnormal(info: CloseInfo, cause: RegExp): void {
  const { code, wasClean, initiator, error } = info;
  const expected = { code: 1006, wasClean: false, initiator: 'network' };
  assert.deepEqual({ code, wasClean, initiator }, expected);
  assert.ok(error !== undefined && 'code' in error && error.code === 'ERR_WS_TRUNCATED');
  assert.match(String(error.cause), cause);
}

const RESET = /INTERNAL_ERROR$/u;
const END = /^undefined$/u;
const FAILURE = /Session closed with error code 2$/u;

function serverScenarios(plain: PythonServer, secure: PythonServer): Scenario[] {
  const { workshop, peer, url } = plain;
  return [
    echoes(plain, 'echo and Close', {}),
    echoes(secure, 'echo and Close', {}),
    echoes(plain, 'with a subprotocol', { protocols: ['other', 'chat'] }),
    echoes(plain, 'with permessage-deflate', { perMessageDeflate: true }),
    {
      title: 'server, ws: its own Close',
      run: async () => {
        const client = await workshop.connect(`${url}/close`, { httpVersion: 2 });
        await client.send('now');
        const { code, reason, wasClean, initiator } = await ended(client);
        const expected = { code: 4000, reason: 'as told', wasClean: true, initiator: 'server' };
        assert.deepEqual({ code, reason, wasClean, initiator }, expected);
        await peer.sees('close');
        await peer.sees('lost');
      },
    },
    endsBadly(plain, 'reset', RESET),
    endsBadly(plain, 'cancel', /reset with CANCEL$/u),
    endsBadly(plain, 'stop', /reset with NO_ERROR$/u),
    endsBadly(plain, 'end', END),
    endsBadly(plain, 'fail', FAILURE),
    endsBadly(secure, 'reset', RESET),
  ];
}

/** RFC 9113 §6.8: what is open goes on, and what comes later goes over another session. */
function goesAway({ workshop, peer, url }: PythonServer): Scenario {
  return {
    title: 'server, ws: GOAWAY ends no connection, and the next has a session of its own',
    run: async () => {
      const options = { httpVersion: 2 } as const;
      const stays = await workshop.connect(`${url}/echo`, options);
      const leaves = await workshop.connect(`${url}/goaway`, options);
      assert.equal(stays.localPort, leaves.localPort);
      await leaves.send('now');
      assert.equal((await ended(leaves)).code, 4000);
      const next = await workshop.connect(`${url}/echo`, options);
      assert.notEqual(next.localPort, stays.localPort);
      await echo(stays);
      await echo(next);
      for (const client of [stays, next]) assert.ok((await client.close(1000)).wasClean);
      await peer.sees('lost');
      await peer.sees('lost');
    },
  };
}

/** A server whose SETTINGS say nothing of WebSockets, and which has no HTTP/1.1 either. */
function lacks({ workshop, peer, url }: PythonServer): Scenario {
  return {
    title: `server, ${new URL(url).protocol} that does not announce RFC 8441 is ERR_WS_HTTP2`,
    run: async () => {
      const error = await workshop.refusal(`${url}/echo`, { httpVersion: 2 }, 'ERR_WS_HTTP2');
      assert.match(error.message, /SETTINGS_ENABLE_CONNECT_PROTOCOL/u);
      await peer.sees('lost');
    },
  };
}

/** A client of Python's, to which the library is the server. */
function dials(
  workshop: Workshop,
  server: OurServer,
  scheme: 'ws' | 'wss',
  ending: string,
  check: (info: CloseInfo, peer: Peer) => void | Promise<void>,
  ...args: readonly string[]
): Scenario {
  const how = args.includes('--deflate') ? ', with permessage-deflate' : '';
  return {
    title: `client, ${scheme}: echo and ${ending}${how}`,
    run: async () => {
      const ca = ['--ca', workshop.certificate.certificate];
      const url = `${scheme}://127.0.0.1:${server.port}/`;
      const peer = await start(workshop, 'dial', url, ...ca, '--ending', ending, ...args);
      const { headers = {} } = await peer.sees('response');
      assert.equal(headers[':status'], '200');
      assert.equal(headers['sec-websocket-protocol'], 'chat');
      const accepted = await server.accepted.next();
      assert.equal(accepted.context.httpVersion, '2');
      assert.equal(accepted.perMessageDeflate !== undefined, args.includes('--deflate'));
      await peer.sees('echo');
      assert.equal((await peer.sees('echo')).length, 1_048_576);
      await check(await ended(accepted), peer);
      await peer.program.finishes();
      await assertHealthy(peer.program);
    },
  };
}

async function isClosed(
  { code, reason, wasClean, initiator }: CloseInfo,
  peer: Peer,
): Promise<void> {
  const expected = { code: 4000, reason: 'as told', wasClean: true, initiator: 'client' };
  assert.deepEqual({ code, reason, wasClean, initiator }, expected);
  assert.equal((await peer.sees('close')).code, 4000);
  await peer.sees('ended');
}

export const PYTHON: Part = {
  name: 'python',
  tools: [H2, WSPROTO],
  begin: async (workshop) => {
    const plain = await listen(workshop, 'ws');
    const secure = await listen(workshop, 'wss');
    const without = ['ws', 'wss'] as const;
    const lacking = without.map((scheme) => listen(workshop, scheme, '--without-websockets'));
    const ours = workshop.keep(await OurServer.listenHttp2());
    const oursSecure = workshop.keep(await OurServer.listenHttp2(workshop.keys));
    return [
      ...serverScenarios(plain, secure),
      goesAway(plain),
      ...(await Promise.all(lacking)).map(lacks),
      dials(workshop, ours, 'ws', 'close', isClosed),
      dials(workshop, oursSecure, 'wss', 'close', isClosed),
      dials(workshop, ours, 'ws', 'close', isClosed, '--deflate'),
      dials(workshop, ours, 'ws', 'goaway', isClosed),
      dials(workshop, ours, 'ws', 'reset', (info) => assertAbnormal(info, RESET)),
      dials(workshop, ours, 'ws', 'cancel', (info) => assertAbnormal(info, /with CANCEL$/u)),
      dials(workshop, ours, 'ws', 'stop', (info) => assertAbnormal(info, /with NO_ERROR$/u)),
      dials(workshop, ours, 'ws', 'end', (info) => assertAbnormal(info, END)),
      dials(workshop, ours, 'ws', 'fail', (info) => assertAbnormal(info, FAILURE)),
    ];
  },
};
