/** RFC 6455 §5.5.2, §5.5.3: a ping is answered by a pong with the same payload. */
import { pseudoRandomOctets, text } from '../contents.ts';
import { assertContent, assertOctets, type Scenario } from '../scenario.ts';

const PAYLOADS = [
  { name: 'a payload', payload: new TextEncoder().encode('are you there? 🙂') },
  { name: '125 octets', payload: pseudoRandomOctets(125) },
];

function pingFromPeer({ name, payload }: (typeof PAYLOADS)[number]): Scenario {
  return {
    title: `framewire answers a ping with ${name}`,
    needs: ['sends pings'],
    run: async (stage) => {
      const { ours, theirs } = await stage.open({});
      await theirs.ping(payload);
      assertOctets(await ours.pings.next(), payload);
      if (stage.peer.abilities.has('sees pongs')) assertOctets(await theirs.pongs.next(), payload);
      await theirs.send(text('after'));
      assertContent(await ours.messages.next(), text('after'));
    },
  };
}

function pingFromFramewire({ name, payload }: (typeof PAYLOADS)[number]): Scenario {
  return {
    title: `the peer answers a ping with ${name}`,
    run: async (stage) => {
      const { ours, theirs } = await stage.open({});
      await ours.ping(payload);
      assertOctets(await ours.pongs.next(), payload);
      if (stage.peer.abilities.has('sees pings')) assertOctets(await theirs.pings.next(), payload);
      await ours.send(text('after'));
      assertContent(await theirs.messages.next(), text('after'));
    },
  };
}

export const CONTROL_FRAMES: readonly Scenario[] = [
  ...PAYLOADS.map(pingFromPeer),
  ...PAYLOADS.map(pingFromFramewire),
];
