/** RFC 9110 §15.4: redirects by haproxy, over both versions of HTTP. */
import assert from 'node:assert/strict';
import { HAPROXY_TOOL, startHaproxy } from './haproxy.ts';
import { exchange, type OurServer } from './our-server.ts';
import { freePort } from './program.ts';
import type { Part, Scenario, Workshop } from './workshop.ts';

interface Stage {
  readonly workshop: Workshop;
  readonly server: OurServer;
  readonly ws: string;
  readonly wss: string;
  /** Of haproxy with TLS. */
  readonly port: number;
}

async function openStage(workshop: Workshop): Promise<Stage> {
  const server = await workshop.server(false);
  const plain = await freePort();
  const port = await freePort();
  const ws = `ws://127.0.0.1:${plain}`;
  const wss = `wss://127.0.0.1:${port}`;
  const there = `ws://127.0.0.1:${server.port}/there`;
  const upwards = `https://127.0.0.1:${port}/`;
  const behind = server.port;
  const rules = [
    'redirect code 301 location /two if { path /one }',
    `redirect code 302 location ${there} if { path /two }`,
    `redirect code 307 location ${upwards} if { path /upwards }`,
    'redirect code 308 location /round if { path /round }',
  ];
  const secureRules = [
    'redirect code 308 location / if { path /one }',
    `redirect code 307 location ${ws}/ if { path /downwards }`,
  ];
  await startHaproxy(workshop, [
    { port: plain, speaks: 'http/1.1', rules, behind },
    { port, speaks: 'tls h2,http/1.1', rules: secureRules, behind },
  ]);
  return { workshop, server, ws, wss, port };
}

function followed({ workshop, server, ws, wss, port }: Stage): Scenario[] {
  return [
    {
      title: 'ws: two are followed, to another path and to another server',
      run: async () => {
        const client = await workshop.connect(`${ws}/one`, { maxRedirects: 2 });
        assert.equal(client.url, `ws://127.0.0.1:${server.port}/there`);
        const { remotePort } = await exchange(client, server);
        assert.equal(remotePort, server.port);
      },
    },
    {
      title: 'ws: to wss:, by the name https:',
      run: async () => {
        const client = await workshop.connect(`${ws}/upwards`, { maxRedirects: 1 });
        assert.equal(client.url, `${wss}/`);
        assert.equal((await exchange(client, server)).remotePort, port);
      },
    },
    ...([1, 2] as const).map((httpVersion) => ({
      title: `wss: one is followed over HTTP/${httpVersion}`,
      run: async () => {
        const client = await workshop.connect(`${wss}/one`, { maxRedirects: 1, httpVersion });
        const { isOnHttp2 } = await exchange(client, server);
        assert.equal(isOnHttp2, httpVersion === 2);
      },
    })),
  ];
}

function refused({ workshop, server, ws, wss }: Stage): Scenario[] {
  return [
    {
      title: 'ws: refused by default, with its status and where to',
      run: async () => {
        const error = await workshop.refusal(`${ws}/one`, {}, 'ERR_WS_STATUS');
        assert.equal(error.status, 301);
        assert.equal(error.headers?.get('location'), '/two');
      },
    },
    {
      title: 'ws: one more than maxRedirects',
      run: async () => {
        const error = await workshop.refusal(`${ws}/round`, { maxRedirects: 3 }, 'ERR_WS_REDIRECT');
        assert.equal(error.status, 308);
      },
    },
    ...([1, 2] as const).map((httpVersion) => ({
      title: `wss: to ws: is not followed over HTTP/${httpVersion}`,
      run: async () => {
        const before = server.handshakes;
        const error = await workshop.refusal(
          `${wss}/downwards`,
          { maxRedirects: 5, httpVersion },
          'ERR_WS_REDIRECT',
        );
        assert.equal(error.status, 307);
        assert.equal(server.handshakes, before);
      },
    })),
  ];
}

export const REDIRECTS: Part = {
  name: 'redirects',
  tools: [HAPROXY_TOOL],
  begin: async (workshop) => {
    const stage = await openStage(workshop);
    return [...followed(stage), ...refused(stage)];
  },
};
