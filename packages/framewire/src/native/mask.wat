;; RFC 6455 §5.3 for large payloads: 64 octets in one turn, which JavaScript cannot.
;; `npm run wasm` assembles it into mask-module.ts.
(module
  ;; Three pages for octets that are read from sockets, one for a copy of others, the rest for leaving frames.
  (memory (export "memory") 21)

  ;; XORs the octets from $at to $end with the key, whose low octet applies to the first of them.
  (func (export "mask") (param $at i32) (param $end i32) (param $key i32) (result i32)
    (local $keys v128)
    (local.set $keys (i32x4.splat (local.get $key)))
    (block $done
      (loop $turn
        (br_if $done (i32.gt_u (i32.add (local.get $at) (i32.const 64)) (local.get $end)))
        (v128.store (local.get $at)
          (v128.xor (v128.load (local.get $at)) (local.get $keys)))
        (v128.store offset=16 (local.get $at)
          (v128.xor (v128.load offset=16 (local.get $at)) (local.get $keys)))
        (v128.store offset=32 (local.get $at)
          (v128.xor (v128.load offset=32 (local.get $at)) (local.get $keys)))
        (v128.store offset=48 (local.get $at)
          (v128.xor (v128.load offset=48 (local.get $at)) (local.get $keys)))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (br $turn)))
    (block $end_of_words
      (loop $word
        (br_if $end_of_words (i32.gt_u (i32.add (local.get $at) (i32.const 4)) (local.get $end)))
        (i32.store (local.get $at) (i32.xor (i32.load (local.get $at)) (local.get $key)))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (br $word)))
    (block $end_of_octets
      (loop $octet
        (br_if $end_of_octets (i32.ge_u (local.get $at) (local.get $end)))
        (i32.store8 (local.get $at) (i32.xor (i32.load8_u (local.get $at)) (local.get $key)))
        (local.set $key (i32.rotr (local.get $key) (i32.const 8)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $octet)))
    (local.get $key)))
