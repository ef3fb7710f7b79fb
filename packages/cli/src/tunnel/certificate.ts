/** A certificate and its key, read again when the files change. */
import { readFileSync, watch, type FSWatcher } from 'node:fs';
import { dirname } from 'node:path';
import { createSecureContext } from 'node:tls';
import { messageOf } from '../error-message.ts';
import { UsageError } from '../usage-error.ts';

export interface CertificatePaths {
  readonly cert: string;
  readonly key: string;
  /** Of the authorities whose certificates agents have to show. */
  readonly agentCa: string | undefined;
}

export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
}

export function isSameCertificate(one: Certificate, other: Certificate): boolean {
  const isSameCa =
    one.ca === undefined ? other.ca === undefined : other.ca?.equals(one.ca) === true;
  return one.cert.equals(other.cert) && one.key.equals(other.key) && isSameCa;
}

/** Throws a UsageError for files that cannot be read, or are not of each other. */
export function readCertificate({ cert, key, agentCa }: CertificatePaths): Certificate {
  const certificate = {
    cert: read('certificate', cert),
    key: read('key', key),
    ...(agentCa !== undefined && { ca: read('certificates of the authorities', agentCa) }),
  };
  try {
    createSecureContext(certificate);
    return certificate;
  } catch (cause) {
    const why = messageOf(cause);
    throw new UsageError(`the certificate ${cert} and the key ${key} are of no use: ${why}`, {
      cause,
    });
  }
}

function read(what: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new UsageError(`cannot read the ${what}: ${messageOf(cause)}`, { cause });
  }
}

/** Milliseconds for both files to be written. */
const QUIET = 200;

/**
 * Calls back some time after something has changed in the folders: files are replaced there by renaming,
 * and by links that lead elsewhere. Disposing ends it.
 */
export function watchCertificate(
  { cert, key, agentCa = cert }: CertificatePaths,
  onChange: () => void,
): Disposable {
  let timer: NodeJS.Timeout | undefined;
  const changed = (): void => {
    clearTimeout(timer);
    timer = setTimeout(onChange, QUIET);
  };
  const watchers = [...new Set([dirname(cert), dirname(key), dirname(agentCa)])].map(
    (folder): FSWatcher =>
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
