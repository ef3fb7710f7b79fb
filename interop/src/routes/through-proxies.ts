/** HTTP, HTTPS and SOCKS proxies between the library's client and its server. */
import assert from 'node:assert/strict';
import type { ConnectOptions, HandshakeError } from 'framewire';
import { exchange, OurServer } from './our-server.ts';
import { freePort } from './program.ts';
import {
  DANTE,
  MICROSOCKS,
  SQUID,
  startDante,
  startMicrosocks,
  startSquid,
  startStunnel,
  startTinyproxy,
  STUNNEL,
  TINYPROXY,
  type RunningProxy,
  type User,
} from './proxies.ts';
import type { Part, Scenario, Workshop } from './workshop.ts';

/** Both need percent-encoding in a URL. */
const USER: User = { name: 'wire@frame', password: 'p/ss:wörd' };
/** tinyproxy and microsocks are content with less. */
const PLAIN_USER: User = { name: 'wire', password: 'secret' };

/** The library's servers that the proxies lead to. */
interface Targets {
  readonly plain: OurServer;
  readonly secure: OurServer;
  /** `wss:` as well. */
  readonly http2: OurServer;
}

async function openTargets(workshop: Workshop): Promise<Targets> {
  return {
    plain: await workshop.server(false),
    secure: await workshop.server(true),
    http2: workshop.keep(await OurServer.listenHttp2(workshop.keys)),
  };
}

function portsOf(targets: Targets): number[] {
  return Object.values(targets).map(({ port }: OurServer) => port);
}

interface Passage {
  readonly workshop: Workshop;
  readonly targets: Targets;
  readonly proxy: RunningProxy;
  /** Where the client dials, when that is something before the proxy. */
  readonly entrance?: number;
  readonly choice: NonNullable<ConnectOptions['proxy']>;
  readonly host?: string;
}

/** The same over `ws:` and `wss:`. Where the ends see ports of others, something is in between. */
function passes(title: string, passage: Passage): Scenario[] {
  const { workshop, targets, proxy, choice, host = '127.0.0.1' } = passage;
  const { entrance = proxy.port } = passage;
  const kinds = [
    ['ws', 1, targets.plain],
    ['wss', 1, targets.secure],
    ['wss', 2, targets.http2],
  ] as const;
  return kinds.map(([scheme, httpVersion, server]) => ({
    title: `${scheme}: ${title}${httpVersion === 2 ? ', over HTTP/2' : ''}`,
    run: async () => {
      const url = `${scheme}://${host}:${server.port}/`;
      const logged = (await proxy.program.log()).length;
      const tcp = { lookup: resolvesNothing };
      const client = await workshop.connect(url, { proxy: choice, tcp, httpVersion });
      const { localPort, remotePort, peerPort, isOnHttp2 } = await exchange(client, server);
      assert.equal(isOnHttp2, httpVersion === 2);
      assert.equal(remotePort, entrance);
      assert.ok(localPort !== undefined && peerPort !== undefined && localPort !== peerPort);
      await proxy.program.says(new RegExp(`[.:]${server.port}\\b`, 'u'), logged);
    },
  }));
}

/** Proxies are addresses here, and names are theirs to resolve. */
const resolvesNothing: NonNullable<ConnectOptions['tcp']>['lookup'] = (name, _options, callback) =>
  callback(new Error(`the client resolved ${name}`), '');

interface Refused {
  readonly workshop: Workshop;
  readonly targets: Targets;
  readonly choice: NonNullable<ConnectOptions['proxy']>;
  /** By default that of the server for `ws:`. */
  readonly port?: number;
  readonly check: (error: HandshakeError) => void;
}

/** The proxy opens no tunnel: the error says which proxy, and no request reaches the server. */
function refuses(title: string, { workshop, targets, choice, port, check }: Refused): Scenario {
  return {
    title,
    run: async () => {
      const before = targets.plain.handshakes;
      const url = `ws://127.0.0.1:${port ?? targets.plain.port}/`;
      const error = await workshop.refusal(url, { proxy: choice }, 'ERR_WS_PROXY');
      assert.match(error.proxy ?? '', /^(https?|socks5):\/\/127\.0\.0\.1:\d+$/u);
      assert.ok(!String(error.stack).includes(encodeURIComponent(USER.password)));
      check(error);
      assert.equal(targets.plain.handshakes, before);
    },
  };
}

function hasStatus(status: number): (error: HandshakeError) => void {
  return (error) => assert.equal(error.status, status, error.message);
}

function says(pattern: RegExp): (error: HandshakeError) => void {
  return (error) => assert.match(error.message, pattern);
}

function urlOf(kind: 'http' | 'https' | 'socks5', port: number, user?: User): string {
  const authority = `127.0.0.1:${port}`;
  if (user === undefined) return `${kind}://${authority}`;
  const { name, password } = user;
  return `${kind}://${encodeURIComponent(name)}:${encodeURIComponent(password)}@${authority}`;
}

/** tinyproxy 1.11 has 407 for no password, and 401, which is a server's to say, for a wrong one. */
function isWrongPassword({ status }: HandshakeError): void {
  assert.ok(status === 401 || status === 407, String(status));
}

const tinyproxy: Part = {
  name: 'tinyproxy',
  tools: [TINYPROXY],
  begin: async (workshop) => {
    const targets = await openTargets(workshop);
    const allowed = portsOf(targets);
    const open = await startTinyproxy(workshop, allowed);
    const closed = await startTinyproxy(workshop, allowed, PLAIN_USER);
    const choice = urlOf('http', closed.port, PLAIN_USER);
    const wrong = urlOf('http', closed.port, { ...PLAIN_USER, password: 'wrong' });
    const common = { workshop, targets };
    return [
      ...passes('through it', { ...common, proxy: open, choice: urlOf('http', open.port) }),
      ...passes('with user and password', { ...common, proxy: closed, choice }),
      refuses('a wrong password is 401', { ...common, choice: wrong, check: isWrongPassword }),
      refuses('no password is 407', {
        ...common,
        choice: urlOf('http', closed.port),
        check: hasStatus(407),
      }),
      refuses('a port that it does not connect to is 403', {
        ...common,
        choice,
        port: await freePort(),
        check: hasStatus(403),
      }),
    ];
  },
};

const squid: Part = {
  name: 'squid',
  tools: [SQUID],
  begin: async (workshop) => {
    const targets = await openTargets(workshop);
    const denied = await freePort();
    const proxy = await startSquid(workshop, USER, denied);
    const choice = urlOf('http', proxy.port, USER);
    const wrong = urlOf('http', proxy.port, { ...USER, password: 'wrong' });
    const common = { workshop, targets };
    return [
      ...passes('with user and password', { ...common, proxy, choice }),
      ...passes('by name, which it resolves', { ...common, proxy, choice, host: 'localhost' }),
      refuses('a wrong password is 407', { ...common, choice: wrong, check: hasStatus(407) }),
      refuses('a target that it denies is 403 with a page', {
        ...common,
        choice,
        port: denied,
        check: (error) => {
          assert.equal(error.status, 403);
          assert.match(Buffer.from(error.body ?? []).toString(), /could not be retrieved/u);
        },
      }),
      refuses('a target where nobody listens is 503', {
        ...common,
        choice,
        port: await freePort(),
        check: hasStatus(503),
      }),
    ];
  },
};

const stunnel: Part = {
  name: 'stunnel',
  tools: [STUNNEL, TINYPROXY],
  begin: async (workshop) => {
    const targets = await openTargets(workshop);
    const allowed = portsOf(targets);
    const proxy = await startTinyproxy(workshop, allowed, PLAIN_USER);
    const { port: entrance } = await startStunnel(workshop, proxy.port);
    const url = urlOf('https', entrance, PLAIN_USER);
    const choice = { url, tls: { ca: workshop.keys.cert } };
    const wrong = urlOf('https', entrance, { ...PLAIN_USER, password: 'wrong' });
    const common = { workshop, targets };
    return [
      ...passes('through tinyproxy behind TLS', { ...common, proxy, entrance, choice }),
      refuses('a wrong password is 401', {
        ...common,
        choice: { ...choice, url: wrong },
        check: isWrongPassword,
      }),
      refuses('a certificate that nobody trusts opens no tunnel', {
        ...common,
        choice: url,
        check: says(/self-signed certificate/u),
      }),
    ];
  },
};

const microsocks: Part = {
  name: 'microsocks',
  tools: [MICROSOCKS],
  begin: async (workshop) => {
    const targets = await openTargets(workshop);
    const open = await startMicrosocks(workshop);
    const closed = await startMicrosocks(workshop, USER);
    const choice = urlOf('socks5', closed.port, USER);
    const wrong = urlOf('socks5', closed.port, { ...USER, password: 'wrong' });
    const common = { workshop, targets };
    return [
      ...passes('through it', { ...common, proxy: open, choice: urlOf('socks5', open.port) }),
      ...passes('with user and password', { ...common, proxy: closed, choice }),
      refuses('a wrong password is told', {
        ...common,
        choice: wrong,
        check: says(/does not accept the user name and the password/u),
      }),
      refuses('no password is told', {
        ...common,
        choice: urlOf('socks5', closed.port),
        check: says(/none of the methods/u),
      }),
      refuses('a target where nobody listens is told', {
        ...common,
        choice,
        port: await freePort(),
        check: says(/refused/u),
      }),
    ];
  },
};

const dante: Part = {
  name: 'dante',
  tools: [DANTE],
  begin: async (workshop) => {
    const targets = await openTargets(workshop);
    const denied = await freePort();
    const proxy = await startDante(workshop, denied);
    const choice = urlOf('socks5', proxy.port);
    const common = { workshop, targets };
    return [
      ...passes('through it', { ...common, proxy, choice }),
      ...passes('by name, which it resolves', { ...common, proxy, choice, host: 'localhost' }),
      refuses('a target that it blocks is told', {
        ...common,
        choice,
        port: denied,
        check: says(/not allowed/u),
      }),
      refuses('a target where nobody listens is told', {
        ...common,
        choice,
        port: await freePort(),
        check: says(/refused/u),
      }),
    ];
  },
};

export const PROXIES: readonly Part[] = [tinyproxy, squid, stunnel, microsocks, dante];
