import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  offersOf,
  preferencesOf,
  resolveDeflateOptions,
  type PerMessageDeflateOptions,
} from '#src/extensions/deflate-options.js';
import { serializeOffers } from '#src/extensions/permessage-deflate.js';

const DEFAULTS = {
  serverNoContextTakeover: undefined,
  clientNoContextTakeover: undefined,
  serverMaxWindowBits: undefined,
  clientMaxWindowBits: undefined,
  threshold: 256,
  level: 1,
  memoryLevel: 8,
};

/** No integers, though some would be taken for one. */
const STRANGE: readonly unknown[] = [
  NaN,
  Infinity,
  -1,
  '10',
  '',
  true,
  {},
  [],
  [10],
  10n,
  () => 10,
];

function offer(options: PerMessageDeflateOptions): string {
  return serializeOffers(offersOf(resolveDeflateOptions(options)));
}

function resolve(name: string, value: unknown): () => unknown {
  return () => resolveDeflateOptions({ [name]: value });
}

test('the defaults are those that are documented', () => {
  assert.deepEqual(resolveDeflateOptions({}), DEFAULTS);
});

test('undefined counts as not given', () => {
  const names = Object.keys(DEFAULTS);
  const nothing = Object.fromEntries(names.map((name) => [name, undefined]));
  assert.deepEqual(resolveDeflateOptions(nothing), DEFAULTS);
});

test('what is given stands, and cannot be changed afterwards', () => {
  const options = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: true,
    serverMaxWindowBits: 9,
    clientMaxWindowBits: 14,
    threshold: 0,
    level: 9,
    memoryLevel: 1,
  };
  const settings = resolveDeflateOptions(options);
  assert.deepEqual(settings, options);
  assert.ok(Object.isFrozen(settings));
  options.level = 100;
  assert.equal(settings.level, 9);
});

test('every value within the bounds is taken', () => {
  for (let bits = 8; bits <= 15; bits++) {
    assert.equal(resolveDeflateOptions({ serverMaxWindowBits: bits }).serverMaxWindowBits, bits);
    assert.equal(resolveDeflateOptions({ clientMaxWindowBits: bits }).clientMaxWindowBits, bits);
  }
  for (let level = 1; level <= 9; level++) {
    assert.equal(resolveDeflateOptions({ level }).level, level);
    assert.equal(resolveDeflateOptions({ memoryLevel: level }).memoryLevel, level);
  }
  for (const threshold of [0, 0.5, 1, 1e9, Infinity]) {
    assert.equal(resolveDeflateOptions({ threshold }).threshold, threshold);
  }
});

for (const [name, least, most] of [
  ['serverMaxWindowBits', 8, 15],
  ['clientMaxWindowBits', 8, 15],
  ['level', 1, 9],
  ['memoryLevel', 1, 9],
] as const) {
  test(`${name} is an integer from ${least} to ${most}, and the error names it`, () => {
    const values = [least - 1, most + 1, least + 0.5, 0, -8, 2 ** 32 + 8, Symbol('8'), ...STRANGE];
    for (const value of values) {
      assert.throws(resolve(name, value), {
        name: 'RangeError',
        code: 'ERR_WS_INVALID_ARGUMENT',
        message: new RegExp(`perMessageDeflate\\.${name} must be .*${least} to ${most}, got`, 'u'),
      });
    }
  });
}

for (const name of ['serverNoContextTakeover', 'clientNoContextTakeover'] as const) {
  test(`${name} is a boolean, and the error names it`, () => {
    for (const value of [null, 0, 1, '', 'true', {}, Symbol('true')]) {
      assert.throws(resolve(name, value), {
        name: 'TypeError',
        code: 'ERR_WS_INVALID_ARGUMENT',
        message: new RegExp(`perMessageDeflate\\.${name} must be true or false`, 'u'),
      });
    }
  });
}

test('threshold is a number that is not negative, and the error names it', () => {
  for (const value of [-1, -Infinity, NaN, 'many', '256', '', true, {}, [], [1], 256n]) {
    assert.throws(
      resolve('threshold', value),
      {
        name: 'RangeError',
        code: 'ERR_WS_INVALID_ARGUMENT',
        message: /perMessageDeflate\.threshold must be/u,
      },
      `${typeof value} ${String(value)}`,
    );
  }
});

test('§7.1.2 a window of null is none: it must not be written into an offer', () => {
  for (const name of ['serverMaxWindowBits', 'clientMaxWindowBits'] as const) {
    assert.throws(resolve(name, null), { name: 'RangeError', code: 'ERR_WS_INVALID_ARGUMENT' });
  }
});

test('a server does without context unless it is told otherwise, and has no wish for a window', () => {
  assert.deepEqual(preferencesOf(resolveDeflateOptions({})), {
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    serverMaxWindowBits: undefined,
    clientMaxWindowBits: undefined,
  });
});

test('what a server is told is what it wants', () => {
  const flags = [true, false];
  for (const serverNoContextTakeover of flags) {
    for (const clientNoContextTakeover of flags) {
      const wanted = {
        serverNoContextTakeover,
        clientNoContextTakeover,
        serverMaxWindowBits: 9,
        clientMaxWindowBits: 10,
      };
      assert.deepEqual(preferencesOf(resolveDeflateOptions({ ...wanted, level: 3 })), wanted);
    }
  }
});

test('§7.1.1.1 a client asks for a server without context first, and does without', () => {
  const common = 'client_no_context_takeover; client_max_window_bits';
  assert.equal(
    offer({}),
    `permessage-deflate; server_no_context_takeover; ${common}, permessage-deflate; ${common}`,
  );
});

for (const [options, expected] of [
  // Said outright, it is a demand: there is no second offer.
  [
    { serverNoContextTakeover: true },
    'permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits',
  ],
  [
    { serverNoContextTakeover: false },
    'permessage-deflate; client_no_context_takeover; client_max_window_bits',
  ],
  [
    { serverNoContextTakeover: false, clientNoContextTakeover: false },
    'permessage-deflate; client_max_window_bits',
  ],
  [
    { serverNoContextTakeover: false, clientNoContextTakeover: true },
    'permessage-deflate; client_no_context_takeover; client_max_window_bits',
  ],
  [
    { clientNoContextTakeover: false },
    'permessage-deflate; server_no_context_takeover; client_max_window_bits, permessage-deflate; client_max_window_bits',
  ],
  [
    { serverNoContextTakeover: false, clientNoContextTakeover: false, serverMaxWindowBits: 10 },
    'permessage-deflate; server_max_window_bits=10; client_max_window_bits',
  ],
  [
    { serverNoContextTakeover: false, clientNoContextTakeover: false, clientMaxWindowBits: 8 },
    'permessage-deflate; client_max_window_bits=8',
  ],
  [
    { clientNoContextTakeover: false, serverMaxWindowBits: 8, clientMaxWindowBits: 14 },
    'permessage-deflate; server_no_context_takeover; server_max_window_bits=8; client_max_window_bits=14, permessage-deflate; server_max_window_bits=8; client_max_window_bits=14',
  ],
] as const) {
  test(`§7.1 a client with ${JSON.stringify(options)} offers ${expected}`, () => {
    assert.equal(offer(options), expected);
  });
}

test('what only this side sees is not offered', () => {
  assert.equal(offer({ threshold: 1, level: 9, memoryLevel: 9 }), offer({}));
});
