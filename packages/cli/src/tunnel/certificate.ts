/** A certificate and its key, read again when the files change. */
import { readFileSync, watch, type FSWatcher } from 'node:fs';
import { dirname } from 'node:path';
import { createSecureContext } from 'node:tls';
import { UsageError } from '../usage-error.ts';

export interface CertificatePaths {
  readonly cert: string;
  readonly key: string;
}

export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Throws a UsageError for files that cannot be read, or are not of each other. */
export function readCertificate({ cert, key }: CertificatePaths): Certificate {
  const certificate = { cert: read('certificate', cert), key: read('key', key) };
  try {
    createSecureContext(certificate);
    return certificate;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`the certificate ${cert} and the key ${key} are of no use: ${why}`, {
      cause,
    });
  }
}

function read(what: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`cannot read the ${what}: ${why}`, { cause });
  }
}

/** Milliseconds for both files to be written. */
const QUIET = 200;

/**
 * Calls back some time after something has changed in the folders: files are replaced there by renaming,
 * and by links that lead elsewhere. Disposing ends it.
 */
export function watchCertificate(
  { cert, key }: CertificatePaths,
  onChange: () => void,
): Disposable {
  let timer: NodeJS.Timeout | undefined;
  const changed = (): void => {
    clearTimeout(timer);
    timer = setTimeout(onChange, QUIET);
  };
  const watchers = [...new Set([dirname(cert), dirname(key)])].map((folder): FSWatcher =>
    watch(folder, { persistent: false }, changed)
      // A folder that has gone: SIGHUP is left.
      .on('error', () => {}),
  );
  return {
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
    },
  };
}
