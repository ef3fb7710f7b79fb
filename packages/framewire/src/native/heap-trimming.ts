/**
 * Has memory that large messages come and go in stay with the process.
 *
 * The allocator of Linux, glibc's, gives what is free at the end of its heap back to the system from 128
 * KiB on. Where messages are large that is so after every collection, and each page that comes back costs
 * more than what is done to its octets. From a block that is freed and was mapped on its own it learns
 * to keep twice as much (mallopt(3), M_MMAP_THRESHOLD): so the largest it learns from is asked for and
 * dropped, once. Nobody touches it, and so it takes no memory. Whoever has set MALLOC_TRIM_THRESHOLD_, or
 * another of the variables that switch the learning off, is heeded; other allocators do not notice.
 */

/** glibc learns from 32 MiB at most, its own header included. */
const BLOCK = 32 * 1024 * 1024 - 64 * 1024;

/** Octets of messages from which on it is worth it: about two collections. */
const WORTH_IT = 64 * 1024 * 1024;

let octetsLeft = WORTH_IT;

/** To be told of all memory for messages, in octets. */
export function noteAllocation(octets: number): void {
  if (octetsLeft <= 0) return;
  octetsLeft -= octets;
  if (octetsLeft > 0) return;
  try {
    Buffer.allocUnsafeSlow(BLOCK);
  } catch {
    // So much is not to be had: it is only about speed.
  }
}
