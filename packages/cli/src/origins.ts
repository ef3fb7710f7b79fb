/** The values of --origin where it says which web pages may connect (RFC 6455 §10.2). */

export function originsOf(origin: string | undefined): 'same' | 'any' | readonly string[] {
  if (origin === undefined || origin === 'same') return 'same';
  return origin === 'any' ? 'any' : [origin];
}
