/** RFC 7692 §6, §7.2 — compression beside everything else a connection does. */
import assert from 'node:assert/strict';
import { binary, chinese, jsonLines, jsonOfOctets, pseudoRandomOctets, text } from '../contents.ts';
import type { Content, Manner } from '../endpoint.ts';
import {
  assertContent,
  assertFailed,
  assertInfo,
  assertOctets,
  closingOf,
  type Scenario,
  type TappedPair,
} from '../scenario.ts';
import {
  agreed,
  assertArrives,
  assertBothCompressed,
  assertCompressed,
  exchange,
  openDeflating,
  REMEMBERING,
  sendAll,
  SHORT_CONTENTS,
  WITH_CONTEXT,
  WITHOUT_CONTEXT,
  type Remembering,
} from './compressed.ts';

const MIB = 1024 * 1024;

/** For both ways of remembering; a peer that keeps no context plays one of them. */
function remembering(
  title: string,
  run: (...play: [...Parameters<Scenario['run']>, Remembering]) => Promise<void>,
  { needs = [], subjectNeeds = [], roles }: Omit<Scenario, 'title' | 'run'> = {},
): Scenario[] {
  return REMEMBERING.map((choice) => ({
    title: `${title}, deflated ${choice.name}`,
    needs: [...choice.needs, ...needs],
    subjectNeeds: [...choice.needs, ...subjectNeeds],
    ...(roles !== undefined && { roles }),
    run: (stage) => run(stage, choice),
  }));
}

function lines(count: number): Content[] {
  const generator = jsonLines(3);
  return Array.from({ length: count }, () => text(String(generator.next().value)));
}

const FRAGMENT_SIZE = 512;
const PING = new TextEncoder().encode('in between');

// The first part is longer than a fragment also when it is compressed, so that it leaves at once.
const FRAGMENTED: readonly Content[] = [
  text(jsonOfOctets(60_000)),
  { type: 'binary', data: pseudoRandomOctets(6001) },
];

function partsOf({ data }: Content): Uint8Array[] {
  const third = Math.ceil(data.length / 3);
  return [data.slice(0, third), data.slice(third, 2 * third), data.slice(2 * third)];
}

function assertFragmented(pair: TappedPair, side: 'client' | 'server', content: Content): void {
  assertCompressed(pair.tap, side, { ...agreed(pair), ...FORGETTING }, [content]);
  const [message] = pair.tap.from[side].messages;
  assert.ok(message !== undefined && message.fragments > 1, 'there are several fragments');
}

/** A single message has nothing before it to refer to. */
const FORGETTING = { serverNoContextTakeover: true, clientNoContextTakeover: true };

const FRAGMENTS: readonly Scenario[] = FRAGMENTED.flatMap((content) => [
  ...remembering(
    `fragmented ${content.type} from the peer with a ping in between`,
    async (stage, choice) => {
      const pair = await openDeflating(stage, choice, { theirs: { fragmentSize: FRAGMENT_SIZE } });
      const { ours, theirs } = pair;
      await theirs.sendFragments(content.type, partsOf(content), PING);
      assertContent(await ours.messages.next(), content);
      assertOctets(await ours.pings.next(), PING);
      assertOctets(await theirs.pongs.next(), PING);
      assert.deepEqual(ours.history, ['ping', 'message']);
      assertFragmented(pair, stage.peerRole, content);
    },
    { needs: ['sends fragments'] },
  ),
  ...remembering(
    `fragmented ${content.type} from framewire with a ping in between`,
    async (stage, choice) => {
      const pair = await openDeflating(stage, choice);
      const { ours, theirs } = pair;
      await ours.sendFragments(content.type, partsOf(content), PING);
      assertContent(await theirs.messages.next(), content);
      assertOctets(await ours.pongs.next(), PING);
      assertFragmented(pair, stage.peerRole === 'client' ? 'server' : 'client', content);
      if (!stage.peer.abilities.has('sees pings')) return;
      assertOctets(await theirs.pings.next(), PING);
      assert.deepEqual(theirs.history, ['ping', 'message']);
    },
    { needs: ['reassembles fragments'] },
  ),
]);

const PIPELINED = 200;

const ORDER: readonly Scenario[] = [
  ...remembering('many messages cross each other', async (stage, choice) => {
    const pair = await openDeflating(stage, choice);
    const contents = lines(PIPELINED).flatMap((line, index) =>
      index % 50 === 0 ? [line, text(jsonOfOctets(70_000, index + 1))] : [line],
    );
    await exchange(pair, contents);
    assertBothCompressed(pair, agreed(pair), contents);
  }),
  ...(['ours', 'theirs'] as const).flatMap((first) =>
    remembering(
      `what was sent arrives before the Close of ${first === 'ours' ? 'framewire' : 'the peer'}`,
      async (stage, choice) => {
        const pair = await openDeflating(stage, choice);
        const second = first === 'ours' ? 'theirs' : 'ours';
        const contents = [...lines(30), text(jsonOfOctets(300_000)), ...SHORT_CONTENTS];
        const sent = sendAll(pair[first], contents);
        await Promise.all([sent, pair[first].close(1000, 'that was all')]);
        await assertArrives(pair[second], contents);
        await closingOf(pair[second]);
        assertInfo(await closingOf(pair.ours), (info) => assert.ok(info.wasClean));
      },
    ),
  ),
];

/** Each follows each other one, and what does not pay comes between two that have much in common. */
const MANNERS: readonly Manner[] = [
  ...(['compressed', 'plain', 'compressed', 'prepared', 'compressed', 'unforced'] as const),
  ...(['plain', 'prepared', 'unforced', 'prepared', 'prepared', 'plain', 'unforced'] as const),
  ...(['compressed', 'unforced', 'compressed', 'unforced'] as const),
];

/** What pays and what does not, of many sizes; prepared ones are worth it in any case. */
function assortment(): Content[] {
  return lines(130).map((line, index) => {
    if (MANNERS[index % MANNERS.length] === 'prepared') return text(jsonOfOctets(600 + index, 8));
    if (index % 7 === 3) return binary(300 + index);
    if (index % 10 === 4) return text(chinese(200 + index));
    return index % 20 === 6 ? text(jsonOfOctets(70_000, index + 1)) : line;
  });
}

const ONE_BY_ONE: readonly Scenario[] = (['ours', 'theirs'] as const).flatMap((sender) =>
  remembering(
    `${sender === 'ours' ? 'framewire' : 'the peer'} mixes compressed, plain and prepared messages`,
    async (stage, choice) => {
      const pair = await openDeflating(stage, choice);
      const contents = assortment();
      await sendAll(pair[sender], contents, MANNERS);
      await assertArrives(pair[sender === 'ours' ? 'theirs' : 'ours'], contents);
      const isServer = (sender === 'ours') !== (stage.peerRole === 'server');
      const { messages, faults } = pair.tap.from[isServer ? 'server' : 'client'];
      assert.deepEqual(faults, []);
      messages.forEach(({ compressed }, index) => {
        const manner = MANNERS[index % MANNERS.length];
        if (manner !== 'unforced') assert.equal(compressed, manner !== 'plain', `${index}`);
      });
    },
    sender === 'ours'
      ? { subjectNeeds: ['chooses what to compress'] }
      : { needs: ['chooses what to compress'] },
  ),
);

const LIMIT = 1000;

const LIMITS: readonly Scenario[] = [
  {
    title: 'a compressed message of the greatest size is accepted',
    needs: ['compresses'],
    run: async (stage) => {
      const limits = { ours: { maxMessageSize: LIMIT } };
      const { ours, theirs } = await openDeflating(stage, WITHOUT_CONTEXT, limits);
      for (const content of [text(jsonOfOctets(LIMIT)), binary(LIMIT)]) {
        await theirs.send(content);
        assertContent(await ours.messages.next(), content);
      }
    },
  },
  ...[LIMIT + 1, MIB].flatMap((length) =>
    remembering(
      `a message that inflates to ${length} octets: 1009 (§7.4.1)`,
      async (stage, how) => {
        const limits = { ours: { maxMessageSize: LIMIT } };
        const { ours, theirs } = await openDeflating(stage, how, limits);
        // Whoever sends it in fragments is told in the middle of it.
        await theirs.send({ type: 'binary', data: new Uint8Array(length) }).catch(() => undefined);
        assert.equal((await closingOf(theirs)).code, 1009);
        assertFailed(await closingOf(ours), 1009, 'ERR_WS_MESSAGE_TOO_BIG');
      },
    ),
  ),
  {
    title: 'framewire sends more, compressed, than the peer accepts: 1009 (§7.4.1)',
    needs: ['compresses', 'limits messages'],
    run: async (stage) => {
      const limits = { theirs: { maxMessageSize: LIMIT } };
      const { ours } = await openDeflating(stage, WITHOUT_CONTEXT, limits);
      // Some count what travels, so that it must not get smaller.
      await ours.send(binary(LIMIT + 1));
      assert.equal((await closingOf(ours)).code, 1009);
    },
  },
  ...remembering(
    'compressed text that is not UTF-8: 1007 (§8.1)',
    async (stage, choice) => {
      const { ours, theirs } = await openDeflating(stage, choice);
      const good = text(chinese(500));
      const data = Buffer.concat([good.data, Uint8Array.of(0xe6, 0x97), good.data]);
      await theirs.send(good);
      assertContent(await ours.messages.next(), good);
      await theirs.send({ type: 'text', data });
      assert.equal((await closingOf(theirs)).code, 1007);
      assertFailed(await closingOf(ours), 1007, 'ERR_WS_INVALID_UTF8');
    },
    { needs: ['sends invalid text'] },
  ),
];

const ELSEWHERE: readonly Scenario[] = [
  ...remembering(
    'a message of 1 KiB that inflates to 1 MiB arrives without another behind it',
    async (stage, choice) => {
      const { ours, theirs } = await openDeflating(stage, choice);
      const content: Content = { type: 'binary', data: new Uint8Array(MIB) };
      for (const [from, to] of [
        [theirs, ours],
        [ours, theirs],
      ] as const) {
        await from.send(content);
        assertContent(await to.messages.next(), content);
      }
    },
  ),
  ...remembering(
    'messages both ways through a server of node:http',
    async (stage, choice) => {
      const pair = await openDeflating(stage, choice, { server: { attach: true } });
      await exchange(pair, SHORT_CONTENTS);
      assertBothCompressed(pair, agreed(pair), SHORT_CONTENTS);
    },
    { roles: ['client'] },
  ),
  {
    title: 'messages both ways over TLS, deflated',
    needs: ['compresses', 'speaks TLS'],
    run: async (stage) => {
      const { certificate } = stage.certificate;
      const pair = await stage.open({
        server: stage.certificate,
        client: { certificate },
        ours: { deflate: WITH_CONTEXT.request },
        theirs: { deflate: {} },
      });
      agreed(pair);
      await exchange(pair, SHORT_CONTENTS);
    },
  },
];

export const DEFLATED_MESSAGES: readonly Scenario[] = [
  ...FRAGMENTS,
  ...ORDER,
  ...ONE_BY_ONE,
  ...LIMITS,
  ...ELSEWHERE,
];
