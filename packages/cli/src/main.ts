/** The command `framewire`. */
import { Command, CommanderError } from 'commander';
import { benchCommand } from './commands/bench.ts';
import { connectCommand } from './commands/connect.ts';
import { echoCommand } from './commands/echo.ts';
import { tunnelCommand } from './commands/tunnel.ts';
import { describeError } from './describe-error.ts';
import { EXIT_CODES_HELP, ExitCode, exitCodeOfError } from './exit-codes.ts';
import { readVersion } from './version.ts';

async function main(): Promise<ExitCode> {
  let exitCode: ExitCode = ExitCode.ok;
  const finish = (code: ExitCode): void => {
    exitCode = code;
  };
  const program = new Command('framewire')
    .description('WebSockets on the command line.')
    .version(readVersion(), '-v, --version', 'show the version')
    .exitOverride()
    .showHelpAfterError('(--help shows what can be asked for)')
    .addHelpText('after', EXIT_CODES_HELP);
  program
    .addCommand(connectCommand(finish))
    .addCommand(echoCommand(finish))
    .addCommand(benchCommand(finish))
    .addCommand(tunnelCommand(finish));
  inheritSettings(program);
  try {
    await program.parseAsync();
    return exitCode;
  } catch (error) {
    return report(error);
  }
}

/** Commands that were made elsewhere have settings of their own until then. */
function inheritSettings(parent: Command): void {
  for (const command of parent.commands) inheritSettings(command.copyInheritedSettings(parent));
}

/** Commander has told its own errors already; --help and --version are none. */
function report(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  process.stderr.write(`framewire: ${describeError(error)}\n`);
  return exitCodeOfError(error);
}

// `framewire connect … | head -1`: whoever read the output has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? ExitCode.ok : ExitCode.error);
});

process.exitCode = await main();
