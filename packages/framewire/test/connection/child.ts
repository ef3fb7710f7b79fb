/** A program in a process of its own, for what would end or spoil that of the tests. */
import { spawn } from 'node:child_process';
import { within } from './raw-peer.ts';

export interface Outcome {
  readonly code: number | null;
  readonly stderr: string;
  readonly stdout: string;
}

/** Runs an ES module that has the library, `turns` and `until` in scope. */
export async function run(script: string, env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const preamble = `
    import { connect, WebSocketServer, prepareMessage, json } from ${JSON.stringify(import.meta.resolve('framewire'))};
    const turns = async (count) => {
      while (count-- > 0) await new Promise((resolve) => setImmediate(resolve));
    };
    const until = async (condition) => {
      for (let count = 0; !condition(); count++) {
        if (count > 100_000) throw new Error('it does not happen: ' + condition);
        await turns(1);
      }
    };
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', preamble + script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
  try {
    return { code: await within(exited, 'the child', 20_000), stdout, stderr };
  } finally {
    child.kill();
  }
}
