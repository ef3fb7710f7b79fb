/**
 * Sizes by parameters, many messages each, as the public test suites for WebSocket have it (RFC 7692
 * §7.1): everything is compressed, echoed by the peer, and arrives as it was sent.
 */
import assert from 'node:assert/strict';
import type { DeflateAgreement } from 'framewire';
import { jsonOfOctets, pseudoRandomOctets } from '../contents.ts';
import type { Content } from '../endpoint.ts';
import { assertContent, type Scenario, type TappedPair } from '../scenario.ts';
import { agreed } from './compressed.ts';
import { agreementsWith, ALL_BITS, describe, requestFor } from './deflate-negotiation.ts';

const KIB = 1024;

const SIZES = [16, 64, 256, KIB, 4 * KIB, 8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB, 128 * KIB];

/** What a case sends: so many messages, unless they are more octets together. */
interface Amount {
  readonly messages: number;
  readonly octets: number;
}

const QUICK: Amount = { messages: 60, octets: 256 * KIB };
const FULL: Amount = { messages: 1000, octets: 128 * 1000 * KIB };

const QUICK_BITS = [9, 15];

// An octet for each character, so that every piece of it is text.
const DOCUMENT = Buffer.from(jsonOfOctets(512 * KIB, 12).replace(/[^\n -~]/g, '?'));
const NOISE = pseudoRandomOctets(128 * KIB, 13);

/** Mostly pieces of one document, which have much in common; some octets without any order. */
function contentOf(size: number, index: number): Content {
  if (index % 8 === 5) return { type: 'binary', data: NOISE.subarray(0, size) };
  const start = (index * 1009) % (DOCUMENT.length - size);
  return {
    type: index % 2 === 0 ? 'text' : 'binary',
    data: DOCUMENT.subarray(start, start + size),
  };
}

async function echo({ ours }: TappedPair, size: number, count: number): Promise<void> {
  const sendAll = async (): Promise<void> => {
    for (let index = 0; index < count; index++) await ours.send(contentOf(size, index));
  };
  const readAll = async (): Promise<void> => {
    for (let index = 0; index < count; index++) {
      assertContent(await ours.messages.next(), contentOf(size, index));
    }
  };
  await Promise.all([sendAll(), readAll()]);
}

function matrixCase(agreement: DeflateAgreement, size: number, amount: Amount): Scenario {
  const count = Math.max(4, Math.min(amount.messages, Math.floor(amount.octets / size)));
  return {
    title: `${count} messages of ${size} octets, deflated: ${describe(agreement)}`,
    needs: ['plays the matrix'],
    run: async (stage) => {
      const pair = await stage.openTapped(
        {
          client: { deflate: requestFor(agreement) },
          server: { deflate: {} },
          theirs: { echo: true },
        },
        'counts',
      );
      assert.deepEqual(agreed(pair), agreement);
      await echo(pair, size, count);
      for (const { messages, faults } of [pair.tap.from.client, pair.tap.from.server]) {
        assert.deepEqual(faults, []);
        assert.equal(messages.length, count);
        assert.ok(
          messages.every(({ compressed }) => compressed),
          'all messages are compressed',
        );
      }
    },
  };
}

/** `full`: every size of the window, and as many messages as the public suites send. */
export function deflateMatrix(full: boolean): readonly Scenario[] {
  const bits = full ? ALL_BITS : QUICK_BITS;
  const agreements = agreementsWith(bits.map((both) => [both, both]));
  const amount = full ? FULL : QUICK;
  return agreements.flatMap((agreement) =>
    SIZES.map((size) => matrixCase(agreement, size, amount)),
  );
}
