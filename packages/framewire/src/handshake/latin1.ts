/** ISO 8859-1, the octets of heads as text. `TextDecoder('latin1')` is windows-1252, and changes 0x80 to 0x9F. */
import { Buffer } from 'node:buffer';

export function decodeLatin1({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString('latin1');
}

/** For text that was checked to be latin1. */
export function encodeLatin1(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}
