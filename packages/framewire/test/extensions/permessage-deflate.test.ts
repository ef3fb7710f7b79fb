import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import {
  agree,
  judgeAnswer,
  serializeOffers,
  type DeflateAgreement,
  type DeflateOffer,
  type DeflatePreferences,
} from '#src/extensions/permessage-deflate.js';
import { parseExtensions } from '#src/handshake/header-values.js';

/** An offer that asks for nothing and allows nothing. */
const BARE: DeflateOffer = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: undefined,
  clientMaxWindowBits: undefined,
};

/** A client that leaves all to the server. */
const ALLOWING: DeflateOffer = { ...BARE, clientMaxWindowBits: true };

/** A server that has no wishes of its own. */
const EASY: DeflatePreferences = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: undefined,
  clientMaxWindowBits: undefined,
};

/** What stands when nothing was said (RFC 7692 §7.1). */
const UNLIMITED: DeflateAgreement = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
};

const BITS = [8, 9, 10, 11, 12, 13, 14, 15] as const;
const FLAGS = [false, true] as const;

const GOOD = 'permessage-deflate; server_max_window_bits=11';
const AGREED_ON_GOOD = { ...UNLIMITED, serverMaxWindowBits: 11 };

/** §7.1: parameters for which an offer is declined, and an answer refused. All are well-formed. */
const BAD_PARAMETERS: readonly string[] = [
  ...['server_max_window_bits', 'client_max_window_bits'].flatMap((name) => [
    ...['0', '7', '16', '17', '80', '100', '015', '08', '1e1', '-1', '-9', '+9', '0x9', '9.0'].map(
      (value) => `${name}=${value}`,
    ),
    ...['9.', '1_0', 'nine', 'NaN', 'Infinity', 'true', 'undefined', '9'.repeat(400)].map(
      (value) => `${name}=${value}`,
    ),
    `${name}="16"`,
    `${name}="08"`,
    `${name}="\\0\\8"`,
    `${name}=10; ${name}=10`,
    `${name}=10; ${name}=11`,
    `${name}="10"; ${name}=10`,
    `${name}=10; ${name}`,
    `${name}=10; unheard_of`,
    `unheard_of; ${name}=10`,
    `${name.toUpperCase()}=10`,
  ]),
  'server_max_window_bits',
  'client_max_window_bits; client_max_window_bits',
  'client_max_window_bits; server_max_window_bits',
  ...['server_no_context_takeover', 'client_no_context_takeover'].flatMap((name) => [
    ...['true', 'false', '0', '1', '15', '"true"'].map((value) => `${name}=${value}`),
    `${name}; ${name}`,
    `${name}; x; ${name}`,
    name.replace('n', 'N'),
    name.replaceAll('_', '-'),
  ]),
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'size', 'get', '0'].flatMap(
    (name) => [name, `${name}=10`, `${name}; server_max_window_bits=10`, `${name}; ${name}`],
  ),
  'server_max_window_bit=10',
  'server_max_window_bits_=10',
  'window_bits=10',
];

/** Parameters of an offer or an answer that are malformed by the grammar of RFC 6455 §9.1 itself. */
const MALFORMED: readonly string[] = [
  '',
  ' ',
  ',',
  ';',
  'permessage-deflate;',
  'permessage-deflate,',
  ',permessage-deflate',
  'permessage-deflate; ; server_no_context_takeover',
  'permessage-deflate permessage-deflate',
  'permessage-deflate; server_max_window_bits=',
  'permessage-deflate; server_max_window_bits=;',
  'permessage-deflate; server_max_window_bits=""',
  'permessage-deflate; server_max_window_bits=" 10"',
  'permessage-deflate; server_max_window_bits="10',
  'permessage-deflate; server_max_window_bits="10\\',
  "permessage-deflate; server_max_window_bits='10',",
  'permessage-deflate; server_max_window_bits=1 0',
  'permessage-deflate; server_max_window_bits=10=10',
  'permessage-deflate; =10',
  'permessage-deflate; "server_no_context_takeover"',
  '"permessage-deflate"',
  'permessage-deflate=1',
  'permessage-deflate; server_max_window_bits=\u00b2',
  `${GOOD}, a/b`,
  `a/b, ${GOOD}`,
];

/** No names of this extension, though some look like it; RFC 6455 gives names a case. */
const OTHER_NAMES: readonly string[] = [
  'x-foo',
  'x-webkit-deflate-frame',
  'permessage-deflate2',
  'permessage-deflat',
  'permessage_deflate',
  'Permessage-Deflate',
  'PERMESSAGE-DEFLATE',
  '__proto__',
  'constructor',
  'toString',
];

function* everyOffer(): Generator<DeflateOffer> {
  for (const serverNoContextTakeover of FLAGS) {
    for (const clientNoContextTakeover of FLAGS) {
      for (const serverMaxWindowBits of [undefined, ...BITS]) {
        for (const clientMaxWindowBits of [undefined, true, ...BITS] as const) {
          yield {
            serverNoContextTakeover,
            clientNoContextTakeover,
            serverMaxWindowBits,
            clientMaxWindowBits,
          };
        }
      }
    }
  }
}

function* everyPreference(): Generator<DeflatePreferences> {
  for (const offer of everyOffer()) {
    const { clientMaxWindowBits } = offer;
    if (clientMaxWindowBits !== true) yield { ...offer, clientMaxWindowBits };
  }
}

const ALL_OFFERS = [...everyOffer()];
const ALL_PREFERENCES = [...everyPreference()];

/** The only element of a value, its parameters by name. */
function parametersOf(value: string): ReadonlyMap<string, string | undefined> {
  const [element, ...more] = parseExtensions(value) ?? [];
  assert.equal(element?.name, 'permessage-deflate');
  assert.equal(more.length, 0);
  const parameters = new Map(element.parameters.map((each) => [each.name, each.value]));
  assert.equal(parameters.size, element.parameters.length, `${value} repeats a parameter`);
  return parameters;
}

function responseTo(header: string, preferences: Partial<DeflatePreferences> = {}): unknown {
  return agree(header, { ...EASY, ...preferences })?.response;
}

test('the lists above are what they say: 360 offers, 324 preferences', () => {
  assert.equal(new Set(ALL_OFFERS.map((offer) => JSON.stringify(offer))).size, 360);
  assert.equal(new Set(ALL_PREFERENCES.map((wish) => JSON.stringify(wish))).size, 324);
  for (const parameters of BAD_PARAMETERS) {
    assert.ok(parseExtensions(`permessage-deflate; ${parameters}`), parameters);
  }
  for (const header of MALFORMED) assert.equal(parseExtensions(header), undefined, header);
  for (const name of OTHER_NAMES) assert.ok(parseExtensions(name), name);
});

for (const [offers, header] of [
  [[BARE], 'permessage-deflate'],
  [[{ ...BARE, serverNoContextTakeover: true }], 'permessage-deflate; server_no_context_takeover'],
  [[{ ...BARE, clientNoContextTakeover: true }], 'permessage-deflate; client_no_context_takeover'],
  [[{ ...BARE, serverMaxWindowBits: 8 }], 'permessage-deflate; server_max_window_bits=8'],
  [[{ ...BARE, serverMaxWindowBits: 15 }], 'permessage-deflate; server_max_window_bits=15'],
  [[ALLOWING], 'permessage-deflate; client_max_window_bits'],
  [[{ ...BARE, clientMaxWindowBits: 15 }], 'permessage-deflate; client_max_window_bits=15'],
  [
    [{ ...ALLOWING, serverMaxWindowBits: 10 }, ALLOWING],
    'permessage-deflate; server_max_window_bits=10; client_max_window_bits, permessage-deflate; client_max_window_bits',
  ],
  [[BARE, BARE, BARE], 'permessage-deflate, permessage-deflate, permessage-deflate'],
] as const) {
  test(`§7.1 an offer reads ${header}`, () => {
    assert.equal(serializeOffers(offers), header);
  });
}

test('§7.1 each of the 360 offers says what it asks for, and nothing else', () => {
  for (const offer of ALL_OFFERS) {
    const parameters = new Map<string, string | undefined>();
    if (offer.serverNoContextTakeover) parameters.set('server_no_context_takeover', undefined);
    if (offer.clientNoContextTakeover) parameters.set('client_no_context_takeover', undefined);
    const { serverMaxWindowBits: server, clientMaxWindowBits: client } = offer;
    if (server !== undefined) parameters.set('server_max_window_bits', String(server));
    if (client !== undefined) {
      parameters.set('client_max_window_bits', client === true ? undefined : String(client));
    }
    assert.deepEqual(parametersOf(serializeOffers([offer])), parameters);
  }
});

test('§5 a client that offers nothing is answered nothing', () => {
  assert.equal(agree(undefined, EASY), undefined);
});

for (const [offer, response, agreement] of [
  ['permessage-deflate', 'permessage-deflate', {}],
  [
    'permessage-deflate; server_no_context_takeover',
    'permessage-deflate; server_no_context_takeover',
    { serverNoContextTakeover: true },
  ],
  [
    'permessage-deflate; client_no_context_takeover',
    'permessage-deflate; client_no_context_takeover',
    { clientNoContextTakeover: true },
  ],
  [
    'permessage-deflate; server_max_window_bits=10',
    'permessage-deflate; server_max_window_bits=10',
    { serverMaxWindowBits: 10 },
  ],
  // §7.1.2.1: it is accepted by being named, even where it is what it would be anyway.
  [
    'permessage-deflate; server_max_window_bits=15',
    'permessage-deflate; server_max_window_bits=15',
    {},
  ],
  // §7.1.2.2: without a value the client says only that it would bear an answer.
  ['permessage-deflate; client_max_window_bits', 'permessage-deflate', {}],
  ['permessage-deflate; client_max_window_bits=15', 'permessage-deflate', {}],
  [
    'permessage-deflate; client_max_window_bits=8',
    'permessage-deflate; client_max_window_bits=8',
    { clientMaxWindowBits: 8 },
  ],
  // §7.1.3, the second example.
  [
    'permessage-deflate; client_max_window_bits; server_max_window_bits=10',
    'permessage-deflate; server_max_window_bits=10',
    { serverMaxWindowBits: 10 },
  ],
  // RFC 6455 §9.1: a value may be quoted, and spaces stand between any two parts.
  [
    'permessage-deflate;server_max_window_bits="1\\0" ;\tclient_max_window_bits = "9"',
    'permessage-deflate; server_max_window_bits=10; client_max_window_bits=9',
    { serverMaxWindowBits: 10, clientMaxWindowBits: 9 },
  ],
  [
    'permessage-deflate; client_max_window_bits=12; client_no_context_takeover; server_max_window_bits=9; server_no_context_takeover',
    'permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=12',
    {
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      serverMaxWindowBits: 9,
      clientMaxWindowBits: 12,
    },
  ],
] as const) {
  test(`§7.1 a server without wishes answers ${offer} with ${response}`, () => {
    assert.deepEqual(agree(offer, EASY), {
      agreement: { ...UNLIMITED, ...agreement },
      response,
    });
  });
}

test('§7.1.1 a server may do without context, and demand that the client does, unasked', () => {
  assert.equal(
    responseTo('permessage-deflate', { serverNoContextTakeover: true }),
    'permessage-deflate; server_no_context_takeover',
  );
  assert.equal(
    responseTo('permessage-deflate', { clientNoContextTakeover: true }),
    'permessage-deflate; client_no_context_takeover',
  );
});

test('§7.1.2.1 the server’s window is the smaller of what both sides want', () => {
  for (const [offered, wanted, answered] of [
    ['', 9, '; server_max_window_bits=9'],
    ['', 15, ''],
    ['; server_max_window_bits=12', 9, '; server_max_window_bits=9'],
    ['; server_max_window_bits=9', 12, '; server_max_window_bits=9'],
  ] as const) {
    assert.equal(
      responseTo(`permessage-deflate${offered}`, { serverMaxWindowBits: wanted }),
      `permessage-deflate${answered}`,
    );
  }
});

test('§7.1.2.2 the client’s window is chosen only where the client allows that', () => {
  for (const [offered, wanted, response] of [
    ['', 9, undefined],
    ['; server_max_window_bits=9', 9, undefined],
    ['; client_max_window_bits', 9, 'permessage-deflate; client_max_window_bits=9'],
    ['; client_max_window_bits=12', 9, 'permessage-deflate; client_max_window_bits=9'],
    ['; client_max_window_bits=9', 12, 'permessage-deflate; client_max_window_bits=9'],
  ] as const) {
    assert.equal(
      responseTo(`permessage-deflate${offered}`, { clientMaxWindowBits: wanted }),
      response,
    );
  }
});

test('§5.2 of several offers the first that is acceptable is accepted, and no other', () => {
  for (const [header, response] of [
    [
      'permessage-deflate; server_max_window_bits=9, permessage-deflate',
      'permessage-deflate; server_max_window_bits=9',
    ],
    ['permessage-deflate, permessage-deflate; server_max_window_bits=9', 'permessage-deflate'],
    [
      'permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=8',
      'permessage-deflate; server_max_window_bits=8',
    ],
    [
      'permessage-deflate; a, permessage-deflate; b, permessage-deflate; client_no_context_takeover',
      'permessage-deflate; client_no_context_takeover',
    ],
    ['permessage-deflate; server_no_context_takeover; a, permessage-deflate', 'permessage-deflate'],
  ] as const) {
    assert.equal(responseTo(header), response, header);
  }
  // What a client does not allow in its first offer it may allow in the next.
  assert.equal(
    responseTo('permessage-deflate, permessage-deflate; client_max_window_bits=12', {
      clientMaxWindowBits: 10,
    }),
    'permessage-deflate; client_max_window_bits=10',
  );
});

test('RFC 6455 §9.1 extensions nobody knows are stepped over, wherever they stand', () => {
  for (const name of OTHER_NAMES) {
    // What is wrong with the parameters of another extension is nobody’s business.
    const other = `${name}; server_max_window_bits=7; a; a; b="c"`;
    assert.equal(agree(other, EASY), undefined);
    for (const header of [`${other}, ${GOOD}`, `${GOOD}, ${other}`, `${name}, ${GOOD}, ${name}`]) {
      assert.deepEqual(agree(header, EASY)?.agreement, AGREED_ON_GOOD, header);
    }
  }
});

for (const parameters of BAD_PARAMETERS) {
  const shown = parameters.length > 60 ? `${parameters.slice(0, 60)}…` : parameters;
  test(`§7.1 an offer with ${shown} is declined, an answer refused`, () => {
    const bad = `permessage-deflate; ${parameters}`;
    assert.equal(agree(bad, EASY), undefined);
    assert.deepEqual(agree(`${bad}, ${GOOD}`, EASY)?.agreement, AGREED_ON_GOOD);
    assert.deepEqual(agree(`${GOOD}, ${bad}`, EASY)?.agreement, AGREED_ON_GOOD);
    for (const offers of [[BARE], [ALLOWING], [BARE, ALLOWING]]) {
      assert.equal(typeof judgeAnswer(bad, offers), 'string');
    }
  });
}

test('what is malformed is declined as a whole: nothing in it can be trusted', () => {
  for (const header of MALFORMED) {
    assert.equal(agree(header, EASY), undefined, header);
    assert.equal(judgeAnswer(header, [ALLOWING]), undefined, header);
  }
});

for (const [answer, agreement] of [
  ['permessage-deflate', {}],
  ['permessage-deflate; server_no_context_takeover', { serverNoContextTakeover: true }],
  ['permessage-deflate; client_no_context_takeover', { clientNoContextTakeover: true }],
  ['permessage-deflate; server_max_window_bits=8', { serverMaxWindowBits: 8 }],
  ['permessage-deflate; server_max_window_bits=15', {}],
  ['permessage-deflate; client_max_window_bits=8', { clientMaxWindowBits: 8 }],
  ['permessage-deflate; client_max_window_bits=15', {}],
  [
    'permessage-deflate ;client_max_window_bits="\\9";\tserver_max_window_bits = "10"',
    { serverMaxWindowBits: 10, clientMaxWindowBits: 9 },
  ],
  ['x-foo, permessage-deflate; server_max_window_bits=9', { serverMaxWindowBits: 9 }],
] as const) {
  test(`§7.1 a client that leaves all to the server takes ${answer}`, () => {
    assert.deepEqual(judgeAnswer(answer, [ALLOWING]), { ...UNLIMITED, ...agreement });
  });
}

test('§7.1.2.2 in an answer client_max_window_bits has a value', () => {
  for (const offers of [[BARE], [ALLOWING], [{ ...BARE, clientMaxWindowBits: 15 }]]) {
    assert.match(
      String(judgeAnswer('permessage-deflate; client_max_window_bits', offers)),
      /bad value/u,
    );
  }
});

for (const [name, offer, refused, accepted] of [
  [
    '§7.1.1.1 a server that was told to do without context',
    { ...BARE, serverNoContextTakeover: true },
    ['', '; client_no_context_takeover', '; server_max_window_bits=8'],
    ['; server_no_context_takeover', '; server_no_context_takeover; server_max_window_bits=8'],
  ],
  [
    '§7.1.2.1 a server that was told its window',
    { ...BARE, serverMaxWindowBits: 10 },
    ['', '; server_max_window_bits=11', '; server_max_window_bits=15'],
    ['; server_max_window_bits=10', '; server_max_window_bits=8'],
  ],
  [
    '§7.1.2.2 a server that was not allowed to choose the client’s window',
    BARE,
    ['; client_max_window_bits=8', '; client_max_window_bits=15'],
    ['', '; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9'],
  ],
  [
    // A hint: whether the server needs the client’s context is for the server to say.
    '§7.1.1.2 a server that knows that the client will do without context',
    { ...BARE, clientNoContextTakeover: true },
    ['; client_no_context_takeover=1'],
    ['', '; client_no_context_takeover'],
  ],
] as const) {
  test(`${name} must keep to it`, () => {
    for (const parameters of refused) {
      const verdict = judgeAnswer(`permessage-deflate${parameters}`, [offer]);
      assert.equal(typeof verdict, 'string', parameters);
    }
    for (const parameters of accepted) {
      const verdict = judgeAnswer(`permessage-deflate${parameters}`, [offer]);
      assert.equal(typeof verdict, 'object', parameters);
    }
  });
}

test('§7.1.2.2 a client keeps to the window it has offered, whatever the answer says of it', () => {
  const offer = { ...BARE, clientMaxWindowBits: 10 };
  for (const [parameters, clientMaxWindowBits] of [
    ['', 10],
    ['; client_max_window_bits=15', 10],
    ['; client_max_window_bits=11', 10],
    ['; client_max_window_bits=10', 10],
    ['; client_max_window_bits=8', 8],
  ] as const) {
    const verdict = judgeAnswer(`permessage-deflate${parameters}`, [offer]);
    assert.deepEqual(verdict, { ...UNLIMITED, clientMaxWindowBits }, parameters);
  }
});

test('§5 an answer may be that to any of the offers, but has to fit one of them as a whole', () => {
  const offers: DeflateOffer[] = [
    { ...BARE, serverNoContextTakeover: true, clientMaxWindowBits: 12 },
    { ...BARE, serverMaxWindowBits: 10 },
  ];
  for (const parameters of [
    'server_no_context_takeover',
    'server_no_context_takeover; client_max_window_bits=12',
    'server_max_window_bits=10',
    'server_max_window_bits=9; client_no_context_takeover',
  ]) {
    assert.equal(typeof judgeAnswer(`permessage-deflate; ${parameters}`, offers), 'object');
  }
  for (const parameters of [
    'client_no_context_takeover',
    'server_max_window_bits=11',
    'server_max_window_bits=10; client_max_window_bits=12',
    'client_no_context_takeover; client_max_window_bits=13',
  ]) {
    assert.equal(typeof judgeAnswer(`permessage-deflate; ${parameters}`, offers), 'string');
  }
  assert.equal(typeof judgeAnswer('permessage-deflate', []), 'string', 'nothing was offered');
});

test('§5 an answer without this extension declines it', () => {
  assert.equal(judgeAnswer('', [ALLOWING]), undefined);
  for (const name of OTHER_NAMES) assert.equal(judgeAnswer(name, [ALLOWING]), undefined, name);
});

test('what is wrong with an answer is told in one line of bounded length', () => {
  const long = `permessage-deflate; ${'x'.repeat(10_000)}`;
  const tooMuch = 'permessage-deflate; server_no_context_takeover; client_max_window_bits=9';
  for (const [answer, expected] of [
    ['permessage-deflate; unheard_of', /"permessage-deflate; unheard_of"/u],
    ['permessage-deflate; server_max_window_bits="1\\6"', /server_max_window_bits=\\"1/u],
    [long, /"permessage-deflate; x+…"/u],
    [tooMuch, /is no answer to "permessage-deflate"$/u],
  ] as const) {
    const verdict = String(judgeAnswer(answer, [BARE]));
    assert.match(verdict, expected);
    assert.ok(verdict.length < 250, verdict);
  }
});

/** What an accepted offer comes to, by §7.1: neither side has to do more than it said. */
function assertWithin(
  { agreement, response }: { agreement: DeflateAgreement; response: string },
  offer: DeflateOffer,
  preferences: DeflatePreferences,
): void {
  const { serverMaxWindowBits: demanded, clientMaxWindowBits: allowed } = offer;
  const parameters = parametersOf(response);
  assert.equal(
    agreement.serverNoContextTakeover,
    offer.serverNoContextTakeover || preferences.serverNoContextTakeover,
  );
  assert.equal(
    agreement.clientNoContextTakeover,
    offer.clientNoContextTakeover || preferences.clientNoContextTakeover,
  );
  assert.equal(
    agreement.serverMaxWindowBits,
    Math.min(demanded ?? 15, preferences.serverMaxWindowBits ?? 15),
  );
  assert.equal(
    agreement.clientMaxWindowBits,
    Math.min(typeof allowed === 'number' ? allowed : 15, preferences.clientMaxWindowBits ?? 15),
  );
  if (demanded !== undefined) assert.ok(parameters.has('server_max_window_bits'), response);
  if (allowed === undefined) assert.ok(!parameters.has('client_max_window_bits'), response);
}

test('§7.1 whatever a server answers, its client accepts, and both mean the same by it', () => {
  for (const offer of ALL_OFFERS) {
    const header = serializeOffers([offer]);
    for (const preferences of ALL_PREFERENCES) {
      const accepted = agree(header, preferences);
      const { clientMaxWindowBits: wanted } = preferences;
      if (offer.clientMaxWindowBits === undefined && wanted !== undefined && wanted < 15) {
        assert.equal(accepted, undefined, header);
      } else if (accepted !== undefined) {
        assertWithin(accepted, offer, preferences);
        assert.deepEqual(judgeAnswer(accepted.response, [offer]), accepted.agreement);
      } else {
        assert.ok(wanted !== undefined && offer.clientMaxWindowBits === undefined, header);
      }
    }
  }
});

/** The rules of §7.1 for an answer to an offer, written out one by one. */
function breaksRule(answer: DeflateOffer, offer: DeflateOffer): boolean {
  const { serverMaxWindowBits: server = 15, clientMaxWindowBits: client } = answer;
  const { clientMaxWindowBits: allowed } = offer;
  return [
    client === true,
    offer.serverNoContextTakeover && !answer.serverNoContextTakeover,
    offer.serverMaxWindowBits !== undefined && server > offer.serverMaxWindowBits,
    client !== undefined && allowed === undefined,
  ].includes(true);
}

test('§7.1 of all 360 answers to all 360 offers a client takes those that break no rule', () => {
  for (const answer of ALL_OFFERS) {
    const header = serializeOffers([answer]);
    for (const offer of ALL_OFFERS) {
      const verdict = judgeAnswer(header, [offer]);
      if (breaksRule(answer, offer)) assert.equal(typeof verdict, 'string', header);
      else assert.equal(typeof verdict, 'object', String(verdict));
    }
  }
});

const anyOffers = fc.array(fc.constantFrom(...ALL_OFFERS), { minLength: 1, maxLength: 4 });
const anyPreferences = fc.constantFrom(...ALL_PREFERENCES);
const anyNoise = fc.constantFrom(
  ...OTHER_NAMES,
  ...BAD_PARAMETERS.map((parameters) => `permessage-deflate; ${parameters}`),
);

test('§5 noise between the offers changes nothing', () => {
  fc.assert(
    fc.property(anyOffers, anyPreferences, fc.array(anyNoise), (offers, preferences, noise) => {
      const elements = offers.map((offer) => serializeOffers([offer]));
      const noisy = [...elements];
      for (const [index, each] of noise.entries())
        noisy.splice((index * 2) % noisy.length, 0, each);
      const accepted = agree(noisy.join(', '), preferences);
      assert.deepEqual(accepted, agree(elements.join(', '), preferences));
      const first = elements.find((element) => agree(element, preferences) !== undefined);
      assert.deepEqual(accepted, first === undefined ? undefined : agree(first, preferences));
      if (accepted === undefined) return;
      assert.deepEqual(judgeAnswer(accepted.response, offers), accepted.agreement);
    }),
  );
});

/** Headers made of what headers are made of. */
const anyHeader = fc
  .array(
    fc.oneof(
      fc.constantFrom('permessage-deflate', 'server_max_window_bits', 'client_max_window_bits'),
      fc.constantFrom('server_no_context_takeover', 'client_no_context_takeover', '=10', '=9'),
      fc.constantFrom(',', ';', '=', '"', '\\', ' ', '\t', '15', '7', '__proto__', '\u00e4'),
      fc.string({ maxLength: 3 }),
    ),
    { maxLength: 24 },
  )
  .map((parts) => parts.join(''));

test('whatever a header says, it is answered, declined or refused, and never throws', () => {
  fc.assert(
    fc.property(anyHeader, anyPreferences, anyOffers, (header, preferences, offers) => {
      const accepted = agree(header, preferences);
      if (accepted !== undefined) parametersOf(accepted.response);
      const verdict = judgeAnswer(header, offers);
      if (typeof verdict !== 'object') return;
      for (const bits of [verdict.serverMaxWindowBits, verdict.clientMaxWindowBits]) {
        assert.ok(Number.isInteger(bits) && bits >= 8 && bits <= 15, header);
      }
    }),
    { numRuns: 2000 },
  );
});

test('thousands of offers and of parameters are judged as few are', () => {
  const many = 'permessage-deflate; unheard_of, '.repeat(10_000);
  assert.deepEqual(agree(many + GOOD, EASY)?.agreement, AGREED_ON_GOOD);
  const repeated = `permessage-deflate${'; server_no_context_takeover'.repeat(10_000)}`;
  assert.equal(agree(repeated, EASY), undefined);
});
