/**
 * `node interop/dist/tunnel.js [part ...]`: the tunnel's relay with agents of others, and its
 * agents with relays of others. `--only text` plays the scenarios whose title contains the text, `--echoes
 * number` says how many octet streams are sent back, and `--wsp-server path` and `--wsp-client path`
 * where programs are that nobody can install.
 */
import { parseArgs } from 'node:util';
import { chooseParts, playParts } from './play-parts.ts';
import { Report } from './report.ts';
import type { Part } from './routes/workshop.ts';
import { ECHOES, goAgents } from './tunnel/go-agent.ts';
import { goRelays } from './tunnel/go-relay.ts';
import { wspClient } from './tunnel/wsp-client.ts';
import { wspServer } from './tunnel/wsp-server.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: '' },
    echoes: { type: 'string', default: String(ECHOES) },
    'wsp-server': { type: 'string' },
    'wsp-client': { type: 'string' },
  },
});

/** Not there for most, and so no failure even where all peers are required. */
function given(option: 'wsp-server' | 'wsp-client', part: (path: string) => Part): Part {
  const path = values[option];
  if (path !== undefined) return part(path);
  const lack = `no --${option} PATH: interop/README.md says where the program comes from`;
  return { name: option, tools: [], lack, begin: () => Promise.resolve([]) };
}

const count = Number(values.echoes);
const parts = [
  ...goAgents(count),
  ...goRelays(count),
  given('wsp-server', wspServer),
  given('wsp-client', wspClient),
];
await playParts(chooseParts(parts, positionals), values.only, new Report());
