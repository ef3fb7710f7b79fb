/** Where it was measured, and what: figures mean nothing without. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import type { Cores } from './child.ts';

export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  /** Octets. */
  readonly memory: number;
  readonly os: string;
  readonly node: string;
  readonly zlib: string;
  readonly packages: Readonly<Record<string, string>>;
  /** The cores that server and load had for themselves; undefined when nothing was bound. */
  readonly pinned: Cores | undefined;
  /** Processes that wanted to run in the minute before. */
  readonly loadBefore: number;
}

const PACKAGES = ['framewire', '@framewire/tunnel', 'ws', 'bufferutil', 'utf-8-validate', 'undici'];

/** `others` are versions that npm does not know. */
export function describeMachine(
  pinned: Cores | undefined,
  others: Readonly<Record<string, string>>,
): Machine {
  return {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory: totalmem(),
    os: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    zlib: process.versions.zlib ?? 'unknown',
    packages: {
      ...Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)])),
      ...others,
    },
    pinned,
    loadBefore: loadavg()[0] ?? 0,
  };
}

function versionOf(name: string): string {
  const file = createRequire(import.meta.url).resolve(`${name}/package.json`);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}
