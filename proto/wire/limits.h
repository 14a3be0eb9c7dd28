/* Every limit of the protocol, each with its reason. Bytes unless the name says otherwise. */
#pragma once
#include <stdint.h>

enum {
    WIRE_PROTOCOL_VERSION = 1, /* of the session protocol and of the header */
    WIRE_SUITE_P256 = 1,       /* P-256, SHA-256, AES-256-GCM */
    WIRE_HASH_BYTES = 32,      /* SHA-256 */
    WIRE_ID_BYTES = 16,        /* UUIDv7, store id, ledger id, session */
    WIRE_SALT_BYTES = 16,
    WIRE_SIGNATURE_BYTES_MAX = 80, /* DER ECDSA P-256 is at most 72 */
    WIRE_MECHANISM_BYTES_MAX = 40,
    WIRE_BATCH_ENVELOPES_MAX = 512,        /* one leaf bitmap is 64 bytes; 90 µs of verification is spread over them */
    WIRE_BATCH_BYTES_MAX = 256 * 1024,     /* what may stand in front of a flash, twice over, is 512 KiB */
    WIRE_ENVELOPE_BYTES_MAX = 1024 * 1024, /* one larger envelope travels alone */
    WIRE_FRAME_BYTES_MAX = 1024 * 1024 + 64 * 1024, /* that envelope and its frame; ZMQ_MAXMSGSIZE */
    WIRE_FLASH_BYTES_MAX = 16 * 1024,               /* an alert fits a few TCP segments */
    WIRE_URGENT_BYTES_MAX = 64 * 1024,
    WIRE_HEADER_BYTES_MAX = 4 * 1024,
    WIRE_ADDRESSES_MAX = 64, /* to[] and cc[] together; members are expanded by the broker */
    WIRE_REFERENCES_MAX = 16,
    WIRE_RECIPIENTS_MAX = 400, /* regions one envelope may be given to: every province and prefecture */
    WIRE_BOXES_MAX = 64,       /* regions sealed to in one batch */
    WIRE_TERMS_MAX = 3,
    WIRE_LANES = 4,
    WIRE_PIECE_BYTES_MAX = 256 * 1024, /* POLICY and DIRECTORY frames */
    WIRE_RECEIPTS_UNTAKEN_BYTES_MAX = 256 * 1024,
    WIRE_OUTSTANDING_BYTES_MAX = 512 * 1024, /* of all lanes but flash, per direction */
    WIRE_COMMIT_BYTES_MAX = 2 * 1024 * 1024, /* one group commit */
    WIRE_ARENA_FACTOR = 8,                   /* decoding may take 8 × wire + 64 KiB */
    WIRE_ARENA_BASE = 64 * 1024,
    WIRE_PULSE_MS = 5000, /* silent for 3 of them: the link is down */
    WIRE_TITLE_BYTES_MAX = 600,
    WIRE_TEXT_BYTES_MAX = 64 * 1024,
};
