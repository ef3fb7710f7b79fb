/** FRAMEWIRE_TUNNEL_…: what an option has where the command line does not say it. */
import { Option, type Command } from 'commander';

const PREFIX = 'FRAMEWIRE_TUNNEL_';

export const ENVIRONMENT_HELP: string = `
Environment and file:
  Every option has a variable, such as ${PREFIX}TOKEN for --token and ${PREFIX}TLS_CERT for
  --tls-cert; those without a value are yes or no there. The command line wins over the environment,
  and the environment over the file of --config. Tokens belong in the latter two: other users of
  this machine can see what a command line says.`;

const NO: ReadonlySet<string> = new Set(['', '0', 'no', 'false', 'off']);

/** Of options that are of no use in an environment. */
const WITHOUT: ReadonlySet<string> = new Set(['color', 'json']);

/** Each option gets its variable. Call it before they are added: commander listens from then on. */
export function bindEnvironment(command: Command): void {
  command.createOption = (flags, description) => {
    const option = new Option(flags, description);
    const variable = variableOf(option.long ?? '');
    // An empty one says nothing, and would be read as a value.
    const hasNone = WITHOUT.has(option.attributeName()) || process.env[variable] === '';
    return hasNone ? option : option.env(variable);
  };
}

/** The options that were found; where a variable stands for an option without a value, "no" says no. */
export function optionsOf<Flags>(command: Command): Flags {
  const flags: Record<string, unknown> = { ...command.opts() };
  for (const option of command.options) {
    const key = option.attributeName();
    if (command.getOptionValueSource(key) !== 'env') continue;
    const value = process.env[option.envVar ?? ''] ?? '';
    const hasValue = option.required || option.optional;
    const saysNo = !hasValue && NO.has(value.toLowerCase());
    // No "--no-x" says nothing; no "--x" counts before the file.
    if (saysNo && option.negate) Reflect.deleteProperty(flags, key);
    else if (saysNo) flags[key] = false;
  }
  return flags as Flags;
}

/** `a,b` adds two to what earlier options gave. */
export function collectList(text: string, values: readonly string[] = []): string[] {
  const found = text.split(/[\s,]+/u).filter((word) => word !== '');
  return [...values, ...found];
}

function variableOf(flag: string): string {
  return PREFIX + flag.replace(/^--/u, '').replaceAll('-', '_').toUpperCase();
}
