/** `framewire tunnel token` and `password`: what goes into the configuration of a relay. */
import { createInterface } from 'node:readline';
import { createToken, hashPassword, hashToken } from '@framewire/tunnel';
import { Command } from 'commander';
import { ExitCode } from '../exit-codes.ts';
import { askPassphrase } from '../passphrase.ts';
import { UsageError } from '../usage-error.ts';

interface SecretFlags {
  readonly hash?: boolean;
  readonly json?: boolean;
}

const TOKEN_HELP = `
The token is for the agent: FRAMEWIRE_TUNNEL_TOKEN, or --token-file. The hash is for the relay:

  tokens:
    - id: laptop
      hash: <hash>
      names: [app, "app-*"]
      expires: 2027-01-31

Examples:
  $ framewire tunnel token
  $ framewire tunnel token --hash < token.txt`;

const PASSWORD_HELP = `
The password is asked for, or read from stdin. Its hash is for the relay, which asks those who call:

  access:
    app:
      basic:
        alice: <hash>`;

export function tunnelTokenCommand(finish: (code: ExitCode) => void): Command {
  const command = new Command('token')
    .summary('make a token for an agent')
    .description('Makes a token for an agent, and the hash of it for the relay.')
    .option('--hash', 'print the hash of a token that is read from stdin')
    .option('--json', 'as an object of JSON')
    .addHelpText('after', TOKEN_HELP);
  return command.action(async () => {
    const { hash: isGiven, json } = command.opts<SecretFlags>();
    const token = isGiven === true ? await askFor('token') : createToken();
    const hash = hashToken(token);
    if (json === true) print(JSON.stringify(isGiven === true ? { hash } : { token, hash }));
    else print(isGiven === true ? hash : `token  ${token}\nhash   ${hash}`);
    finish(ExitCode.ok);
  });
}

export function tunnelPasswordCommand(finish: (code: ExitCode) => void): Command {
  const command = new Command('password')
    .summary('make the hash of a password')
    .description('Makes the hash of a password for those who call a tunnel.')
    .option('--json', 'as an object of JSON')
    .addHelpText('after', PASSWORD_HELP);
  return command.action(async () => {
    const hash = await hashPassword(await askFor('password'));
    print(command.opts<SecretFlags>().json === true ? JSON.stringify({ hash }) : hash);
    finish(ExitCode.ok);
  });
}

/** Hidden on a terminal; the first line of anything else. */
async function askFor(what: string): Promise<string> {
  if (process.stdin.isTTY) return askPassphrase(process.stdin, process.stderr, what);
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    lines.close();
    if (line !== '') return line;
    break;
  }
  throw new UsageError(`no ${what} was given`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
