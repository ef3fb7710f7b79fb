/** A certificate for 127.0.0.1 and its key in files, as the options of the command take them. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface CertificateFiles extends AsyncDisposable {
  readonly cert: string;
  readonly key: string;
}

/** Undefined where there is no openssl: a test that needs it says that it was skipped. */
export async function makeCertificate(): Promise<CertificateFiles | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'framewire-certificate-'));
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await run('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
    ]);
    return { cert, key, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    return undefined;
  }
}
