import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Paths of PEM files. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

const REQUEST = [
  ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
  ...['-days', '2', '-subj', '/CN=localhost'],
  ...['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'],
];

/** A self-signed certificate for 127.0.0.1 in a folder of its own, which disposing removes. */
export async function makeCertificate(): Promise<Certificate & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'framewire-interop-'));
  const certificate = join(folder, 'certificate.pem');
  const key = join(folder, 'key.pem');
  await run('openssl', [...REQUEST, '-keyout', key, '-out', certificate], { timeout: 10_000 });
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true });
  return { certificate, key, [Symbol.asyncDispose]: dispose };
}
