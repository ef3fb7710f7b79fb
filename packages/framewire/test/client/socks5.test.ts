import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import fc from 'fast-check';
import { socks5Messages } from '#src/client/socks5.js';
import type { HandshakeError } from 'framewire';
import { hex } from 'framewire/testing';
import { turns, within } from '../connection/raw-peer.ts';
import { concat, singleOctets, slicesOf, utf8 } from '../protocol/frames.ts';
import { approach, buffered, listenersOf, rejection, TARGET, type Approach } from './proxies.ts';

const URL_WITHOUT = 'socks5://proxy.example';
const URL_WITH = 'socks5://user:secret@proxy.example';

const NO_AUTHENTICATION = hex`05 00`;
const PASSWORD_WANTED = hex`05 02`;
const ACCEPTED = hex`01 00`;
const OPENED = hex`05 00 00 01 7f 00 00 01 1f 90`;

/** Nothing is left behind but a stream that somebody may destroy. */
function assertGivenBack({ near, controller, clock, listenersBefore }: Approach): void {
  assert.equal(near.destroyed, false);
  assert.deepEqual(listenersOf(near), listenersBefore);
  assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
  assert.equal(clock.pending, 0);
}

/** What a client without credentials makes of an answer, which ends there. */
async function refused(answer: Uint8Array, url: string = URL_WITHOUT): Promise<HandshakeError> {
  const attempt = approach(url);
  attempt.peer.send(answer).end();
  const error = await rejection(attempt.opening);
  assert.equal(error.name, 'HandshakeError');
  assert.equal(error.code, 'ERR_WS_PROXY');
  assert.equal(error.proxy, 'socks5://proxy.example:1080');
  assert.equal(error.status, undefined);
  assert.doesNotMatch(error.message, /secret/u);
  assertGivenBack(attempt);
  attempt.near.destroy();
  return error;
}

test('RFC 1928 §3, §4 without credentials no authentication is offered, and a name is sent', async () => {
  const { peer, opening } = approach(URL_WITHOUT);
  assert.deepEqual(await peer.read(3), hex`05 01 00`);
  await turns(3);
  assert.ok(peer.isDry, 'the request waits for the answer');
  peer.send(NO_AUTHENTICATION);
  const request = concat(hex`05 01 00 03 0e`, utf8('target.example'), hex`01 bb`);
  assert.deepEqual(await peer.read(request.length), request);
  peer.send(OPENED);
  await within(opening, 'the tunnel');
});

for (const [hostname, port, expected] of [
  ['192.0.2.1', 80, hex`05 01 00 01 c0 00 02 01 00 50`],
  ['2001:db8::1', 65535, hex`05 01 00 04 20010db8 00000000 00000000 00000001 ffff`],
  ['a', 1, hex`05 01 00 03 01 61 00 01`],
] as const) {
  test(`RFC 1928 §5 the address of ${hostname}`, () => {
    const { request } = socks5Messages({ hostname, port }, undefined);
    assert.deepEqual(request, expected);
  });
}

test('RFC 1928 §5 a name of 255 octets is carried, a longer one is a mistake', async () => {
  const { request } = socks5Messages({ hostname: 'x'.repeat(255), port: 1 }, undefined);
  assert.equal(request.length, 4 + 1 + 255 + 2);
  assert.equal(request[4], 255);
  const attempt = approach(URL_WITHOUT, { hostname: 'x'.repeat(256), port: 1 });
  const error: Error = await rejection(attempt.opening);
  assert.ok(error instanceof TypeError);
  assert.equal(Reflect.get(error, 'code'), 'ERR_WS_INVALID_ARGUMENT');
  assert.ok(attempt.peer.isDry, 'nothing was sent');
});

test('RFC 1929 §2 credentials are sent when the proxy asks for them', async () => {
  const { peer, opening } = approach('socks5://us%C3%A9r:p%3Ass@proxy.example');
  assert.deepEqual(await peer.read(4), hex`05 02 00 02`);
  peer.send(PASSWORD_WANTED);
  const expected = concat(hex`01 05`, utf8('usér'), hex`04`, utf8('p:ss'));
  assert.deepEqual(await peer.read(expected.length), expected);
  await turns(3);
  assert.ok(peer.isDry, 'the request waits for the verdict');
  peer.send(ACCEPTED);
  await peer.read(21);
  peer.send(OPENED);
  await within(opening, 'the tunnel');
});

test('RFC 1928 §3 credentials are not sent when the proxy does not ask for them', async () => {
  const { peer, opening } = approach(URL_WITH);
  await peer.read(4);
  peer.send(NO_AUTHENTICATION);
  assert.deepEqual(await peer.read(2), hex`05 01`);
  peer.send(OPENED);
  await within(opening, 'the tunnel');
});

test('RFC 1929 §2 credentials of 255 octets are carried, longer ones are a mistake', () => {
  const username = 'u'.repeat(255);
  const password = 'p'.repeat(255);
  const { authentication } = socks5Messages(TARGET, { username, password });
  assert.deepEqual(authentication, concat(hex`01 ff`, utf8(username), hex`ff`, utf8(password)));
  for (const credentials of [
    { username: `${username}u`, password },
    { username, password: `${password}p` },
    { username: 'é'.repeat(128), password },
    { username: '', password },
  ]) {
    assert.throws(
      () => socks5Messages(TARGET, credentials),
      ({ message, name }: Error) => name === 'TypeError' && !/uuu|ppp|éé/u.test(message),
    );
  }
});

test('RFC 1929 §2 an empty password is sent as one', () => {
  const { authentication } = socks5Messages(TARGET, { username: 'a', password: '' });
  assert.deepEqual(authentication, hex`01 01 61 00`);
});

test('RFC 1929 §2 a verdict with the version of SOCKS is taken as well', async () => {
  const { peer, opening } = approach(URL_WITH);
  peer.send(PASSWORD_WANTED, hex`05 00`, OPENED);
  await within(opening, 'the tunnel');
});

const ADDRESSES: readonly (readonly [string, Uint8Array])[] = [
  ['IPv4', OPENED],
  ['IPv6', hex`05 00 00 04 20010db8 00000000 00000000 00000001 1f90`],
  ['a name', hex`05 00 00 03 03 616263 1f90`],
  ['a name without octets', hex`05 00 00 03 00 1f90`],
  ['a name of 255 octets', concat(hex`05 00 00 03 ff`, new Uint8Array(257))],
];

for (const [name, reply] of ADDRESSES) {
  test(`RFC 1928 §6 a reply with ${name} is read to its last octet, and no further`, async () => {
    const attempt = approach(URL_WITHOUT);
    attempt.peer.send(NO_AUTHENTICATION, reply, 'of the target');
    await within(attempt.opening, 'the tunnel');
    assertGivenBack(attempt);
    assert.equal(buffered(attempt.near), 'of the target');
  });
}

const ANSWERS = fc.constantFrom(...ADDRESSES.map(([, reply]) => reply));

test('any slices of the answers give the same', async () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(ANSWERS, cuts, async (reply, cuts) => {
      const attempt = approach(URL_WITH);
      const octets = concat(PASSWORD_WANTED, ACCEPTED, reply, utf8('of the target'));
      for (const slice of slicesOf(octets, cuts)) {
        attempt.peer.send(slice);
        await turns(1);
      }
      await within(attempt.opening, 'the tunnel');
      await turns(2);
      assert.equal(buffered(attempt.near), 'of the target');
      attempt.near.destroy();
    }),
    { numRuns: 50 },
  );
});

test('answers that come octet by octet give the same', async () => {
  const attempt = approach(URL_WITH);
  for (const octet of singleOctets(concat(PASSWORD_WANTED, ACCEPTED, OPENED))) {
    attempt.peer.send(octet);
    await turns(2);
  }
  await within(attempt.opening, 'the tunnel');
  assertGivenBack(attempt);
});

const REPLIES: readonly (readonly [number, RegExp])[] = [
  [1, /general failure of the SOCKS server/u],
  [2, /not allowed by the ruleset/u],
  [3, /network unreachable/u],
  [4, /host unreachable/u],
  [5, /connection refused/u],
  [6, /TTL expired/u],
  [7, /command not supported/u],
  [8, /address type not supported/u],
  [9, /reply 0x09/u],
  [255, /reply 0xff/u],
];

for (const [reply, words] of REPLIES) {
  test(`36 RFC 1928 §6 reply ${reply} is told in words, with or without an address`, async () => {
    const short = concat(NO_AUTHENTICATION, Uint8Array.of(5, reply));
    const long = concat(short, hex`00 01 00 00 00 00 00 00`);
    for (const answer of [short, long]) {
      const { message, socksReply } = await refused(answer);
      assert.match(message, words);
      assert.equal(socksReply, reply);
      assert.match(message, /the proxy did not open a tunnel/u);
    }
  });
}

const REFUSALS: readonly (readonly [string, string, Uint8Array, RegExp])[] = [
  ['no method is acceptable', URL_WITHOUT, hex`05 ff`, /none of the methods/u],
  ['a method that was not offered', URL_WITHOUT, hex`05 02`, /0x02 .* not offered/u],
  ['GSSAPI', URL_WITH, hex`05 01`, /0x01 .* not offered/u],
  ['the password is wrong', URL_WITH, hex`05 02 01 01`, /does not accept the user name/u],
  ['the password is very wrong', URL_WITH, hex`05 02 01 ff`, /does not accept the user name/u],
  ['the verdict is none', URL_WITH, hex`05 02 48 00`, /begins with 0x48/u],
  ['HTTP', URL_WITHOUT, utf8('HTTP/1.1 400 Bad Request\r\n\r\n'), /begins with 0x48/u],
  ['SOCKS 4', URL_WITHOUT, hex`00 5a 00 00 00 00 00 00`, /begins with 0x00/u],
  ['a reply of another version', URL_WITHOUT, hex`05 00 04 00`, /begins with 0x04/u],
  ['an unknown type of address', URL_WITHOUT, hex`05 00 05 00 00 02 00`, /of type 0x02/u],
];

for (const [name, url, answer, words] of REFUSALS) {
  test(`36 RFC 1928 the proxy answers: ${name}`, async () => {
    const { message, socksReply, cause } = await refused(answer, url);
    assert.match(message, words);
    assert.deepEqual([socksReply, cause], [undefined, undefined]);
  });
}

test('36 answers that end too early are errors, wherever they end', async () => {
  const whole = concat(PASSWORD_WANTED, ACCEPTED, hex`05 00 00 03 02 61 62 1f 90`);
  for (let length = 0; length < whole.length; length++) {
    const { message } = await refused(whole.subarray(0, length), URL_WITH);
    assert.match(message, /ended early/u, `after ${length} octets`);
  }
});

test('an abort in the middle rejects with its reason and leaves no listener', async () => {
  for (const said of [hex``, hex`05`, NO_AUTHENTICATION, hex`05 00 05 00 00`]) {
    const attempt = approach(URL_WITHOUT);
    attempt.peer.send(said);
    await turns(5);
    const reason = { not: 'an error' };
    attempt.controller.abort(reason);
    assert.equal(await rejection(attempt.opening), reason);
    assertGivenBack(attempt);
    attempt.near.destroy();
  }
});
