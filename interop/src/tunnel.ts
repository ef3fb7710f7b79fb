/**
 * `node interop/dist/tunnel.js [part ...]`: the tunnel's relay with agents of others, and its agents
 * with relays of others. `--only text` plays the scenarios whose title contains the text, `--echoes
 * number` says how often octets are sent back.
 */
import { parseArgs } from 'node:util';
import { chooseParts, playParts } from './play-parts.ts';
import { Report } from './report.ts';
import { ECHOES, goAgents } from './tunnel/go-agent.ts';
import { goRelays } from './tunnel/go-relay.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: '' },
    echoes: { type: 'string', default: String(ECHOES) },
  },
});
const count = Number(values.echoes);
const parts = [...goAgents(count), ...goRelays(count)];
await playParts(chooseParts(parts, positionals), values.only, new Report());
