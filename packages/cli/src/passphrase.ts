/** Asks for a secret on the terminal without showing what is typed. */
import readline from 'node:readline';
import { Writable, type Readable } from 'node:stream';
import { UsageError } from './usage-error.ts';
import type { Output } from './terminal.ts';

export async function askPassphrase(
  input: Readable & { readonly isTTY?: boolean },
  output: Output,
  what: string = 'passphrase',
): Promise<string> {
  if (input.isTTY !== true) {
    throw new UsageError('--passphrase without a value asks for it, which needs a terminal');
  }
  output.write(`${what}: `);
  // The terminal is in raw mode: nothing is shown but what the interface writes, and it has nowhere to.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const prompt = readline.createInterface({
    input,
    output: nowhere,
    terminal: true,
    historySize: 0,
  });
  try {
    return await new Promise<string>((resolve, reject) => {
      prompt.once('line', resolve);
      const refuse = (): void => reject(new UsageError(`no ${what} was given`));
      prompt.once('SIGINT', refuse);
      prompt.once('close', refuse);
    });
  } finally {
    prompt.close();
    output.write('\n');
  }
}
