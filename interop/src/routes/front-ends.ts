/** RFC 8441: front ends that speak HTTP/2 to the client, and either version to the server. */
import assert from 'node:assert/strict';
import type { ConnectOptions } from 'framewire';
import { HAPROXY_TOOL, startHaproxy } from './haproxy.ts';
import { exchange, OurServer } from './our-server.ts';
import { freePort, Program } from './program.ts';
import type { Part, Scenario, Tool, Workshop } from './workshop.ts';

const NGHTTPX_TOOL: Tool = { debian: 'nghttp2-proxy', path: '/usr/sbin/nghttpx' };

/** A port of a front end, and what is behind it. */
interface Front {
  readonly workshop: Workshop;
  readonly name: string;
  readonly port: number;
  readonly scheme: 'ws' | 'wss';
  readonly server: OurServer;
  /** What the front end speaks to the server. */
  readonly behind: '1.1' | '2';
  /** That it has no WebSockets over HTTP/2, and how it lacks them. */
  readonly lack?: string;
}

type Choice = NonNullable<ConnectOptions['httpVersion']>;

/** The version that was chosen is used before the front end, and the other one behind it. */
function passes(front: Front, httpVersion: Choice, options: ConnectOptions = {}): Scenario {
  const { workshop, name, port, scheme, server, behind } = front;
  const isHttp2 = httpVersion !== 1 && front.lack === undefined;
  const chosen = isHttp2 ? 'HTTP/2' : 'HTTP/1.1';
  const kind = httpVersion === 'auto' ? `'auto', and so ${chosen},` : chosen;
  const lack = front.lack === undefined ? '' : ` ${front.lack}`;
  const compressed = options.perMessageDeflate === true ? ', compressed' : '';
  return {
    title: `${scheme}: ${kind} to ${name}${lack}, HTTP/${behind} to the server${compressed}`,
    run: async () => {
      const url = `${scheme}://127.0.0.1:${port}/`;
      const perMessageDeflate = false;
      const client = await workshop.connect(url, { perMessageDeflate, httpVersion, ...options });
      const sight = await exchange(client, server);
      assert.equal(sight.isOnHttp2, isHttp2);
      assert.equal(sight.remotePort, port);
      assert.notEqual(sight.peerPort, sight.localPort);
      assert.equal(sight.httpVersion, behind);
      assert.equal(sight.isCompressed, options.perMessageDeflate === true);
    },
  };
}

/** Without WebSockets over HTTP/2 there is HTTP/1.1, unless HTTP/2 is insisted on. */
function lacks(front: Front): Scenario[] {
  const { workshop, name, port, lack } = front;
  return [
    passes(front, 'auto'),
    {
      title: `wss: HTTP/2 to ${name} ${lack} is ERR_WS_HTTP2`,
      run: async () => {
        const url = `wss://127.0.0.1:${port}/`;
        await workshop.refusal(url, { httpVersion: 2 }, 'ERR_WS_HTTP2');
      },
    },
  ];
}

const VERSIONS: readonly Choice[] = ['auto', 2, 1];

/** Several at once share the session, and end each for itself. */
function shares(front: Front): Scenario {
  const { workshop, name, port, server, behind } = front;
  return {
    title: `wss: eight on one session to ${name}, HTTP/${behind} to the server`,
    run: async () => {
      const url = `wss://127.0.0.1:${port}/`;
      const tls = { ca: workshop.keys.cert };
      const dialling = Array.from({ length: 8 }, () =>
        workshop.connect(url, { tls, httpVersion: 2 }),
      );
      const clients = await Promise.all(dialling);
      const accepted = await server.accepted.take(clients.length);
      assert.equal(new Set(clients.map(({ localPort }) => localPort)).size, 1);
      for (const client of clients) await client.send('one of eight');
      for (const client of clients) assert.equal(await client.receive(), 'one of eight');
      const ends = await Promise.all(clients.map((client) => client.close(1000)));
      assert.ok(ends.every(({ wasClean }) => wasClean));
      await Promise.all(accepted.map(({ closed }) => closed));
    },
  };
}

interface Fronts {
  readonly first: Front;
  readonly second: Front;
  readonly plain: Front;
  readonly lacking: readonly Front[];
}

async function openFronts(workshop: Workshop): Promise<Fronts> {
  const http1 = await workshop.server(false);
  const http2 = workshop.keep(await OurServer.listenHttp2());
  const ports = { first: await freePort(), second: await freePort(), plain: await freePort() };
  const older = await freePort();
  const silent = await freePort();
  const toHttp1 = { behind: http1.port } as const;
  const toHttp2 = { behind: http2.port, speaksBehind: 'h2' } as const;
  await startHaproxy(workshop, [
    { port: ports.first, speaks: 'tls h2,http/1.1', ...toHttp1 },
    { port: ports.second, speaks: 'tls h2,http/1.1', ...toHttp2 },
    { port: ports.plain, speaks: 'h2', ...toHttp2 },
    { port: older, speaks: 'tls http/1.1', ...toHttp1 },
  ]);
  // It does not announce RFC 8441 then, on any of its ports.
  const global = ['h2-workaround-bogus-websocket-clients'];
  await startHaproxy(workshop, [{ port: silent, speaks: 'tls h2,http/1.1', ...toHttp1 }], global);
  const common = { workshop, name: 'haproxy', scheme: 'wss' } as const;
  const first: Front = { ...common, port: ports.first, server: http1, behind: '1.1' };
  const second: Front = { ...common, port: ports.second, server: http2, behind: '2' };
  return {
    first,
    second,
    plain: { ...second, scheme: 'ws', port: ports.plain },
    lacking: [
      { ...first, port: older, lack: 'without h2' },
      { ...first, port: silent, lack: 'without RFC 8441' },
    ],
  };
}

export const HAPROXY: Part = {
  name: 'haproxy',
  tools: [HAPROXY_TOOL],
  begin: async (workshop) => {
    const { first, second, plain, lacking } = await openFronts(workshop);
    return [
      ...[first, second].flatMap((front) => VERSIONS.map((version) => passes(front, version))),
      passes(plain, 2),
      ...[first, second].map((front) => passes(front, 2, { perMessageDeflate: true })),
      ...[first, second].map(shares),
      ...lacking.flatMap(lacks),
    ];
  },
};

async function startNghttpx(
  workshop: Workshop,
  behind: '1.1' | '2',
  server: OurServer,
): Promise<Front> {
  const port = await freePort();
  const protocol = behind === '2' ? ';;proto=h2' : '';
  const args = [
    ...['--conf=/dev/null', '--single-process', '--workers=1', '--no-ocsp'],
    `--frontend=127.0.0.1,${port}`,
    `--backend=127.0.0.1,${server.port}${protocol}`,
    workshop.certificate.key,
    workshop.certificate.certificate,
  ];
  workshop.keep(await Program.start(NGHTTPX_TOOL.path, args, { port }));
  return { workshop, name: 'nghttpx', scheme: 'wss', port, server, behind };
}

export const NGHTTPX: Part = {
  name: 'nghttpx',
  tools: [NGHTTPX_TOOL],
  begin: async (workshop) => {
    const http1 = await workshop.server(false);
    // nghttpx 1.52 never ends its side of a stream whose server has ended the other one: it is the
    // server that gives it up, after this many milliseconds.
    const http2 = workshop.keep(await OurServer.listenHttp2(undefined, { closeTimeout: 100 }));
    const first = await startNghttpx(workshop, '1.1', http1);
    const second = await startNghttpx(workshop, '2', http2);
    return [
      ...[first, second].flatMap((front) => VERSIONS.map((version) => passes(front, version))),
      ...[first, second].map((front) => passes(front, 2, { perMessageDeflate: true })),
      ...[first, second].map(shares),
    ];
  },
};
