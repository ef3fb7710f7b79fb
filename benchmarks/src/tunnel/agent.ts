/** The private side of a tunnel, in each style. */
import { openTunnel, openWspAgent } from '@framewire/tunnel';
import { answer } from '../rpc.ts';
import { HOST, usage } from '../servers/serving.ts';
import type { AgentOperations, AgentSettings } from './operations.ts';
import { openPerRequest } from './per-request-agent.ts';

async function start({ style, relay, target }: AgentSettings): Promise<void> {
  if (style === 'per-request') await openPerRequest(relay, target);
  else if (style === 'wsp') await openWsp(relay);
  else {
    await openTunnel(`ws://${HOST}:${relay}`, {
      name: 'bench',
      target: `http://${HOST}:${target}`,
      // A rule that everything fits: with it the agent reads what it passes on.
      ...(style === 'native-reading' && { rules: { allow: [{ path: '/*' }] } }),
    });
  }
}

/** Resolves with the first of its connections: further ones are opened as they are needed. */
function openWsp(relay: number): Promise<void> {
  return new Promise((resolve, reject) => {
    openWspAgent({
      targets: `ws://${HOST}:${relay}/register`,
      onConnection({ state, error }) {
        if (state === 'open') resolve();
        else if (state === 'refused') reject(error ?? new Error('the relay refuses the agent'));
      },
    });
  });
}

answer<AgentOperations>({ start, usage });
