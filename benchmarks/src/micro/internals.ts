/**
 * The one place outside `packages/framewire` that reaches into it: what is timed here are its parts,
 * and publishing them for that would make them API. They are what `tsc -b` left, as users run them.
 */
export {
  judgeRequest,
  acceptanceHead,
} from '../../../packages/framewire/dist/handshake/server-handshake.js';
export { acceptFor } from '../../../packages/framewire/dist/handshake/accept-key.js';
export {
  DEFAULT_HEAD_LIMITS,
  HeadReader,
  parseRequestHead,
} from '../../../packages/framewire/dist/handshake/http1-head.js';
export { MASK_MODULE } from '../../../packages/framewire/dist/native/mask-module.js';
export { mask, readBuffer } from '../../../packages/framewire/dist/native/masking.js';
export { allocate } from '../../../packages/framewire/dist/native/memory.js';
export { asBuffer, decodeText } from '../../../packages/framewire/dist/native/text.js';
export { applyMask } from '../../../packages/framewire/dist/protocol/masking.js';
export { copyOf } from '../../../packages/framewire/dist/protocol/octets.js';
export { Utf8Validator } from '../../../packages/framewire/dist/protocol/utf8.js';
