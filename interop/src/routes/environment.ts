/** The proxy that the environment names, in processes that have one. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { HOME } from '../peers.ts';
import type { OurServer } from './our-server.ts';
import { Program } from './program.ts';
import { MICROSOCKS, startMicrosocks, startTinyproxy, TINYPROXY } from './proxies.ts';
import type { Part, Workshop } from './workshop.ts';

const CLIENT = join(HOME, 'dist', 'routes', 'environment-client.js');

/** Whatever this process has of them must not decide. */
const NONE = {
  ...{ HTTP_PROXY: '', HTTPS_PROXY: '', ALL_PROXY: '', NO_PROXY: '', WS_PROXY: '', WSS_PROXY: '' },
  ...{ http_proxy: '', https_proxy: '', all_proxy: '', no_proxy: '', ws_proxy: '', wss_proxy: '' },
};

/** Where the process of the client dialled. */
async function dialled(
  workshop: Workshop,
  server: OurServer,
  scheme: 'ws' | 'wss',
  environment: Readonly<Record<string, string>>,
): Promise<number> {
  const env = { ...NONE, NODE_EXTRA_CA_CERTS: workshop.certificate.certificate, ...environment };
  const url = `${scheme}://127.0.0.1:${server.port}/`;
  const program = workshop.keep(await Program.start(process.execPath, [CLIENT, url], { env }));
  const line = program.lines.next();
  const accepted = await Promise.race([server.accepted.next(), program.finishes()]);
  assert.ok(accepted !== undefined && typeof accepted === 'object', await program.log());
  const { remotePort: peerPort } = accepted as { remotePort?: number };
  const { localPort, remotePort, code, wasClean } = JSON.parse(await line);
  await program.finishes();
  assert.deepEqual({ code, wasClean }, { code: 1000, wasClean: true });
  assert.equal(peerPort === localPort, remotePort === server.port);
  return remotePort;
}

export const ENVIRONMENT: Part = {
  name: 'environment',
  tools: [TINYPROXY, MICROSOCKS],
  begin: async (workshop) => {
    const plain = await workshop.server(false);
    const secure = await workshop.server(true);
    const http = await startTinyproxy(workshop, [plain.port, secure.port]);
    const socks = await startMicrosocks(workshop);
    const httpUrl = `http://127.0.0.1:${http.port}`;
    const socksUrl = `socks5h://127.0.0.1:${socks.port}`;
    const both = { HTTP_PROXY: httpUrl, HTTPS_PROXY: httpUrl, ALL_PROXY: socksUrl };
    return [
      {
        title: 'ws: by HTTP_PROXY rather than ALL_PROXY',
        run: async () => assert.equal(await dialled(workshop, plain, 'ws', both), http.port),
      },
      {
        title: 'wss: by HTTPS_PROXY rather than ALL_PROXY',
        run: async () => assert.equal(await dialled(workshop, secure, 'wss', both), http.port),
      },
      {
        title: 'wss: by ALL_PROXY, which is SOCKS, and not by HTTP_PROXY',
        run: async () => {
          const environment = { HTTP_PROXY: httpUrl, ALL_PROXY: socksUrl };
          assert.equal(await dialled(workshop, secure, 'wss', environment), socks.port);
        },
      },
      {
        title: 'ws: to a port of NO_PROXY without any',
        run: async () => {
          const environment = { ...both, NO_PROXY: `example.com, 127.0.0.1:${plain.port}` };
          assert.equal(await dialled(workshop, plain, 'ws', environment), plain.port);
        },
      },
    ];
  },
};
