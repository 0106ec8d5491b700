/*
 * A message of NATS as a record: the subject is its topic; headers, and the subject for replies as ":reply",
 * are its headers, but for the key.
 */
#ifndef BRUCO_SOURCE_KINDS_NATS_MESSAGE_H
#define BRUCO_SOURCE_KINDS_NATS_MESSAGE_H

#include <nats/nats.h>

#include "base/buf.h"
#include "frame/frame.h"

/* Fills in the record but for offset and timestamp; it points into the message and `headers`. Returns NULL,
 * or what can't be read of it. */
const char *nats_message_record(natsMsg *message, struct frame_record *record, struct buf *headers);

#endif
