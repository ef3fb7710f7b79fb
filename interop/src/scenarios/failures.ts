/** RFC 6455 §7.1.5, §7.4.1, §8.1: connections that break, and peers that break the rules. */
import assert from 'node:assert/strict';
import { binary, pseudoRandomOctets, text } from '../contents.ts';
import type { Closing } from '../endpoint.ts';
import { assertContent, assertFailed, assertInfo, closingOf, type Scenario } from '../scenario.ts';

const LIMIT = 1000;

function assertLost(closing: Closing): void {
  assert.equal(closing.code, 1006);
  assertInfo(closing, (info) => {
    assert.equal(info.wasClean, false);
    assert.equal(info.initiator, 'network');
    assert.ok(info.error instanceof Error, 'a lost connection says why');
  });
}

const LOST: readonly Scenario[] = [
  {
    title: 'the peer is killed: 1006 and the reason why (§7.1.5)',
    needs: ['can be killed'],
    run: async (stage) => {
      const victim = await stage.startPeer();
      const { ours, theirs } = await stage.open({}, victim);
      await theirs.send(text('last words'));
      assertContent(await ours.messages.next(), text('last words'));
      await victim.kill();
      assertLost(await closingOf(ours));
    },
  },
  {
    title: 'the peer drops the transport: 1006 (§7.1.5)',
    needs: ['drops the transport'],
    run: async (stage) => {
      const { ours, theirs } = await stage.open({});
      await theirs.abort();
      assertLost(await closingOf(ours));
    },
  },
  {
    title: 'framewire drops the transport: the peer sees 1006 (§7.1.5)',
    needs: ['has close codes'],
    run: async (stage) => {
      const { ours, theirs } = await stage.open({});
      await ours.abort();
      assert.equal((await closingOf(theirs)).code, 1006);
    },
  },
];

const INVALID_TEXTS = [
  { name: 'an octet that UTF-8 never has', data: Uint8Array.of(0x61, 0xff, 0x62) },
  { name: 'a lone surrogate', data: Uint8Array.of(0xed, 0xa0, 0x80) },
  { name: 'half a character at the end', data: Uint8Array.of(0xf0, 0x9f, 0x98) },
];

function invalidText({ name, data }: (typeof INVALID_TEXTS)[number]): Scenario {
  return {
    title: `text with ${name}: 1007 (§8.1)`,
    needs: ['sends invalid text'],
    run: async (stage) => {
      const { ours, theirs } = await stage.open({});
      await theirs.send({ type: 'text', data });
      const closing = await closingOf(theirs);
      if (stage.peer.abilities.has('has close codes')) assert.equal(closing.code, 1007);
      assertFailed(await closingOf(ours), 1007, 'ERR_WS_INVALID_UTF8');
    },
  };
}

const TOO_BIG: readonly Scenario[] = [
  {
    title: 'a message of the greatest size is accepted',
    run: async (stage) => {
      const { theirs } = await stage.open({ ours: { echo: true, maxMessageSize: LIMIT } });
      const greatest = text('x'.repeat(LIMIT));
      await theirs.send(greatest);
      assertContent(await theirs.messages.next(), greatest);
    },
  },
  {
    title: 'a message that is too big: 1009 (§7.4.1)',
    run: async (stage) => {
      const { ours, theirs } = await stage.open({ ours: { maxMessageSize: LIMIT } });
      await theirs.send(binary(LIMIT + 1));
      const closing = await closingOf(theirs);
      if (stage.peer.abilities.has('has close codes')) assert.equal(closing.code, 1009);
      assertFailed(await closingOf(ours), 1009, 'ERR_WS_MESSAGE_TOO_BIG');
    },
  },
  {
    title: 'fragments that are too big together: 1009 (§7.4.1)',
    needs: ['sends fragments'],
    run: async (stage) => {
      const { ours, theirs } = await stage.open({
        ours: { maxMessageSize: LIMIT },
        theirs: { fragmentSize: 300 },
      });
      const part = pseudoRandomOctets(400);
      await theirs.sendFragments('binary', [part, part, part], Uint8Array.of(1));
      assert.equal((await closingOf(theirs)).code, 1009);
      assertFailed(await closingOf(ours), 1009, 'ERR_WS_MESSAGE_TOO_BIG');
    },
  },
  {
    title: 'framewire sends more than the peer accepts: 1009 (§7.4.1)',
    needs: ['limits messages'],
    run: async (stage) => {
      const { ours } = await stage.open({ theirs: { maxMessageSize: LIMIT } });
      await ours.send(binary(LIMIT + 1));
      const closing = await closingOf(ours);
      assert.equal(closing.code, 1009);
    },
  },
];

export const FAILURES: readonly Scenario[] = [
  ...LOST,
  ...INVALID_TEXTS.map(invalidText),
  ...TOO_BIG,
];
