/** A certificate for 127.0.0.1, made for one run: X.509 (RFC 5280), signed by its own key. */
import { generateKeyPairSync, sign } from 'node:crypto';
import type { Certificate } from './operations.ts';

const ECDSA_WITH_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const COMMON_NAME = [0x55, 0x04, 0x03];
const SUBJECT_ALT_NAME = [0x55, 0x1d, 0x11];

const SEQUENCE = 0x30;
const DAY = 86_400_000;

export function selfSigned(): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const algorithm = der(SEQUENCE, der(0x06, ECDSA_WITH_SHA256));
  const attribute = der(SEQUENCE, der(0x06, COMMON_NAME), der(0x0c, Buffer.from('localhost')));
  const name = der(SEQUENCE, der(0x31, attribute));
  const now = Date.now();
  const addresses = der(0x04, der(SEQUENCE, der(0x87, [127, 0, 0, 1])));
  const content = der(
    SEQUENCE,
    der(0xa0, der(0x02, [2])),
    der(0x02, [1]),
    algorithm,
    name,
    der(SEQUENCE, time(now - DAY), time(now + DAY)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(SEQUENCE, der(SEQUENCE, der(0x06, SUBJECT_ALT_NAME), addresses))),
  );
  const signature = der(0x03, [0], sign('sha256', content, privateKey));
  return {
    cert: pem(der(SEQUENCE, content, algorithm, signature)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

function der(tag: number, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer {
  const octets = Buffer.concat(parts.map((part) => Uint8Array.from(part)));
  const { length } = octets;
  const size =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Uint8Array.of(tag, ...size), octets]);
}

/** UTCTime: 261121030000Z. */
function time(milliseconds: number): Buffer {
  const digits = new Date(milliseconds).toISOString().replaceAll(/[-:T]/gu, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

function pem(octets: Buffer): string {
  const lines = octets.toString('base64').match(/.{1,64}/gu) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
