/** RFC 6455 §5.2, §5.4, §5.6: what is sent arrives, whole, once and in order. */
import assert from 'node:assert/strict';
import { binary, CONTENTS, pseudoRandomOctets, text, type NamedContent } from '../contents.ts';
import { assertContent, assertOctets, type Scenario } from '../scenario.ts';
import type { Content } from '../endpoint.ts';

const PIPELINED = 200;

/** Alternately text and binary, of lengths that change the header. */
function pipelinedContents(): Content[] {
  return Array.from({ length: PIPELINED }, (_, index) =>
    index % 2 === 0 ? text(`message ${index} ✓`) : binary(index),
  );
}

function echoedByFramewire({ name, content }: NamedContent): Scenario {
  return {
    title: `framewire echoes ${name}`,
    run: async (stage) => {
      const { theirs } = await stage.open({ ours: { echo: true } });
      await theirs.send(content);
      assertContent(await theirs.messages.next(), content);
    },
  };
}

function echoedByPeer({ name, content }: NamedContent): Scenario {
  return {
    title: `the peer echoes ${name}`,
    run: async (stage) => {
      const { ours } = await stage.open({ theirs: { echo: true } });
      await ours.send(content);
      assertContent(await ours.messages.next(), content);
    },
  };
}

const PIPELINING: readonly Scenario[] = [
  {
    title: `framewire echoes ${PIPELINED} pipelined messages in order`,
    run: async (stage) => {
      const { theirs } = await stage.open({ ours: { echo: true } });
      const contents = pipelinedContents();
      await Promise.all(contents.map((content) => theirs.send(content)));
      const echoes = await theirs.messages.take(contents.length);
      echoes.forEach((echo, index) => assertContent(echo, contents[index] ?? text('?')));
    },
  },
  {
    title: `the peer echoes ${PIPELINED} pipelined messages in order`,
    run: async (stage) => {
      const { ours } = await stage.open({ theirs: { echo: true } });
      const contents = pipelinedContents();
      await Promise.all(contents.map((content) => ours.send(content)));
      const echoes = await ours.messages.take(contents.length);
      echoes.forEach((echo, index) => assertContent(echo, contents[index] ?? text('?')));
    },
  },
  {
    title: 'messages cross each other in both directions at once',
    run: async (stage) => {
      const { ours, theirs } = await stage.open({});
      const contents = pipelinedContents();
      await Promise.all(contents.flatMap((content) => [ours.send(content), theirs.send(content)]));
      for (const content of contents) {
        assertContent(await ours.messages.next(), content);
        assertContent(await theirs.messages.next(), content);
      }
    },
  },
];

const FRAGMENT_SIZE = 1024;
const PING = new TextEncoder().encode('in between');

// Each part is longer than a fragment, so that a fragment leaves before the ping does.
function partsOf(data: Uint8Array): Uint8Array[] {
  return [data.slice(0, 2001), data.slice(2001, 4003), data.slice(4003)];
}

const FRAGMENTED: readonly Content[] = [
  // One octet and then characters of four: every boundary falls into a character (§8.1).
  text(`x${'😀'.repeat(1500)}`),
  { type: 'binary', data: pseudoRandomOctets(6001) },
];

function fragmentedByPeer(content: Content): Scenario {
  return {
    title: `fragmented ${content.type} from the peer with a ping in between`,
    needs: ['sends fragments'],
    run: async (stage) => {
      const { ours, theirs } = await stage.open({ theirs: { fragmentSize: FRAGMENT_SIZE } });
      await theirs.sendFragments(content.type, partsOf(content.data), PING);
      assertContent(await ours.messages.next(), content);
      assertOctets(await ours.pings.next(), PING);
      assertOctets(await theirs.pongs.next(), PING);
      assert.deepEqual(ours.history, ['ping', 'message']);
    },
  };
}

function fragmentedByFramewire(content: Content): Scenario {
  return {
    title: `fragmented ${content.type} from framewire with a ping in between`,
    needs: ['reassembles fragments'],
    run: async (stage) => {
      const { ours, theirs } = await stage.open({});
      await ours.sendFragments(content.type, partsOf(content.data), PING);
      assertContent(await theirs.messages.next(), content);
      assertOctets(await ours.pongs.next(), PING);
      if (!stage.peer.abilities.has('sees pings')) return;
      assertOctets(await theirs.pings.next(), PING);
      assert.deepEqual(theirs.history, ['ping', 'message']);
    },
  };
}

export const MESSAGES: readonly Scenario[] = [
  ...CONTENTS.map(echoedByFramewire),
  ...CONTENTS.map(echoedByPeer),
  ...PIPELINING,
  ...FRAGMENTED.map(fragmentedByPeer),
  ...FRAGMENTED.map(fragmentedByFramewire),
];
