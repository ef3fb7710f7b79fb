/** The words of wsp: its own files, and the section `wsp` of ours, which has the same keys and two more. */
import {
  readWspAgentConfig,
  readWspRelayConfig,
  type WspAgentOptions,
  type WspConfig,
  type WspRelayOptions,
  type WspRequestAccess,
} from '@framewire/tunnel';
import type { z } from 'zod';
import type { Mistake } from './config-error.ts';
import { ConfigFile, type KeyPath } from './config-file.ts';

/** What wsp's server does not have. */
const OURS = ['requestToken', 'openRequests'] as const;

type Section = Readonly<Record<string, unknown>>;

/** What is `given` on the command line counts before what stands in the section. */
export function readWspSection(
  section: Section,
  given: WspRequestAccess = {},
): WspConfig<WspRelayOptions> {
  const { requestToken, openRequests, ...rest } = section;
  const problems = [
    ...(requestToken === undefined || typeof requestToken === 'string'
      ? []
      : [{ key: OURS[0], message: 'has to be a text' }]),
    ...(openRequests === undefined || typeof openRequests === 'boolean'
      ? []
      : [{ key: OURS[1], message: 'has to be true or false' }]),
    ...['host', 'port']
      .filter((key) => key in rest)
      .map((key) => ({ key, message: `stands outside of wsp: it is one ${key} for all` })),
  ];
  const ours = {
    ...(typeof requestToken === 'string' && { requestToken }),
    ...(typeof openRequests === 'boolean' && { openRequests }),
  };
  const { options, errors, warnings } = readWspRelayConfig(rest, { ...ours, ...given });
  return { options, errors: [...errors, ...problems], warnings };
}

/** For `superRefine` of the section. */
export function checkWspSection(section: Section, context: z.RefinementCtx<Section>): void {
  for (const { key, message } of readWspSection(section).errors) {
    context.addIssue({ code: 'custom', message, path: [...pathOf(key)] });
  }
}

/** A file of wsp that was read; `options` is not to be used where there are mistakes. */
export interface WspFile<Options> {
  readonly options: Options;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly mistakes: readonly Mistake[];
  readonly warnings: readonly Mistake[];
}

export function readWspRelayFile(path: string, given: WspRequestAccess): WspFile<WspRelayOptions> {
  return readWspFile(path, (content) => readWspRelayConfig(content, given));
}

export function readWspAgentFile(path: string): WspFile<WspAgentOptions> {
  return readWspFile(path, readWspAgentConfig);
}

function readWspFile<Options, Config extends WspConfig<Options>>(
  path: string,
  read: (content: unknown) => Config,
): WspFile<Options> & Partial<Config> {
  const file = ConfigFile.read(path);
  if (!(file instanceof ConfigFile)) {
    return { ...read({}), mistakes: [file], warnings: [] };
  }
  const config = read(file.content);
  for (const { key, message } of config.errors) file.add(pathOf(key), message);
  const warnings = config.warnings.map(({ key, message }) => file.mistakeAt(pathOf(key), message));
  return { ...config, mistakes: file.mistakes, warnings };
}

/** `whitelist[0].headers.X-Name`: a name of a header may have a dot in it. */
function pathOf(key: string): KeyPath {
  const [beginning = '', ...rest] = key.split('.headers.');
  const path = [...beginning.matchAll(/\[(\d+)\]|[^.[\]]+/gu)].map(([word, index]) =>
    index === undefined ? word : Number(index),
  );
  return rest.length === 0 ? path : [...path, 'headers', rest.join('.headers.')];
}
