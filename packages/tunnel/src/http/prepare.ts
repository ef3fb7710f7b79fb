/** The head of a request, made ready for whoever serves. */
import type { Http2ServerRequest } from 'node:http2';
import { TunnelError } from '../errors.ts';
import type { CallerRequest } from './caller.ts';
import { framingOf, requestFields, type Fields, type Framing } from './hop-by-hop.ts';

/** How the content of the request is delimited; a TunnelError for what is not passed on. */
export function requestFraming(request: CallerRequest): Framing | TunnelError {
  const framing = framingOf(request.rawHeaders, 'ERR_TUNNEL_BAD_REQUEST');
  if (framing instanceof TunnelError || request.httpVersionMajor !== 2) return framing;
  if (framing.length !== undefined) return framing;
  // RFC 9113 §8.1: the frames delimit it, and HTTP/1.1 has chunks for that.
  const { stream } = request as Http2ServerRequest;
  return { isChunked: !stream.endAfterHeaders, length: undefined };
}

/** Whether there is content to wait for. */
export function hasContent({ isChunked, length }: Framing): boolean {
  return isChunked || (length !== undefined && length > 0);
}

/**
 * The fields of a request as they are sent on, names and values in turn: those of one hop left out,
 * the framing kept. A TunnelError for a request that is refused (RFC 9112 §6.1). `framing` is that of
 * `requestFraming`, for whoever has asked already.
 */
export function prepareFields(
  request: CallerRequest,
  isUpgrade: boolean = false,
  framing: Framing | TunnelError = requestFraming(request),
): Fields | TunnelError {
  if (framing instanceof TunnelError) return framing;
  const fields = requestFields(request, { framing, isUpgrade });
  const authority = targetAuthority(request.url);
  // RFC 9112 §3.2.2: what the caller says in Host is ignored, and replaced.
  return authority === undefined ? fields : withHost(fields, authority);
}

/** Of a target in absolute-form, without user information; undefined for all others. */
function targetAuthority(target: string | undefined): string | undefined {
  if (target === undefined || target.startsWith('/')) return undefined;
  return /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#]*@)?([^/?#]*)/i.exec(target)?.[1];
}

/** The fields with another Host, as the first of them (RFC 9110 §7.2). */
export function withHost(fields: readonly string[], host: string): Fields {
  return ['Host', host, ...withoutField(fields, 'host')];
}

/** The fields but those of this name, which is in lower case. */
export function withoutField(fields: readonly string[], name: string): Fields {
  const rest: Fields = [];
  for (let index = 0; index < fields.length; index += 2) {
    const field = fields[index]!;
    if (field.length === name.length && field.toLowerCase() === name) continue;
    rest.push(field, fields[index + 1]!);
  }
  return rest;
}
