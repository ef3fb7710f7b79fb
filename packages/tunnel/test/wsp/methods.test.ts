/** Methods are asked about in the case in which Node sends them. */
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test } from 'node:test';
import { until } from '@framewire/test-support/waiting';
import { listen } from '../listening.ts';
import { serveTarget, startAgent, startRelay } from './rig.ts';
import { listenRaw } from './raw-peer.ts';

test('RFC 9110 §9.1: a rule for a method holds in whatever case a relay writes it', async (t) => {
  const asked: (string | undefined)[] = [];
  const target = await serveTarget(t, ({ method }, response) => {
    asked.push(method);
    response.end();
  });
  const listener = await listenRaw(t);
  const blacklist = [{ method: 'DELETE' }];
  startAgent(t, listener.port, { blacklist });
  const peer = await listener.next();
  await peer.accept();
  await peer.readFrame();
  for (const Method of ['delete', 'connect', 'get']) {
    peer.sendFrame(0x81, JSON.stringify({ Method, URL: target }));
    peer.sendFrame(0x82);
    const { StatusCode } = JSON.parse((await peer.readMessage()).payload.toString()) as {
      StatusCode: number;
    };
    assert.equal(StatusCode, Method === 'get' ? 200 : 527);
    await peer.readMessage();
  }
  assert.deepEqual(asked, ['GET']);
});

test('RFC 9113 §8.3.1: a method in lower case is held against the rules of the relay, too', async (t) => {
  const { relay, requests } = await startRelay(t, { blacklist: [{ method: 'DELETE' }] });
  const server = http2.createServer((request, response) => {
    const [incoming, answer] = [request, response] as unknown[];
    void relay.request(incoming as IncomingMessage, answer as ServerResponse);
  });
  const session = http2.connect(`http://127.0.0.1:${await listen(t, server)}`);
  t.after(() => session.destroy());
  const asking = session.request({ ':method': 'delete', 'x-proxy-destination': 'http://app/' });
  asking.resume().end();
  await new Promise((resolve) => asking.once('close', resolve));
  const { method, error } = await requests.next();
  assert.deepEqual([method, error?.code], ['DELETE', 'ERR_TUNNEL_FORBIDDEN']);
  await until(() => relay.activeRequests === 0);
});
