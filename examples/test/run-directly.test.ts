/** Every example by its command, so that none of them only works when it is imported. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { start as startEchoServer } from '../echo-server.ts';
import { start as startUpgrader } from '../upgrader-and-dialer/upgrader.ts';
import { runExample } from './run-example.ts';

/** Those that run and end: what their output ends with. */
const DEMONSTRATIONS: Readonly<Record<string, RegExp>> = {
  'authentication.js': /a token is needed\n$/,
  'compression.js': /order 3: \d+ octets, \d+ on the wire\n$/,
  'handshake-by-hand-client.js': /Close 1000\n$/,
  'handshake-by-hand.js': /length 6\n$/,
  'http2.js': /3 connections, sessions: 1\n$/,
  'json-codec.js': /1007 too many mistakes\n$/,
  'piping.js': /FROM A WEB STREAM\n$/,
  'protocol-frames.js': /Close 1002 a frame from a client is not masked\n$/,
  'reconnecting.js': /the market is closed\n$/,
  'subprotocols.js': /400 Bad Request.*\n$/,
  'through-a-proxy.js': /Hello from behind the proxy\n$/,
};

/** Those that serve until they are stopped: what they say first. */
const SERVERS: Readonly<Record<string, RegExp>> = {
  'echo-server.js': /^Echoing at ws:\/\/127\.0\.0\.1:\d+\/$/,
  'graceful-shutdown.js': /^Echoing at ws:\/\/127\.0\.0\.1:\d+\/ws$/,
  'hijack-echo.js': /^http:\S+ is a page, ws:\S+\/ws echoes$/,
  'http-and-websocket-one-port.js': /^Open http:\S+ in a browser$/,
  'push-handler.js': /^The room is at ws:\S+\?name=…$/,
  'upgrader-and-dialer/upgrader.js': /^The tour is at ws:\S+$/,
};

/** Those that need a server: how to start it, and what their output ends with. */
const CLIENTS: Readonly<Record<string, readonly [typeof startEchoServer, RegExp]>> = {
  'echo-client.js': [startEchoServer, /closed with 1000 ?, clean\n$/],
  'upgrader-and-dialer/dialer.js': [() => startUpgrader(0, () => {}), /403: not from this page\n$/],
};

for (const [file, expected] of Object.entries(DEMONSTRATIONS)) {
  test(`node examples/.build/${file}`, async () => {
    const { code, output } = await runExample(file).ended;
    assert.equal(code, 0, output);
    assert.match(output, expected);
    assert.doesNotMatch(output, /Error|Warning/);
  });
}

for (const [file, expected] of Object.entries(SERVERS)) {
  test(`node examples/.build/${file} 0`, async () => {
    const example = runExample(file, ['0']);
    assert.match(await example.firstLine, expected);
    example.child.kill('SIGTERM');
    await example.ended;
  });
}

for (const [file, [start, expected]] of Object.entries(CLIENTS)) {
  test(`node examples/.build/${file} <url>`, async () => {
    const server = await start();
    const { code, output } = await runExample(file, [server.url]).ended;
    await server.close();
    assert.equal(code, 0, output);
    assert.match(output, expected);
  });
}

test('node examples/.build/streams.js 192: constant memory', async () => {
  const { code, output } = await runExample('streams.js', ['192']).ended;
  assert.equal(code, 0, output);
  const mebibytes = Number(/had (\d+) MiB at most\n$/.exec(output)?.[1]);
  assert.ok(mebibytes < 192, output);
});

test('no example is missing here', () => {
  const sources = readdirSync(join(import.meta.dirname, '../..'), {
    recursive: true,
    encoding: 'utf8',
  });
  const examples = sources
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.ts') && !/^(?:test|\.build|node_modules)\//.test(file))
    .map((file) => file.replace(/ts$/, 'js'));
  const known = { ...DEMONSTRATIONS, ...SERVERS, ...CLIENTS, 'streams.js': undefined };
  assert.deepEqual(examples.sort(), Object.keys(known).sort());
});
