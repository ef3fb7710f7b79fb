/** RFC 7692 §5, §7.1 — who asks for what, what both sides make of it, and what travels then. */
import assert from 'node:assert/strict';
import type { DeflateAgreement } from 'framewire';
import { binary, jsonOfOctets, text } from '../contents.ts';
import type { DeflateRequest } from '../deflate.ts';
import { Refusal, type Ability, type Content, type Role } from '../endpoint.ts';
import { type Scenario, type TappedPair } from '../scenario.ts';
import {
  agreed,
  assertBothCompressed,
  exchange,
  LONG_CONTENTS,
  openDeflating,
  REMEMBERING,
  SHORT_CONTENTS,
  type Remembering,
} from './compressed.ts';

const LEAST_BITS = 8;
const MOST_BITS = 15;

/** Both windows as both sides are asked to have them: server, client. */
export type Windows = readonly [server: number, client: number];

export const ALL_BITS: readonly number[] = Array.from(
  { length: MOST_BITS - LEAST_BITS + 1 },
  (_, index) => LEAST_BITS + index,
);

/** Every size in every place, without all pairs of them. */
const SOME_WINDOWS: readonly Windows[] = ALL_BITS.map((bits) => [
  bits,
  MOST_BITS + LEAST_BITS - bits,
]);
const FEW_WINDOWS: readonly Windows[] = [
  [9, 9],
  [11, 13],
  [15, 15],
];
const ALL_WINDOWS: readonly Windows[] = ALL_BITS.flatMap((server) =>
  ALL_BITS.map((client): Windows => [server, client]),
);

const YES_OR_NO = [true, false];

export function agreementsWith(windows: readonly Windows[]): DeflateAgreement[] {
  return windows.flatMap(([serverMaxWindowBits, clientMaxWindowBits]) =>
    YES_OR_NO.flatMap((serverNoContextTakeover) =>
      YES_OR_NO.map((clientNoContextTakeover) => ({
        ...{ serverNoContextTakeover, clientNoContextTakeover },
        ...{ serverMaxWindowBits, clientMaxWindowBits },
      })),
    ),
  );
}

export function requestFor(agreement: DeflateAgreement): DeflateRequest {
  const { serverMaxWindowBits, clientMaxWindowBits } = agreement;
  return {
    ...(agreement.serverNoContextTakeover && { serverNoContextTakeover: true }),
    ...(agreement.clientNoContextTakeover && { clientNoContextTakeover: true }),
    ...{ serverMaxWindowBits, clientMaxWindowBits },
  };
}

export function describe(agreement: DeflateAgreement): string {
  const side = (bits: number, forgets: boolean): string =>
    `${bits} bits ${forgets ? 'without' : 'with'} context`;
  const server = side(agreement.serverMaxWindowBits, agreement.serverNoContextTakeover);
  const client = side(agreement.clientMaxWindowBits, agreement.clientNoContextTakeover);
  return `server ${server}, client ${client}`;
}

function needsOf(role: Role, asker: Role, bits: number): Ability[] {
  const smallest: readonly Ability[] = bits === LEAST_BITS ? ['chooses a window of 8 bits'] : [];
  return [role === asker ? 'asks for deflate parameters' : 'takes deflate parameters', ...smallest];
}

/** One side asks for all four parameters, the other leaves everything to it. */
function asked(asker: Role, agreement: DeflateAgreement): Scenario {
  return {
    title: `the ${asker} asks, deflated: ${describe(agreement)} (RFC 7692 §7.1)`,
    clientNeeds: needsOf('client', asker, agreement.clientMaxWindowBits),
    serverNeeds: needsOf('server', asker, agreement.serverMaxWindowBits),
    run: async (stage) => {
      const [client, server] =
        asker === 'client' ? [requestFor(agreement), {}] : [{}, requestFor(agreement)];
      const pair = await stage.openTapped({
        server: { deflate: server },
        client: { deflate: client },
      });
      assert.deepEqual(agreed(pair), agreement);
      await exchange(pair, SHORT_CONTENTS);
      assertBothCompressed(pair, agreement, SHORT_CONTENTS);
    },
  };
}

function long(remembering: Remembering): Scenario {
  return {
    title: `deflated messages of up to 1 MiB ${remembering.name} (RFC 7692 §7.2)`,
    needs: remembering.needs,
    subjectNeeds: remembering.needs,
    run: async (stage) => {
      const pair = await openDeflating(stage, remembering);
      const agreement = agreed(pair);
      await exchange(pair, LONG_CONTENTS);
      assertBothCompressed(pair, agreement, LONG_CONTENTS);
    },
  };
}

/** Long enough for everybody's threshold. */
const WORTHWHILE = text(jsonOfOctets(4096));

function assertPlain({ ours, theirs, tap }: TappedPair): void {
  assert.equal(ours.extensions, '');
  assert.equal(theirs.extensions, '');
  assert.doesNotMatch(tap.from.server.head, /sec-websocket-extensions/i);
  for (const { messages, faults } of [tap.from.client, tap.from.server]) {
    assert.deepEqual(faults, []);
    assert.ok(messages.length > 0 && messages.every(({ compressed }) => !compressed));
  }
}

const DEFAULTS: readonly Scenario[] = [
  {
    title: 'deflated with the defaults of both sides: what gets smaller is compressed',
    needs: ['compresses'],
    subjectNeeds: ['compresses what gets smaller'],
    run: async (stage) => {
      const pair = await stage.openTapped({
        server: { deflate: 'default' },
        client: { deflate: 'default' },
      });
      const { serverNoContextTakeover, clientNoContextTakeover } = agreed(pair);
      assert.ok(serverNoContextTakeover && clientNoContextTakeover, pair.ours.extensions);
      const contents = [WORTHWHILE, ...LONG_CONTENTS];
      await exchange(pair, contents);
      const { client, server } = pair.tap.from;
      for (const { messages, faults } of [client, server]) {
        assert.deepEqual(faults, []);
        const [first] = messages;
        assert.ok(first !== undefined && first.compressed && first.length < 2048);
      }
      const ours = stage.peerRole === 'client' ? server : client;
      const pointless = ours.messages.filter((_, index) => !isWorthwhile(contents[index]));
      assert.ok(pointless.every(({ compressed }) => !compressed));
    },
  },
  {
    title: 'a peer without compression declines it or has none: everything travels as it is (§9.1)',
    needs: ['can do without compression'],
    run: async (stage) => {
      const pair = await stage.openTapped({ ours: { deflate: {} }, theirs: { deflate: 'off' } });
      await exchange(pair, [WORTHWHILE, binary(1024), ...LONG_CONTENTS]);
      assertPlain(pair);
    },
  },
];

/** Random octets and what is short are left alone by framewire's defaults. */
function isWorthwhile({ type, data }: Content = WORTHWHILE): boolean {
  return data.length >= 256 && (type === 'text' || data[0] === '{'.charCodeAt(0));
}

/** For a peer that knows nothing of windows. */
const IGNORANT: readonly Scenario[] = [
  {
    title: 'a server that ignores the window it was to have is refused (RFC 7692 §7.1.2.1)',
    needs: ['ignores deflate parameters'],
    roles: ['server'],
    run: async (stage) => {
      const listener = await stage.listen({ deflate: {} });
      const url = `ws://127.0.0.1:${listener.port}/`;
      const deflate = { serverMaxWindowBits: 10 };
      await assert.rejects(stage.dial({ url, deflate }), (error: unknown) => {
        assert.ok(error instanceof Refusal, String(error));
        assert.match(error.message, /server_max_window_bits/);
        return true;
      });
    },
  },
  {
    title: 'a client whose window cannot be chosen is served without compression (§7.1.2.2)',
    needs: ['ignores deflate parameters'],
    roles: ['client'],
    run: async (stage) => {
      const pair = await stage.openTapped({
        ours: { deflate: { clientMaxWindowBits: 10 } },
        theirs: { deflate: {} },
      });
      await exchange(pair, SHORT_CONTENTS);
      assertPlain(pair);
    },
  },
  {
    title: 'a server may have a smaller window without being asked (RFC 7692 §7.1.2.1)',
    needs: ['ignores deflate parameters'],
    roles: ['client'],
    run: async (stage) => {
      const pair = await stage.openTapped({
        ours: { deflate: { serverMaxWindowBits: 9 } },
        theirs: { deflate: {} },
      });
      await exchange(pair, SHORT_CONTENTS);
      const forgets = { serverNoContextTakeover: true, clientNoContextTakeover: true };
      const agreement = { ...forgets, serverMaxWindowBits: 9, clientMaxWindowBits: 15 };
      assertBothCompressed(pair, agreement, SHORT_CONTENTS);
    },
  },
];

/** `full`: every pair of windows, whoever asks. */
export function deflateNegotiation(full: boolean): readonly Scenario[] {
  const ofClients = agreementsWith(full ? ALL_WINDOWS : SOME_WINDOWS);
  const ofServers = agreementsWith(full ? ALL_WINDOWS : FEW_WINDOWS);
  return [
    ...ofClients.map((agreement) => asked('client', agreement)),
    ...ofServers.map((agreement) => asked('server', agreement)),
    ...REMEMBERING.map(long),
    ...DEFAULTS,
    ...IGNORANT,
  ];
}
