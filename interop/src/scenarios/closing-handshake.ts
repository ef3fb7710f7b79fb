/** RFC 6455 §7: codes and reasons, from either side, and nothing lost before them. */
import assert from 'node:assert/strict';
import { text } from '../contents.ts';
import type { Link } from '../endpoint.ts';
import { assertContent, assertInfo, closingOf, type Scenario, type Stage } from '../scenario.ts';

interface Farewell {
  readonly name: string;
  readonly code?: number;
  readonly reason?: string;
}

// A control frame has 125 octets at most, two of which are the code (§5.5).
const LONGEST_REASON = `${'ü'.repeat(61)}.`;

const FAREWELLS: readonly Farewell[] = [
  { name: '1000 and a reason', code: 1000, reason: 'done' },
  { name: '4001 and a reason beyond ASCII', code: 4001, reason: 'bye 👋' },
  { name: '3000 and the longest reason', code: 3000, reason: LONGEST_REASON },
];

type Side = 'framewire' | 'the peer';

function assertClean(stage: Stage, link: Link, initiator: Side): Promise<void> {
  return closingOf(link).then((closing) =>
    assertInfo(closing, (info) => {
      const role = initiator === 'the peer' ? stage.peerRole : otherRole(stage);
      assert.equal(info.wasClean, true);
      assert.equal(info.initiator, role);
      assert.equal(info.error, undefined);
    }),
  );
}

function otherRole(stage: Stage): 'client' | 'server' {
  return stage.peerRole === 'client' ? 'server' : 'client';
}

function closes(initiator: Side, { name, code, reason }: Farewell): Scenario {
  return {
    title: `${initiator} closes with ${name} (§7.1.5)`,
    needs: ['has close codes'],
    run: async (stage) => {
      const { ours, theirs } = await stage.open({});
      const [first, second] = initiator === 'framewire' ? [ours, theirs] : [theirs, ours];
      await first.close(code, reason);
      const { code: seen, reason: why } = await closingOf(second);
      assert.deepEqual({ code: seen, reason: why }, { code, reason });
      assert.equal((await closingOf(first)).code, code);
      // The browser's CloseEvent; other peers have no such thing.
      assert.notEqual((await closingOf(theirs)).wasClean, false);
      await assertClean(stage, ours, initiator);
    },
  };
}

function closesWithoutCode(initiator: Side): Scenario {
  return {
    title: `${initiator} closes without a code: 1005 (§7.1.5)`,
    needs: ['closes without a code'],
    run: async (stage) => {
      const { ours, theirs } = await stage.open({});
      const [first, second] = initiator === 'framewire' ? [ours, theirs] : [theirs, ours];
      await first.close();
      const { code, reason } = await closingOf(second);
      assert.deepEqual({ code, reason }, { code: 1005, reason: '' });
      assert.equal((await closingOf(first)).code, 1005);
      await assertClean(stage, ours, initiator);
    },
  };
}

const BEFORE_CLOSE = 50;

function sendsThenCloses(initiator: Side): Scenario {
  return {
    title: `${BEFORE_CLOSE} messages arrive before the Close of ${initiator} (§5.5.1)`,
    run: async (stage) => {
      const { ours, theirs } = await stage.open({});
      const [first, second] = initiator === 'framewire' ? [ours, theirs] : [theirs, ours];
      const contents = Array.from({ length: BEFORE_CLOSE }, (_, index) => text(`last ${index}`));
      const sent = contents.map((content) => first.send(content));
      await Promise.all([...sent, first.close(1000, 'that was all')]);
      for (const content of contents) assertContent(await second.messages.next(), content);
      await closingOf(second);
    },
  };
}

const SERVERS_CLOSE: Scenario = {
  title: 'the server goes away: 1001 (§7.4.1)',
  needs: ['has close codes'],
  run: async (stage) => {
    const pair = await stage.open({});
    const client = stage.peerRole === 'client' ? pair.theirs : pair.ours;
    await pair.listener.shutdown();
    assert.equal((await closingOf(client)).code, 1001);
    await assertClean(stage, pair.ours, stage.peerRole === 'server' ? 'the peer' : 'framewire');
  },
};

const BOTH_CLOSE: Scenario = {
  title: 'both sides close at once (§7.1.2)',
  needs: ['has close codes'],
  run: async (stage) => {
    const { ours, theirs } = await stage.open({});
    // A peer that has seen our Close already may say that it is too late for its own.
    const late = theirs.close(4002, 'theirs').catch(() => undefined);
    await Promise.all([ours.close(4001, 'ours'), late]);
    const [closing, other] = await Promise.all([closingOf(ours), closingOf(theirs)]);
    // Whoever is late answers the other's Close, so either code may be seen on either side.
    assert.ok([4001, 4002].includes(closing.code), String(closing.code));
    assert.ok([4001, 4002].includes(other.code), String(other.code));
    assertInfo(closing, (info) => assert.equal(info.wasClean, true));
  },
};

/** For a peer whose Close says 1000 whatever happens. */
const CODELESS: readonly Scenario[] = [
  {
    title: 'the Close of a peer without codes is 1000 (§7.4.1)',
    needs: ['closes with 1000 only'],
    run: async (stage) => {
      const { ours, theirs } = await stage.open({});
      await theirs.close();
      assert.equal((await closingOf(ours)).code, 1000);
    },
  },
  {
    title: 'framewire closes with 4001, a peer without codes answers 1000 (§5.5.1)',
    needs: ['closes with 1000 only'],
    run: async (stage) => {
      const { ours, theirs } = await stage.open({});
      await ours.close(4001, 'bye');
      await closingOf(theirs);
      const closing = await closingOf(ours);
      assert.equal(closing.code, 1000);
      assertInfo(closing, (info) => assert.deepEqual(info.sent, { code: 4001, reason: 'bye' }));
    },
  },
];

export const CLOSING_HANDSHAKE: readonly Scenario[] = [
  ...FAREWELLS.flatMap((farewell) => [closes('the peer', farewell), closes('framewire', farewell)]),
  closesWithoutCode('the peer'),
  closesWithoutCode('framewire'),
  sendsThenCloses('the peer'),
  sendsThenCloses('framewire'),
  SERVERS_CLOSE,
  BOTH_CLOSE,
  ...CODELESS,
];
